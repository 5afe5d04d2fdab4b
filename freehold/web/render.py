"""Render pages: a frozen dataclass and the template of the same name, inside the shell.

``RepoPage`` of room ``discover`` is ``discover/templates/discover/repo.html``. Templates run no queries: everything a
page shows is in its dataclass, and what the visitor may not see is not.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from freehold.core import clock
from freehold.web import assets, compression, figures, flash, fragments, names
from freehold.web.avatars import parcel
from freehold.web.components import HubSays, RepoHead
from freehold.web.flash import Said
from freehold.web.slots import Slots

PACKAGE = Path(__file__).parents[1]

#: Nothing inline and nothing from elsewhere: a card that slips a script past the sanitiser still cannot run it.
POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


def widened(directive: str, source: str) -> dict[str, str]:
    """The policy of an answer that may have one thing more: ``source`` beside what ``directive`` allows anyway."""
    rules = dict(rule.strip().split(" ", 1) for rule in POLICY.split(";"))
    rules[directive] = f"{rules.get(directive, '')} {source}".strip()
    return {"Content-Security-Policy": "; ".join(f"{name} {sources}" for name, sources in rules.items())}


class Page(Protocol):
    """What the shell asks of every page."""

    @property
    def title(self) -> str:
        """What stands in the window's title."""


@dataclass(frozen=True)
class Visitor:
    """Who looks, as far as the shell shows it."""

    name: str
    is_admin: bool


@dataclass(frozen=True)
class Shell:
    """What surrounds the page."""

    slots: Slots
    hub: HubSays
    visitor: Visitor | None
    #: Whether it is known who asks; an address that no room serves never resolves the actor.
    is_known: bool
    csrf: str
    area: str
    query: str
    has_search: bool
    came_to: str
    unread: int  #: what waits in the visitor's inbox
    repo: "RepoShell | None"
    said: Said | None  #: what the form before this page did
    block: str  #: the one block of the page that is sent; empty: all of it
    health: str  #: how the hub was when it last looked at itself, in two words; empty before that
    theme: str  #: ``light`` or ``dark`` where the visitor chose; empty: as the system has it
    takes_part: bool  #: htmx cuts its part out of this page, and takes what is said along


@dataclass(frozen=True)
class ShownTab:
    """A tab as it stands on a page; ``count`` 0: nothing is said."""

    label: str
    address: str
    area: str
    count: int


@dataclass(frozen=True)
class RepoShell:
    """What rooms above put into the head of a repository's pages."""

    actions: Sequence[str]
    more: Sequence[str]
    line: Sequence[str]
    tabs: Sequence[ShownTab]


def install(app: Starlette, slots: Slots) -> None:
    """Give ``app`` its shell and its static files' list."""
    app.state.slots = slots
    assets.load()


def render(
    request: Request,
    page: Page,
    *,
    blocks: Collection[str] = (),
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """``page`` as an answer, in the shell of whoever asks.

    ``blocks`` are those of its template that htmx may have alone (docs/how-to/add-a-page.md).
    """
    shell = _shell(request, page, fragments.block(request, blocks))
    html = templates().get_template(_template_name(type(page))).render(page=page, shell=shell)
    answer = HTMLResponse(html, status, headers={**page_headers(), **(headers or {})})
    if not shell.block:
        answer.headers.update(fragments.takeover(request, shell.came_to, status))
    flash.forget(request, answer)
    compression.page(request, answer)
    return answer


def part(request: Request, value: object) -> str:
    """``value`` as the HTML of a part of a page, by the template of its name: what a room hangs in another's slot.

    The template finds it as ``part``, and the form token of the visitor as ``csrf``.
    """
    template = templates().get_template(_template_name(type(value)))
    return template.render(part=value, csrf=csrf_token(request))


def csrf_token(request: Request) -> str:
    """The token that forms of this visitor carry; empty for someone who is not signed in by cookie."""
    made = getattr(request.app.state, "csrf_token", None)
    return str(made(request)) if made is not None else ""


@cache
def templates() -> Environment:
    """The templates of every room: each keeps them in ``<room>/templates/<room>/``."""
    roots = [str(path) for path in sorted(PACKAGE.glob("*/templates"))]
    environment = Environment(
        loader=FileSystemLoader(roots), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.globals |= {
        "asset": assets.load().address,
        "now": clock.now,
        "parcel": parcel,
        "path": lambda text: quote(text),
        "segment": lambda text: quote(text, safe=""),
    }
    environment.filters |= {
        "size": figures.size,
        "short": figures.short,
        "count": figures.count,
        "exact": figures.exact,
        "money": figures.money,
        "energy": figures.energy,
        "visible": names.visible,
        "span": figures.span,
        "wire": clock.wire,
        "ago": lambda moment: figures.ago(moment, clock.now()),
        "long_ago": lambda moment: figures.long_ago(moment, clock.now()),
    }
    environment.globals["plural"] = figures.plural
    return environment


def _template_name(page: type) -> str:
    room = page.__module__.split(".")[1]
    words = re.findall(r"[A-Z][a-z0-9]*", page.__name__.removesuffix("Page"))
    return f"{room}/{'_'.join(word.lower() for word in words)}.html"


def _shell(request: Request, page: Page, block: str) -> Shell:
    slots: Slots = getattr(request.app.state, "slots", Slots())
    query = request.url.query
    return Shell(
        slots=slots,
        hub=getattr(request.state, "hub", HubSays()),
        visitor=shown_visitor(request),
        is_known=hasattr(request.state, "actor"),
        csrf=csrf_token(request),
        area=getattr(page, "area", ""),
        query=request.query_params.get("search", "")[:200],
        has_search=bool(slots.search_address) and not getattr(page, "hides_search", False),
        came_to=_raw_path(request) + (f"?{query}" if query else ""),
        unread=getattr(request.state, "unread", 0),
        repo=_repo(request, slots, page),
        said=flash.heard(request),
        block=block,
        health=getattr(request.app.state, "health", ""),
        theme=_theme(request),
        takes_part=fragments.takes_part(request),
    )


def _repo(request: Request, slots: Slots, page: Page) -> RepoShell | None:
    """Filled inside the page's own transaction; an error page has none, and no repository either."""
    head, ask = getattr(page, "head", None), getattr(request.state, "ask", None)
    if not isinstance(head, RepoHead) or ask is None:
        return None
    tabs = [
        ShownTab(
            tab.label, tab.address.replace("{repo}", head.address), tab.area, tab.count(ask, head) if tab.count else 0
        )
        for tab in slots.repo_tabs
        if head.can_set or not tab.is_setting
    ]
    line = head.line or (slots.repo_line(ask, head) if slots.repo_line else ())
    actions = [fill(ask, head) for fill in slots.repo_actions]
    return RepoShell(actions, [made for fill in slots.repo_more if (made := fill(ask, head))], line, tabs)


def shown_visitor(request: Request) -> Visitor | None:
    """Who looks, as far as it is known; None for somebody who is not signed in."""
    actor: Any = getattr(request.state, "actor", None)
    if actor is None or actor.kind != "user":
        return None
    return Visitor(actor.name, actor.is_admin)


def _theme(request: Request) -> str:
    """Known before anything is drawn: a script would come too late, and the page would flash in the other theme."""
    chosen = request.cookies.get("theme", "")
    return chosen if chosen in ("light", "dark") else ""


def _raw_path(request: Request) -> str:
    raw: bytes = request.scope.get("raw_path") or quote(request.url.path).encode()
    return raw.split(b"?")[0].decode("ascii", "replace")


def page_headers() -> dict[str, str]:
    """What every answer for a browser carries."""
    return {
        "Content-Security-Policy": POLICY,
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
        # Pages depend on who asks: a shared cache must not keep them.
        "Cache-Control": "private, no-cache",
        "Vary": f"Cookie, Accept-Encoding, {fragments.VARY}",
    }
