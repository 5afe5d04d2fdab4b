"""Branches and tags: rows that point to commits; and history made short."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from freehold.access.rules import Action, Actor
from freehold.content import queries, rules
from freehold.content.errors import BadRef, RefExists, RefProtected, RevisionNotFound
from freehold.content.kit import Kit
from freehold.content.service.commits import scratch_directory
from freehold.content.service.numbers import next_number
from freehold.content.service.publishing import (
    MAX_ATTEMPTS,
    LostRace,
    keep_pack,
    move_ref,
    record_pack,
    signature,
)
from freehold.content.tables import Ref
from freehold.core.database import Database
from freehold.core.errors import Conflict, Unavailable
from freehold.gitkit.commits import squash_commit
from freehold.repos import service as repos
from freehold.repos.tables import Repo


def create_branch(
    db: Session, kit: Kit, actor: Actor, path: str, branch: str, *, kind: str, start: str | None = None
) -> str:
    """The branch is there, at ``start`` (any revision; None: the head of ``main``); its commit.

    Raises :class:`BadRef`, :class:`RefExists`, :class:`RevisionNotFound`.
    """
    repo = repos.load(db, actor, path, Action.WRITE, kind=kind)
    ref = rules.checked_branch(branch)
    commit = queries.resolve_revision(db, repo, start or rules.MAIN, kit)
    create(db, actor, repo, ref, commit)
    return commit


def create_pull(
    db: Session, actor: Actor, path: str, *, kind: str, base: str = rules.MAIN, at: str | None = None
) -> tuple[Repo, int, str, str]:
    """A proposal to the branch ``base``: ``refs/pr/<number>`` is there, at the commit ``at`` (None: the branch's head).

    Gives the repository, the number, and the heads of branch and proposal.
    """
    repo = repos.load(db, actor, path, Action.PROPOSE, kind=kind)
    repos.refuse_closed_discussions(repo)
    head = queries.head(db, repo, base)
    if head is None:
        raise RevisionNotFound(base)
    number = next_number(db, repo)
    move_ref(db, actor, repo, f"{rules.PULLS}{number}", None, at or head)
    return repo, number, head, at or head


def delete_branch(db: Session, actor: Actor, path: str, branch: str, *, kind: str) -> None:
    """The branch is gone; its commits stay until the collector finds that nothing holds them.

    Raises :class:`RefProtected` for ``main``, :class:`BadRef` for what is no branch.
    """
    repo = repos.load(db, actor, path, Action.WRITE, kind=kind)
    ref = rules.BRANCHES + branch.removeprefix(rules.BRANCHES)
    if ref == rules.MAIN:
        raise RefProtected(f"Cannot delete {ref}")
    commit = queries.target(db, repo, ref) if rules.ref_candidates(ref) else None
    if commit is None:
        raise BadRef(f"Invalid rev id: {branch[:200]}")
    _delete(db, actor, repo, ref, commit)


def create_tag(db: Session, kit: Kit, actor: Actor, path: str, tag: str, *, kind: str, revision: str) -> str:
    """The tag is there, at ``revision``; its commit. Raises :class:`RevisionNotFound` before it looks at the name."""
    repo = repos.load(db, actor, path, Action.WRITE, kind=kind)
    commit = queries.resolve_revision(db, repo, revision, kit)
    create(db, actor, repo, rules.checked_tag(tag), commit)
    return commit


def delete_tag(db: Session, actor: Actor, path: str, tag: str, *, kind: str) -> None:
    """The tag is gone. Raises :class:`RevisionNotFound` when there is none."""
    repo = repos.load(db, actor, path, Action.WRITE, kind=kind)
    ref = rules.TAGS + tag.removeprefix(rules.TAGS)
    target = queries.target(db, repo, ref) if rules.ref_candidates(ref) else None
    if target is None:
        raise RevisionNotFound(tag)
    _delete(db, actor, repo, ref, target)


def super_squash(
    database: Database, kit: Kit, actor: Actor, path: str, revision: str, *, kind: str, message: str
) -> str:
    """The branch (or other ref) points to one commit without parents that holds what it held; that commit.

    Opens its own transactions. Raises :class:`RevisionNotFound` for what is no branch.
    """
    for _ in range(MAX_ATTEMPTS):
        with database.read() as db:
            repo = repos.load(db, actor, path, Action.WRITE, kind=kind)
            found = queries.resolve_ref(db, repo, revision)
            if found is None or found[0].startswith(rules.TAGS):
                raise RevisionNotFound(revision)
            (ref, head), repo_id, objects = found, repo.id, queries.objects(db, repo, kit)
        with scratch_directory(kit) as scratch:
            new = squash_commit(objects, head, signature(actor), message, scratch)
            keep_pack(kit, repo_id, new.pack)
        try:
            with database.write() as db:
                repo = repos.load(db, actor, path, Action.WRITE, kind=kind)
                record_pack(db, repo, new.pack)
                if new.commit != head:
                    move_ref(db, actor, repo, ref, head, new.commit, is_forced=True)
                return new.commit
        except LostRace:
            continue
    raise Unavailable("Too many commits to this branch at once; repeat the call.", headers={"Retry-After": "2"})


def create(db: Session, actor: Actor, repo: Repo, ref: str, target: str, peeled: str | None = None) -> None:
    """The new ``ref`` is there, for a caller that has checked the right to it. ``peeled`` as for ``move_ref``.

    Git keeps refs as paths: ``a`` and ``a/b`` cannot both be fetched, so the second one is refused.
    """
    if queries.head(db, repo, ref) is not None:
        raise RefExists(ref)
    parts = ref.split("/")
    above = ["/".join(parts[:depth]) for depth in range(3, len(parts))]
    inside = Ref.name.startswith(ref + "/", autoescape=True)
    blocking = db.scalar(select(Ref.name).where(Ref.repo_id == repo.id, Ref.name.in_(above) | inside).limit(1))
    if blocking is not None:
        raise Conflict(f"Reference {ref} cannot be: {blocking} exists")
    try:
        move_ref(db, actor, repo, ref, None, target, peeled)
    except LostRace as err:
        raise RefExists(ref) from err


def _delete(db: Session, actor: Actor, repo: Repo, ref: str, commit: str) -> None:
    try:
        move_ref(db, actor, repo, ref, commit, None)
    except LostRace as err:
        raise Conflict(f"{ref} moved while it was being deleted; look again.") from err
