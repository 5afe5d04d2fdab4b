"""How much somebody wants to hear: of a repository, of everything of an account, of one thread, of one kind of news."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from freehold.access.rules import Action, Actor
from freehold.accounts import service as accounts
from freehold.accounts.tables import Account
from freehold.core import clock
from freehold.discussions import queries as discussions
from freehold.discussions.tables import Discussion
from freehold.inbox import access, rules
from freehold.inbox.errors import BadWatch, TooMany
from freehold.inbox.tables import NotificationChoice, Participation, Watch
from freehold.repos import service as repos
from freehold.repos.access import visible
from freehold.repos.tables import Repo


@dataclass(frozen=True)
class Watching:
    """One line of what somebody watches."""

    type: str  # user, org, or the kind of a repository
    name: str
    level: str


def watch(db: Session, actor: Actor, type_: str, name: str, level: str | None) -> None:
    """``actor`` hears of the repository or account as ``level`` says; None: as if it had never said anything.

    Raises what loading the thing raises: one watches only what one may read.
    """
    user_id = access.own(actor, writes=True)
    if type_ in ("user", "org"):
        target, target_id = "account", accounts.account(db, name, kind=type_).id
    elif type_ in ("model", "dataset", "space", "kernel"):
        target, target_id = "repo", repos.load(db, actor, name, Action.READ, kind=type_).id
    else:
        raise BadWatch(f"{type_[:40]!r} cannot be watched; use user, org, model, dataset, space or kernel.")
    found = db.get(Watch, (user_id, target_id))
    if level is None:
        if found is not None:
            db.delete(found)
        db.flush()
        return
    level = rules.checked_level(level)
    if found is None:
        count = db.scalar(select(func.count()).select_from(Watch).where(Watch.user_id == user_id)) or 0
        if count >= rules.MAX_WATCHES:
            raise TooMany(f"You watch {count} things, which is as many as one can. Watch an organisation instead.")
        found = Watch(user_id=user_id, target_id=target_id, target=target, created_at=clock.now())
        db.add(found)
    found.level = level
    db.flush()


def level_of(db: Session, actor: Actor, path: str, *, kind: str) -> tuple[Repo, str]:
    """The repository and the level the actor chose for it; empty where it chose none."""
    repo = repos.load(db, actor, path, Action.READ, kind=kind)
    found = db.get(Watch, (access.own(actor, writes=False), repo.id))
    return repo, found.level if found is not None else ""


def watched(db: Session, actor: Actor) -> list[Watching]:
    """What the actor watches, as far as it may still see it."""
    user_id = access.own(actor, writes=False)
    levels = {row.target_id: row.level for row in db.scalars(select(Watch).where(Watch.user_id == user_id))}
    found = [
        Watching(account.kind, account.name, levels[account.id])
        for account in db.scalars(select(Account).where(Account.id.in_(_of(user_id, "account"))))
    ]
    query = visible(select(Repo).where(Repo.id.in_(_of(user_id, "repo"))), actor)
    found += [Watching(repo.kind, repo.path, levels[repo.id]) for repo in db.scalars(query)]
    return sorted(found, key=lambda one: (one.type, one.name.lower()))


def _of(user_id: str, target: str):  # type: ignore[no-untyped-def]  # a select, for ``in_``
    return select(Watch.target_id).where(Watch.user_id == user_id, Watch.target == target)


def mute(db: Session, actor: Actor, path: str, num: int, *, kind: str, muted: bool) -> None:
    """Of this thread the actor hears no more, whatever is said in it; or does again."""
    user_id = access.own(actor, writes=True)
    repo = repos.load(db, actor, path, Action.READ, kind=kind)
    thread: Discussion = discussions.numbered(db, repo, num)
    participate(db, thread.id, user_id)
    db.get_one(Participation, (thread.id, user_id)).is_muted = muted
    db.flush()


def participate(db: Session, discussion_id: str, user_id: str) -> None:
    """``user_id`` has a part in the thread from now on."""
    if db.get(Participation, (discussion_id, user_id)) is None:
        db.add(Participation(discussion_id=discussion_id, user_id=user_id, is_muted=False))
        db.flush()


@dataclass(frozen=True)
class Choice:
    """Whether news of one group is shown on the page, and sent by mail."""

    group: str
    words: str
    in_page: bool
    by_mail: bool


def choices(db: Session, user_id: str) -> list[Choice]:
    """What somebody wants of each group of news."""
    kept = {
        row.kind: row for row in db.scalars(select(NotificationChoice).where(NotificationChoice.user_id == user_id))
    }
    found = []
    for group, (words, by_mail) in rules.GROUPS.items():
        row = kept.get(group)
        found.append(Choice(group, words, row.in_page if row else True, row.by_mail if row else by_mail))
    return found


def choose(db: Session, user_id: str, wanted: Mapping[str, tuple[bool, bool]]) -> None:
    """``wanted`` gives (on the page, by mail) by group. Raises :class:`BadWatch` for an unknown group."""
    for group, (in_page, by_mail) in wanted.items():
        if group not in rules.GROUPS:
            raise BadWatch(f"{group[:40]!r} is not a group of news; use {', '.join(rules.GROUPS)}.")
        row = db.get(NotificationChoice, (user_id, group))
        if row is None:
            row = NotificationChoice(user_id=user_id, kind=group, in_page=True, by_mail=True)
            db.add(row)
        row.in_page, row.by_mail = in_page, by_mail
    db.flush()


def forget_target(db: Session, target_ids: Sequence[str]) -> None:
    """What is gone is watched by nobody."""
    db.execute(delete(Watch).where(Watch.target_id.in_(target_ids)))
