"""What somebody is told, what they want to be told, and what they watch: as pages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Depends, Form
from starlette.responses import RedirectResponse, Response

from freehold.access.rules import Action
from freehold.accounts import csrf
from freehold.core.http import PUBLIC, Ask, door
from freehold.core.routes import Router
from freehold.inbox import access, rules
from freehold.inbox.service import mail, notifying, watching
from freehold.inbox.service.watching import Choice, Watching
from freehold.inbox.tables import Notification
from freehold.repos import paths
from freehold.repos.heads import head
from freehold.repos.rules import page_path
from freehold.web import flash
from freehold.web.components import RepoHead
from freehold.web.figures import plural
from freehold.web.render import part, render

paths.register()
router = Router(include_in_schema=False)
OWN = "own"
Csrf = Annotated[str, Form(alias="csrf")]
LEVELS = (
    ("", "What is usual", "Threads you have a part in; everything, if you own it."),
    ("all", "Everything", "Every thread, from its opening to its end."),
    ("participating", "Only threads you have a part in", "Even if you own it."),
    ("ignore", "Nothing", "Not even when somebody names you."),
)


@dataclass(frozen=True)
class NotificationsPage:
    """Somebody's inbox."""

    title: str
    notifications: Sequence[Notification]
    deeds: Mapping[str, str]
    only_unread: bool
    unread: int
    tabs: Sequence[tuple[str, str, bool]]  #: label, address, whether it is this page
    reasons: Sequence["Narrowing"]
    repos: Sequence["Narrowing"]
    hidden: Sequence[tuple[str, str]]  #: what forms carry, so that they lead back here
    everything: str  #: the address without a choice; empty where there is none
    next: str


@dataclass(frozen=True)
class Narrowing:
    """One way to narrow the inbox. Choosing the current one again undoes it."""

    label: str
    number: int
    address: str
    is_current: bool


@dataclass(frozen=True)
class ChoicesPage:
    """What somebody wants to be told, and what they watch."""

    title: str
    choices: Sequence[Choice]
    watched: Sequence[Watching]
    sends_mail: bool
    has_address: bool
    done: bool


@dataclass(frozen=True)
class WatchPage:
    """How closely to watch a repository."""

    title: str
    area: str
    head: RepoHead
    level: str
    kind: str
    back: str
    levels: Sequence[tuple[str, str, str]]  #: level, its words, what it means


@dataclass(frozen=True)
class WatchAction:
    """What stands beside a repository's name. ``is_signed_in``: its menu is loaded once it is opened."""

    address: str
    is_signed_in: bool


@dataclass(frozen=True)
class UnsubscribePage:
    """A link out of a mail: one press ends such mail. (Mail programs open links too, so opening alone does not.)"""

    title: str
    words: str
    token: str
    is_done: bool
    hides_search: bool = True


# ---- the inbox ---------------------------------------------------------------------------------------------


@router.get("/notifications")
@door(OWN)
def notifications(ask: Ask, all: bool = False, reason: str = "", repo: str = "", cursor: str | None = None) -> Response:
    if ask.actor.is_anonymous:
        return RedirectResponse("/login?next=/notifications", 303)
    view = View(all, reason if reason in rules.REASON_WORDS else "", repo[:200])
    why, of = view.reason or None, view.repo or None
    found = notifying.inbox(ask.db, ask.actor, only_unread=not all, reason=why, repo=of, before=cursor)
    spread = notifying.spread_of(ask.db, ask.actor, only_unread=not all, reason=why, repo=of)
    page = NotificationsPage(
        title="Notifications",
        notifications=found,
        deeds=rules.THREAD_DEEDS,
        only_unread=not all,
        unread=spread.unread,
        tabs=[("Unread", view.but(all=False), not all), ("All", view.but(all=True), all)],
        reasons=[
            Narrowing(label, spread.reasons.get(word, 0), view.toggled(reason=word), word == view.reason)
            for word, label in rules.REASON_WORDS.items()
            if word in spread.reasons or word == view.reason
        ],
        repos=[
            Narrowing(path, number, view.toggled(repo=path), path.lower() == view.repo.lower())
            for path, number in _with(spread.repos, view.repo)
        ],
        hidden=[(name, value) for name, value in view.query if value],
        everything=View(all).address if view.reason or view.repo else "",
        next=view.at(found[-1].news_id) if len(found) == notifying.PAGE else "",
    )
    return render(ask.request, page, blocks=("inbox",))


def _with(repos: Sequence[tuple[str, int]], chosen: str) -> Sequence[tuple[str, int]]:
    """What is chosen can be unchosen, also where nothing is left of it."""
    known = {path.lower() for path, _ in repos}
    return repos if not chosen or chosen.lower() in known else [*repos, (chosen, 0)]


@dataclass(frozen=True)
class View:
    """Which part of an inbox is looked at."""

    all: bool = False
    reason: str = ""
    repo: str = ""

    @property
    def query(self) -> Sequence[tuple[str, str]]:
        return [("all", "true" if self.all else ""), ("reason", self.reason), ("repo", self.repo)]

    @property
    def address(self) -> str:
        query = urlencode([(name, value) for name, value in self.query if value])
        return f"/notifications?{query}" if query else "/notifications"

    def at(self, cursor: str) -> str:
        return self.address + ("&" if "?" in self.address else "?") + urlencode({"cursor": cursor})

    def but(self, **changed: Any) -> str:
        return replace(self, **changed).address

    def toggled(self, **chosen: str) -> str:
        """With ``chosen``, or without it where it is chosen already; names of repositories know no case."""
        chosen = {name: "" if getattr(self, name).lower() == word.lower() else word for name, word in chosen.items()}
        return self.but(**chosen)


def _view(
    all: Annotated[bool, Form()] = False,
    reason: Annotated[str, Form()] = "",
    repo: Annotated[str, Form()] = "",
) -> View:
    """Where a form of the inbox came from."""
    return View(all, reason if reason in rules.REASON_WORDS else "", repo[:200])


Came = Annotated[View, Depends(_view)]


@router.post("/notifications/read")
@door(OWN)
def read_all(ask: Ask, view: Came, token: Csrf = "") -> Response:
    """All that the page it was sent from is narrowed to."""
    csrf.check(ask.request, token)
    changed = notifying.mark(ask.db, ask.actor, None, read=True, reason=view.reason or None, repo=view.repo or None)
    said = f"{plural(changed, 'notification')} marked as read."
    return flash.say(ask.request, RedirectResponse(view.address, 303), said)


@router.post("/notifications/{notification_id}/read")
@door(OWN)
def read_one(
    ask: Ask, notification_id: str, view: Came, token: Csrf = "", read: Annotated[bool, Form()] = True
) -> Response:
    csrf.check(ask.request, token)
    notifying.mark(ask.db, ask.actor, [notification_id], read=read)
    return RedirectResponse(view.address, 303)


@router.post("/notifications/{notification_id}/open")
@door(OWN)
def open_one(ask: Ask, notification_id: str, token: Csrf = "") -> Response:
    csrf.check(ask.request, token)
    return RedirectResponse(notifying.opened(ask.db, ask.actor, notification_id), 303)


# ---- choices -----------------------------------------------------------------------------------------------


@router.get("/settings/notifications")
@door(OWN)
def choices(ask: Ask, done: bool = False) -> Response:
    if ask.actor.is_anonymous:
        return RedirectResponse("/login?next=/settings/notifications", 303)
    user_id = access.own(ask.actor, writes=False)
    page = ChoicesPage(
        title="What you are told",
        choices=watching.choices(ask.db, user_id),
        watched=watching.watched(ask.db, ask.actor),
        sends_mail=bool(ask.kit.settings.smtp_url),
        has_address=bool(ask.actor.email),
        done=done,
    )
    return render(ask.request, page)


@router.post("/settings/notifications")
@door(OWN)
def choose(
    ask: Ask,
    token: Csrf = "",
    page: Annotated[list[str] | None, Form()] = None,
    mail: Annotated[list[str] | None, Form()] = None,
) -> Response:
    csrf.check(ask.request, token)
    user_id = access.own(ask.actor, writes=True)
    watching.choose(ask.db, user_id, {group: (group in (page or ()), group in (mail or ())) for group in rules.GROUPS})
    return RedirectResponse("/settings/notifications?done=true", 303)


@router.post("/settings/watch")
@door(OWN)
def watch(
    ask: Ask,
    token: Csrf = "",
    type: Annotated[str, Form()] = "",
    name: Annotated[str, Form()] = "",
    level: Annotated[str, Form()] = "",
    back: Annotated[str, Form()] = "",
) -> Response:
    csrf.check(ask.request, token)
    watching.watch(ask.db, ask.actor, type, name[:200], level or None)
    is_page = back.startswith("/") and not back.startswith(("//", "/\\"))
    return RedirectResponse(back if is_page else "/settings/notifications", 303)


@router.get("/{kind:prefix}{namespace}/{name}/watch")
@door(Action.READ)
def watch_page(ask: Ask, kind: str, namespace: str, name: str) -> Response:
    path = f"{namespace}/{name}"
    if ask.actor.is_anonymous:
        return RedirectResponse(f"/login?next={page_path(kind, path)}/watch", 303)
    repo, level = watching.level_of(ask.db, ask.actor, path, kind=kind)
    address = page_path(kind, repo.path)
    page = WatchPage(f"Watch {repo.path}", kind, head(repo, actor=ask.actor), level, kind, address, LEVELS)
    return render(ask.request, page, blocks=("watch_menu",))


def watch_action(ask: Ask, head: RepoHead) -> str:
    """Fills the slot beside a repository's name."""
    return part(ask.request, WatchAction(f"{head.address}/watch", not ask.actor.is_anonymous))


# ---- mail --------------------------------------------------------------------------------------------------


@router.get("/unsubscribe/{token}")
@door(PUBLIC)
def unsubscribe_page(ask: Ask, token: str) -> Response:
    _, group = mail.subscription(ask.db, ask.kit, token)
    return render(ask.request, UnsubscribePage("No more mail", rules.GROUPS[group][0], token, False))


@router.post("/unsubscribe/{token}")
@door(PUBLIC)
def unsubscribe(ask: Ask, token: str) -> Response:
    """By its signature alone, as mail programs do it with one click and no session (RFC 8058)."""
    words = mail.end_subscription(ask.db, ask.kit, token)
    return render(ask.request, UnsubscribePage("No more mail", words, token, True))
