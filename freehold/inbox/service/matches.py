"""New matches of saved searches are told: one line a search in the inbox, one message a person by mail."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from freehold.access.rules import Actor
from freehold.content.kit import Kit
from freehold.core import clock
from freehold.core.errors import HubError
from freehold.core.events import Bus
from freehold.discover import machines
from freehold.inbox import access
from freehold.inbox.queue import MATCHES
from freehold.inbox.service import mail, notifying, watching
from freehold.inbox.tables import Notification
from freehold.repos.rules import page_path
from freehold.searches import queries, service
from freehold.searches.events import MatchesChanged, SearchEnded, SearchLooked
from freehold.searches.tables import SavedSearch
from freehold.tasks.queue import enqueue
from freehold.web.figures import plural

GROUP = "searches"
#: How long matches are gathered before they go out by mail, by what a search asks for.
AFTER_S = {"soon": 300, "daily": 86_400}
#: Repositories named in one message, of each search.
NAMED = 10
Listener = Callable[[Session, Any], None]


def subscribe(bus: Bus, kit: Kit) -> None:
    bus.subscribe(MatchesChanged, on_changed(kit))
    bus.subscribe(SearchLooked, on_looked)
    bus.subscribe(SearchEnded, on_ended)


# ---- in the inbox ------------------------------------------------------------------------------------------


def on_changed(kit: Kit) -> Listener:
    """The search has one line, with how much is new to it; none where nothing is any more."""

    def told(db: Session, event: MatchesChanged) -> None:
        search = event.search
        if not event.number:
            on_ended(db, event)
            return
        if event.is_fresh and search.mail in AFTER_S:
            when = search.mail
            key = f"matches {search.user_id} {when}"
            enqueue(db, MATCHES, key=key, once=True, after_s=AFTER_S[when], user_id=search.user_id, when=when)
        title, repo_id = _title(event), event.only.id if event.only is not None else None
        if event.is_fresh and search.in_page:
            notifying.put(
                db, kit, search.user_id, kind="search-matched", reason="search", thread=_thread(search), title=title,
                address=f"/searches/{search.id}", repo_id=repo_id, mails=False,
            )  # fmt: skip
        db.execute(_line(search).values(title=title[:300], repo_id=repo_id, count=event.number))

    return told


def on_looked(db: Session, event: SearchLooked) -> None:
    db.execute(_line(event.search).where(Notification.read_at.is_(None)).values(read_at=clock.now()))


def on_ended(db: Session, event: SearchEnded | MatchesChanged) -> None:
    """The line of the search is gone."""
    mine = Notification.user_id == event.search.user_id
    db.execute(delete(Notification).where(mine, Notification.thread == _thread(event.search)))


def _line(search: SavedSearch) -> Any:
    return update(Notification).where(Notification.user_id == search.user_id, Notification.thread == _thread(search))


def _thread(search: SavedSearch) -> str:
    return f"search {search.id}"


def _title(event: MatchesChanged) -> str:
    """Names a repository only where it is the only one: then the line goes with the right to read it."""
    if event.only is not None:
        return f"{event.only.path} is new in your search {event.search.name}"
    return f"{plural(event.number, 'new match', 'new matches')} of your search {event.search.name}"


# ---- by mail -----------------------------------------------------------------------------------------------


def send(db: Session, kit: Kit, user_id: str, when: str) -> None:
    """One message with what is new to the searches of a person that ask for mail ``when``, by their rights of now.

    Once: what is in it is in no later one. Without an address, or where they want no such mail, nothing goes out.
    """
    reader = access.reader(db, user_id)
    if reader is None:
        return
    own_searches = select(SavedSearch).where(
        SavedSearch.user_id == user_id, SavedSearch.mail == when, SavedSearch.is_paused.is_(False)
    )
    parts = [_part(db, kit, reader, search) for search in db.scalars(own_searches.order_by(SavedSearch.id))]
    told = [part for part in parts if part]
    wants = next(one for one in watching.choices(db, user_id) if one.group == GROUP).by_mail
    if told and wants and reader.email:
        subject = (
            told[0].partition("\n")[0] if len(told) == 1 else f"{len(told)} of your saved searches found something"
        )
        mail.send(
            db, kit, reader.email, subject, "\n\n".join(told), thread=f"searches {user_id}",
            unsubscribe=f"{kit.settings.hub_url}/unsubscribe/{mail.unsubscribe_token(kit, user_id, GROUP)}",
        )  # fmt: skip


def _part(db: Session, kit: Kit, reader: Actor, search: SavedSearch) -> str:
    """What one search has to say; empty: nothing."""
    try:
        listing = queries.listing_of(search, machines.of(db, reader))
    except HubError:
        return ""
    new = queries.unmailed(db, reader, search, listing, NAMED + 1)
    service.mailed(db, search)
    if not new:
        return ""
    number = f"More than {NAMED} new matches" if len(new) > NAMED else plural(len(new), "new match", "new matches")
    hub = kit.settings.hub_url
    lines = [f"{number} of your search {search.name}", "", f"{hub}/searches/{search.id}", ""]
    return "\n".join([*lines, *(f"{repo.path}\n{hub}{page_path(repo.kind, repo.path)}" for repo in new[:NAMED])])
