"""Liking repositories."""

from sqlalchemy import delete
from sqlalchemy.orm import Session

from freehold.access.rules import Action, Actor
from freehold.community import access
from freehold.community.events import RepoLiked, RepoUnliked
from freehold.community.tables import Like
from freehold.content.rows import insert_new
from freehold.core import clock, events
from freehold.repos import service as repos
from freehold.repos.tables import Repo


def like(db: Session, actor: Actor, path: str, *, kind: str) -> Repo:
    """``actor`` likes the repository, once however often it says so. Listeners hear of it the first time."""
    repo = repos.load(db, actor, path, Action.LIST, kind=kind)
    access.check_likes(actor, repo)
    if insert_new(db, Like, {"repo_id": repo.id, "user_id": actor.id, "created_at": clock.now()}):
        repos.count_likes(db, repo, 1)
        events.publish(db, RepoLiked(repo, actor))
    return repo


def unlike(db: Session, actor: Actor, path: str, *, kind: str) -> Repo:
    """``actor`` does not like the repository, whether it did before or not."""
    repo = repos.load(db, actor, path, Action.LIST, kind=kind)
    access.check_likes(actor, repo)
    gone = delete(Like).where(Like.repo_id == repo.id, Like.user_id == actor.id)
    if db.execute(gone).rowcount:  # type: ignore[attr-defined]
        repos.count_likes(db, repo, -1)
        events.publish(db, RepoUnliked(repo, actor))
    return repo
