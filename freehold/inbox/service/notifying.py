"""News to people: whom it concerns, one row a thread in their inbox, and mail for those who want it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import ColumnElement, delete, func, or_, select, union, update
from sqlalchemy.orm import Session

from freehold.access.rules import Actor
from freehold.accounts.tables import Account, Membership
from freehold.content.kit import Kit
from freehold.core import clock
from freehold.core.ids import ordered_id
from freehold.discussions.tables import Discussion
from freehold.inbox import access, rules
from freehold.inbox.errors import NotificationNotFound
from freehold.inbox.queue import FORGET
from freehold.inbox.service import mail, watching
from freehold.inbox.tables import News, Notification, Participation, Watch
from freehold.repos.access import readable
from freehold.repos.rules import page_path
from freehold.repos.tables import Repo
from freehold.tasks.queue import enqueue

BATCH = 100
PAGE = 50
MAX_COUNTED = 100
#: Repositories that an inbox is offered by.
MAX_REPOS = 20


# ---- whom it concerns --------------------------------------------------------------------------------------


def spread(db: Session, kit: Kit, news: News, *, after: str) -> str | None:
    """The next people after the id ``after`` have this news in their inbox; the last id, None at the end."""
    if news.kind not in rules.TOLD or news.repo_id is None:
        return None
    _note_participants(db, news)
    people = _concerned(db, news, after)
    repo, skipped = db.get(Repo, news.repo_id), _named_in_it(db, news) | {news.actor_id}
    for user_id in people:
        reader = access.reader(db, user_id)
        if user_id in skipped or reader is None or not access.may_read_news(reader, news, repo):
            continue
        reason = _reason(db, news, reader)
        if reason is not None:
            _tell(db, kit, news, user_id, reason)
    if len(people) < BATCH:
        if news.kind == "repo-deleted":
            watching.forget_target(db, [news.repo_id])
        return None
    return people[-1]


def _note_participants(db: Session, news: News) -> None:
    if news.discussion_id is None or db.get(Discussion, news.discussion_id) is None:
        return  # the thread went, with its repository, before its news was told
    people = [news.actor_id, *(news.data.get("people", ()) if news.kind == "mention" else ())]
    there = set(db.scalars(select(Account.id).where(Account.id.in_([one for one in people if one]))))
    for user_id in sorted(there):
        watching.participate(db, news.discussion_id, user_id)


def _concerned(db: Session, news: News, after: str) -> Sequence[str]:
    """Everybody who may want it, by id: watchers, those with a part in the thread, owners. Who does is judged next."""
    if news.kind == "mention":
        found = select(Account.id.label("id")).where(Account.id.in_(news.data.get("people", ())))
        return db.scalars(found.where(Account.id > after).order_by(Account.id).limit(BATCH)).all()
    parts = [
        select(Watch.user_id.label("id")).where(
            Watch.target_id.in_([news.repo_id, news.owner_id]), Watch.level == "all"
        ),
        select(Account.id.label("id")).where(Account.id == news.owner_id, Account.kind == "user"),
        select(Membership.user_id.label("id")).where(Membership.org_id == news.owner_id, Membership.role == "admin"),
    ]
    if news.discussion_id is not None:
        part = select(Participation.user_id.label("id"))
        parts.append(part.where(Participation.discussion_id == news.discussion_id, Participation.is_muted.is_(False)))
    everybody = union(*parts).subquery()
    return db.scalars(select(everybody.c.id).where(everybody.c.id > after).order_by(everybody.c.id).limit(BATCH)).all()


def _named_in_it(db: Session, news: News) -> set[str | None]:
    """Whom the same comment names: that is news of its own, and they are told once."""
    if news.discussion_id is None or news.kind == "mention":
        return set()
    mentions = select(News).where(
        News.repo_id == news.repo_id, News.kind == "mention", News.discussion_id == news.discussion_id
    )
    newest = db.scalars(mentions.order_by(News.id.desc()).limit(20))
    return {one for found in newest if found.data["event_id"] == news.data["event_id"] for one in found.data["people"]}


def _reason(db: Session, news: News, reader: Actor) -> str | None:
    """Why the reader is told, or None where they asked not to be. What is said of the repository goes before what is
    said of its owner; ``ignore`` goes before everything."""
    assert reader.id is not None
    on_repo = db.get(Watch, (reader.id, news.repo_id))
    on_owner = db.get(Watch, (reader.id, news.owner_id))
    level = on_repo.level if on_repo else on_owner.level if on_owner else ""
    if level == "ignore":
        return None
    part = db.get(Participation, (news.discussion_id, reader.id)) if news.discussion_id else None
    if part is not None and part.is_muted:
        return None
    if news.kind == "mention":
        return "mention"
    if part is not None:
        return "participating"
    if level == "all":
        return "watching"
    if level == "participating":
        return None
    is_keeper = news.owner_id == reader.id or reader.roles.get(news.owner_id or "") == "admin"
    return "owner" if is_keeper else None


# ---- what they are told ------------------------------------------------------------------------------------


def _tell(db: Session, kit: Kit, news: News, user_id: str, reason: str) -> None:
    title, address = rules.line(news.kind, news.repo_path, news.data), page_path(news.repo_kind, news.repo_path)
    if news.kind == "repo-moved":
        address = page_path(news.repo_kind, news.data["to"])
    if "num" in news.data:
        address += f"/discussions/{news.data['num']}"
    put(
        db,
        kit,
        user_id,
        kind=news.kind,
        reason=reason,
        thread=f"discussion {news.discussion_id}" if news.discussion_id else f"news {news.id}",
        title=title,
        address=address,
        actor_id=news.actor_id,
        repo_id=news.repo_id,
        news_id=news.id,
    )


def put(
    db: Session,
    kit: Kit,
    user_id: str,
    *,
    kind: str,
    reason: str,
    thread: str,
    title: str,
    address: str,
    actor_id: str | None = None,
    repo_id: str | None = None,
    news_id: str = "",
    mails: bool = True,
) -> None:
    """``user_id`` is told once: a new row, or the thread's own, unread again. By mail too (``mails``), if they want it
    so."""
    group = rules.group_of(kind, reason)
    choice = next(one for one in watching.choices(db, user_id) if one.group == group)
    by_mail = choice.by_mail and mails
    if not (choice.in_page or by_mail):
        return
    row = db.scalar(select(Notification).where(Notification.user_id == user_id, Notification.thread == thread))
    news_id = news_id or ordered_id()
    if row is not None and row.news_id >= news_id:
        return  # told already: the task runs again, or an older one comes late
    if row is None:
        row = Notification(id=ordered_id(), user_id=user_id, thread=thread, count=0, read_at=None, reason=reason)
        db.add(row)
    was_read = row.read_at is not None
    if was_read:
        row.count, row.read_at = 0, None
    if was_read or rules.REASONS.index(reason) <= rules.REASONS.index(row.reason):
        row.reason = reason
    row.kind, row.title, row.address = kind, title[:300], address
    row.actor_id, row.repo_id, row.news_id = actor_id, repo_id, news_id
    row.count += 1
    row.at = clock.now()
    if not choice.in_page:
        row.read_at = clock.now()  # the mail still needs to know what it is about
    db.flush()
    if by_mail:
        mail.notify(db, kit, row)


# ---- their inbox -------------------------------------------------------------------------------------------


def unread(db: Session, actor: Actor) -> int:
    """How many the person has not read, up to ``MAX_COUNTED``: one read of an index that holds nothing else."""
    some = select(Notification.id).where(Notification.user_id == actor.id, Notification.read_at.is_(None))
    return db.scalar(select(func.count()).select_from(some.limit(MAX_COUNTED).subquery())) or 0


def inbox(
    db: Session,
    actor: Actor,
    *,
    only_unread: bool = False,
    reason: str | None = None,
    repo: str | None = None,
    before: str | None = None,
    limit: int = PAGE,
) -> Sequence[Notification]:
    """The newest first, older than ``before``; only what may still be read."""
    user_id = access.own(actor, writes=False)
    query = select(Notification).where(
        Notification.user_id == user_id, _still_readable(actor), *_narrowed(only_unread, reason, repo)
    )
    if before:
        query = query.where(Notification.news_id < before)
    return db.scalars(query.order_by(Notification.news_id.desc()).limit(max(1, min(limit, PAGE)))).all()


def _narrowed(only_unread: bool, reason: str | None, repo: str | None) -> list[ColumnElement[bool]]:
    parts: list[ColumnElement[bool]] = []
    if only_unread:
        parts.append(Notification.read_at.is_(None))
    if reason:
        parts.append(Notification.reason == reason)
    if repo:
        parts.append(Notification.repo_id.in_(select(Repo.id).where(Repo.path_key == repo.lower())))
    return parts


@dataclass(frozen=True)
class Spread:
    """How an inbox is spread: how many are ``unread``, and of those asked for, how many for which reason and of which
    repository (the ones with most)."""

    unread: int
    reasons: Mapping[str, int]
    repos: Sequence[tuple[str, int]]


def spread_of(
    db: Session, actor: Actor, *, only_unread: bool, reason: str | None = None, repo: str | None = None
) -> Spread:
    """Each choice is counted under the other one: what choosing it would show."""
    mine = (Notification.user_id == access.own(actor, writes=False), _still_readable(actor))
    of_repo, of_reason = _narrowed(only_unread, None, repo), _narrowed(only_unread, reason, None)
    by_reason = select(Notification.reason, func.count()).where(*mine, *of_repo).group_by(Notification.reason)
    named = select(Account.name, Repo.name, func.count()).join(Repo, Repo.owner_id == Account.id)
    by_repo = named.join(Notification, Notification.repo_id == Repo.id).where(*mine, *of_reason)
    by_repo = by_repo.group_by(Account.name, Repo.name).order_by(func.count().desc(), Account.name, Repo.name)
    return Spread(
        unread=db.scalar(select(func.count(Notification.id)).where(*mine, Notification.read_at.is_(None))) or 0,
        reasons={str(word): int(number) for word, number in db.execute(by_reason)},
        repos=[(f"{owner}/{name}", int(number)) for owner, name, number in db.execute(by_repo.limit(MAX_REPOS))],
    )


def _still_readable(actor: Actor) -> ColumnElement[bool]:
    """About nothing private, about what the actor may read now, or about something that is gone and was theirs."""
    return or_(
        Notification.repo_id.is_(None),
        Notification.repo_id.in_(readable(select(Repo.id), actor)),
        Notification.kind == "repo-deleted",
    )


def mark(
    db: Session,
    actor: Actor,
    ids: Sequence[str] | None,
    *,
    read: bool,
    reason: str | None = None,
    repo: str | None = None,
) -> int:
    """These notifications of the actor (None: all, or all of that reason and repository) are read, or unread again.

    Returns how many changed.

    Raises :class:`NotificationNotFound` for an id that is not the actor's.
    """
    user_id = access.own(actor, writes=True)
    mine = update(Notification).where(Notification.user_id == user_id, *_narrowed(False, reason, repo))
    if ids is not None:
        there = set(
            db.scalars(select(Notification.id).where(Notification.user_id == user_id, Notification.id.in_(ids)))
        )
        missing = [one for one in ids if one not in there]
        if missing:
            raise NotificationNotFound(f"You have no notification {missing[0][:40]!r}.")
        mine = mine.where(Notification.id.in_(ids))
    now = clock.now() if read else None
    changed = mine.where(Notification.read_at.is_(None) if read else Notification.read_at.is_not(None))
    return int(db.execute(changed.values(read_at=now)).rowcount)  # type: ignore[attr-defined]


def opened(db: Session, actor: Actor, notification_id: str) -> str:
    """The address a notification leads to; it counts as read."""
    mark(db, actor, [notification_id], read=True)
    return db.get_one(Notification, notification_id).address


# ---- upkeep ------------------------------------------------------------------------------------------------


def forget_unreadable(db: Session, repo_id: str) -> None:
    """Nobody keeps a notification of the repository that they may not read any more."""
    repo = db.get(Repo, repo_id)
    if repo is None:
        db.execute(delete(Notification).where(Notification.repo_id == repo_id, Notification.kind != "repo-deleted"))
        return
    for user_id in db.scalars(select(Notification.user_id).where(Notification.repo_id == repo_id).distinct()).all():
        reader = access.reader(db, user_id)
        if reader is None or not access.may_read(reader, repo):
            db.execute(delete(Notification).where(Notification.repo_id == repo_id, Notification.user_id == user_id))


def forget_later(db: Session, repo_id: str) -> None:
    enqueue(db, FORGET, key=f"forget {repo_id}", once=True, repo_id=repo_id)


def prune(db: Session) -> None:
    """Old news and old notifications that were read are gone, a batch at a time."""
    now = clock.now()
    old = select(Notification.id).where(Notification.read_at < now - timedelta(days=rules.KEEP_READ_DAYS)).limit(5000)
    db.execute(delete(Notification).where(Notification.id.in_(old)))
    unread_old = select(Notification.id).where(Notification.at < now - timedelta(days=rules.KEEP_NEWS_DAYS)).limit(5000)
    db.execute(delete(Notification).where(Notification.id.in_(unread_old)))
    news = select(News.id).where(News.at < now - timedelta(days=rules.KEEP_NEWS_DAYS)).limit(5000)
    db.execute(delete(News).where(News.id.in_(news)))
