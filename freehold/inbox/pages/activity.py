"""What happens, as pages: on the hub, of an account, in a repository."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time

from starlette.responses import RedirectResponse, Response

from freehold.access.rules import Action
from freehold.accounts.tables import Account
from freehold.core import clock
from freehold.core.http import PUBLIC, Ask, door
from freehold.core.routes import Router
from freehold.inbox import queries, rules, years
from freehold.inbox.tables import News
from freehold.inbox.years import Year
from freehold.repos import paths
from freehold.repos.rules import page_path
from freehold.web.components import RepoHead
from freehold.web.names import visible
from freehold.web.render import part, render

paths.register()
router = Router(include_in_schema=False)
SHOWN_NAMES, SHOWN_HAPPENINGS = 3, 6


@dataclass(frozen=True)
class Happening:
    """One line of a feed."""

    by: str  # empty: somebody who is gone
    deed: str
    what: str  # a title that somebody chose, or the name of a repository
    after: str  # our own words behind it
    address: str
    kind: str
    at: object


@dataclass(frozen=True)
class ActivityPage:
    """What happened, the newest first."""

    title: str
    lede: str
    of: str  #: whose it is, in the query of this page
    happenings: Sequence[Happening]
    may_watch: bool
    watched: bool
    next: str


@dataclass(frozen=True)
class ProfileActivity:
    """What an account did last and in a year, beside what it publishes."""

    name: str
    is_person: bool
    year: Year | None
    is_more: bool  #: than the year shows
    happenings: Sequence[Happening]
    address: str


@dataclass(frozen=True)
class ActivityAction:
    """What leads to what happened in a repository."""

    address: str


@router.get("/activity")
@door(PUBLIC)
def activity(ask: Ask, account: str = "", watched: bool = False, cursor: str | None = None) -> Response:
    if watched and ask.actor.is_anonymous:
        return RedirectResponse("/login?next=/activity%3Fwatched=true", 303)
    found = queries.activity(ask.db, ask.actor, account=account or None, watched=watched, before=cursor)
    of = f"watched={str(watched).lower()}" + (f"&account={account}" if account else "")
    whose = account or ("what you watch" if watched else "this hub")
    page = ActivityPage(
        title=f"Activity of {whose}",
        lede="The newest first, as far as you may read it.",
        of=of,
        happenings=[_happening(news) for news in found],
        may_watch=not ask.actor.is_anonymous and not account,
        watched=watched,
        next=f"/activity?{of}&cursor={found[-1].id}" if len(found) == queries.PAGE else "",
    )
    return render(ask.request, page)


@router.get("/{kind:prefix}{namespace}/{name}/activity")
@door(Action.READ)
def repo_activity(ask: Ask, kind: str, namespace: str, name: str, cursor: str | None = None) -> Response:
    path = f"{namespace}/{name}"
    found = queries.of_repo(ask.db, ask.actor, path, kind=kind, before=cursor)
    address = f"{page_path(kind, path)}/activity"
    page = ActivityPage(
        title=f"Activity of {path}",
        lede="What happened in this repository, the newest first.",
        of="",
        happenings=[_happening(news) for news in found],
        may_watch=False,
        watched=False,
        next=f"{address}?cursor={found[-1].id}" if len(found) == queries.PAGE else "",
    )
    return render(ask.request, page)


def profile_activity(ask: Ask, account: Account) -> str:
    """Fills the slot beside what an account publishes; as far as the visitor may read what happened."""
    found = queries.activity(ask.db, ask.actor, account=account, limit=SHOWN_HAPPENINGS)
    if not found:
        return ""
    today = clock.now()
    began = datetime.combine(years.began(today.date()), time(), UTC)
    moments = queries.year(ask.db, ask.actor, account, began)
    shown = ProfileActivity(
        name=account.name,
        is_person=account.kind == "user",
        year=years.drawn([moment.date() for moment in moments], today.date()),
        is_more=len(moments) == queries.MOST_OF_A_YEAR,
        happenings=[_happening(news) for news in found],
        address=f"/activity?account={account.name}",
    )
    return part(ask.request, shown)


def _happening(news: News) -> Happening:
    address, what, after = page_path(news.repo_kind, news.repo_path), news.repo_path, ""
    if "num" in news.data:
        address += f"/discussions/{news.data['num']}"
        what, after = news.data["title"], f" in {news.repo_path}"
    elif news.kind == "repo-moved":
        address, what = page_path(news.repo_kind, news.data["to"]), f"{news.data['from']} to {news.data['to']}"
    elif news.kind == "pushed":
        names = [_ref_words(ref) for ref, _, _ in news.data["refs"]]
        more = len(names) + news.data["more"] - SHOWN_NAMES
        shown = ", ".join(visible(name) for name in names[:SHOWN_NAMES])
        after = f" ({shown}{f' and {more} more' if more > 0 else ''})"
    deed = {"closed": "closed", "open": "reopened"}.get(news.data.get("status", ""), rules.DEEDS[news.kind])
    return Happening(
        news.actor.name if news.actor is not None else "", deed if news.kind == "status" else rules.DEEDS[news.kind],
        what, after, address, news.kind, news.at,
    )  # fmt: skip


def _ref_words(ref: str) -> str:
    """A branch or a tag by its name, the branch of a pull request as what it is to people."""
    if ref.startswith("refs/pr/"):
        return f"pull request #{ref.removeprefix('refs/pr/')}"
    return ref.removeprefix("refs/heads/").removeprefix("refs/tags/")


def activity_action(ask: Ask, head: RepoHead) -> str:
    """An entry of the menu beside a repository's name."""
    return part(ask.request, ActivityAction(f"{head.address}/activity"))
