"""Clones and fetches: a repository as git may see it."""

from sqlalchemy.orm import Session

from freehold.access.rules import Action, Actor
from freehold.content import queries, rules
from freehold.content.kit import Kit
from freehold.content.tables import Ref
from freehold.gitkit.objects import Objects
from freehold.gitkit.serving import View
from freehold.repos import service as repos
from freehold.repos.tables import Repo


def admitted(db: Session, actor: Actor, path: str, *, kind: str) -> None:
    """``actor`` may clone the repository; raises its coded errors otherwise."""
    repos.load(db, actor, path, Action.READ, kind=kind)


def opened(db: Session, kit: Kit, actor: Actor, path: str, *, kind: str) -> tuple[Repo, Objects, list[Ref]]:
    """What ``actor`` may clone: the objects, and every ref by name. Raises the coded errors of the repository."""
    repo = repos.load(db, actor, path, Action.READ, kind=kind)
    # The refs before the packs: a commit that is published in between brings its pack, and nobody is told of it yet.
    refs = queries.refs(db, repo)
    return repo, queries.objects(db, repo, kit), refs


def view(kit: Kit, objects: Objects, refs: list[Ref]) -> View:
    """A directory for one git to serve from; the caller closes it."""
    return View(kit.tmp, objects, [(ref.name, ref.target, ref.peeled) for ref in refs], head=rules.MAIN)
