"""Like and follow buttons, and the lists of people behind their numbers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Form
from starlette.responses import RedirectResponse, Response

from freehold.access.rules import Action
from freehold.accounts import csrf
from freehold.accounts import service as accounts
from freehold.accounts.tables import Account
from freehold.community.queries import marks
from freehold.community.service import follows, likes
from freehold.core.http import PUBLIC, Ask, door
from freehold.core.paging import Cursor, decode, encode
from freehold.core.routes import Router
from freehold.repos import paths
from freehold.repos.heads import head
from freehold.repos.tables import Repo
from freehold.web.components import RepoHead
from freehold.web.render import part, render

paths.register()
router = Router(include_in_schema=False)
ROWS = 50


@dataclass(frozen=True)
class LikeAction:
    """The like beside a repository's name, and how many there are."""

    head: RepoHead
    is_liked: bool
    is_signed_in: bool


@dataclass(frozen=True)
class CollectAction:
    """What puts a repository into collections: its menu is loaded once it is opened."""

    item: str  #: the repository as collections name it


@dataclass(frozen=True)
class FollowButton:
    """Follow, or follow no more."""

    name: str
    is_followed: bool
    is_signed_in: bool


@dataclass(frozen=True)
class LikersPage:
    """Who likes a repository."""

    title: str
    area: str
    head: RepoHead
    people: Sequence[Account]
    first: str
    next: str


@dataclass(frozen=True)
class PeoplePage:
    """People around somebody: followers, followed, members."""

    title: str
    account: Account
    people: Sequence[Account]
    nobody: str  #: what to say when there is nobody
    first: str
    next: str


@dataclass(frozen=True)
class LikedPage:
    """What somebody likes."""

    title: str
    account: Account
    repos: Sequence[tuple[Repo, str, Any]]  #: a repository, its address, and since when
    first: str
    next: str


def like_action(ask: Ask, head: RepoHead) -> str:
    """Fills the slot beside a repository's name."""
    is_liked = marks.likes(ask.db, ask.actor, head.repo_id)
    return part(ask.request, LikeAction(head, is_liked, ask.actor.id is not None))


def collect_action(ask: Ask, head: RepoHead) -> str:
    """An entry of the menu beside a repository's name, for somebody signed in."""
    return "" if ask.actor.id is None else part(ask.request, CollectAction(f"{head.plural}/{head.path}"))


def follow_button(ask: Ask, account: Account, is_followed: bool) -> str:
    """Empty on one's own page."""
    if ask.actor.id == account.id:
        return ""
    return part(ask.request, FollowButton(account.name, is_followed, ask.actor.id is not None))


# ---- forms -------------------------------------------------------------------------------------------------


@router.post("/{kind:prefix}{namespace}/{name}/like")
@door(Action.PROPOSE)
def like(
    ask: Ask,
    kind: str,
    namespace: str,
    name: str,
    wanted: Annotated[bool, Form()] = True,
    token: Annotated[str, Form(alias="csrf")] = "",
) -> Response:
    """``wanted`` false: not liked any more."""
    csrf.check(ask.request, token)
    verb = likes.like if wanted else likes.unlike
    repo = verb(ask.db, ask.actor, f"{namespace}/{name}", kind=kind)
    return RedirectResponse(head(repo).address, 303)


@router.post("/{name}/activity/follow")
@door(Action.PROPOSE)
def follow(
    ask: Ask, name: str, wanted: Annotated[bool, Form()] = True, token: Annotated[str, Form(alias="csrf")] = ""
) -> Response:
    csrf.check(ask.request, token)
    verb = follows.follow if wanted else follows.unfollow
    return RedirectResponse(f"/{verb(ask.db, ask.actor, name).name}", 303)


# ---- lists -------------------------------------------------------------------------------------------------


@router.get("/{kind:prefix}{namespace}/{name}/likers")
@door(Action.LIST)
def likers(ask: Ask, kind: str, namespace: str, name: str, cursor: str = "") -> Response:
    path = f"{namespace}/{name}"
    repo, page = marks.likers(ask.db, ask.actor, path, kind=kind, limit=ROWS, cursor=_cursor(cursor))
    here = f"{head(repo).address}/likers"
    shown = LikersPage(
        f"Who likes {repo.path}",
        repo.kind,
        head(repo, actor=ask.actor),
        page.accounts,
        _first(here, cursor),
        _next(here, page.next),
    )
    return render(ask.request, shown)


@router.get("/{name}/activity/followers")
@door(PUBLIC)
def followers(ask: Ask, name: str, cursor: str = "") -> Response:
    page = marks.followers(ask.db, name, kind=None, limit=ROWS, cursor=_cursor(cursor))
    return _people(ask, name, "followers", "Who follows", "Nobody follows {} yet.", page, cursor)


@router.get("/{name}/activity/following")
@door(PUBLIC)
def following(ask: Ask, name: str, cursor: str = "") -> Response:
    page = marks.following(ask.db, name, limit=ROWS, cursor=_cursor(cursor))
    return _people(ask, name, "following", "Followed by", "{} follows nobody yet.", page, cursor)


@router.get("/{name}/activity/members")
@door(PUBLIC)
def members(ask: Ask, name: str, cursor: str = "") -> Response:
    page = marks.members(ask.db, ask.actor, name, limit=ROWS, cursor=decode(cursor, int) if cursor else None)
    return _people(ask, name, "members", "Members of", "{} has no members.", page, cursor)


@router.get("/{name}/activity/likes")
@door(PUBLIC)
def liked(ask: Ask, name: str, cursor: str = "") -> Response:
    account = accounts.account(ask.db, name, kind="user")
    page = marks.liked(ask.db, ask.actor, name, limit=ROWS, cursor=_cursor(cursor))
    here = f"/{account.name}/activity/likes"
    rows = [(like.repo, head(like.repo).address, like.at) for like in page.likes]
    shown = LikedPage(f"Liked by {account.name}", account, rows, _first(here, cursor), _next(here, page.next))
    return render(ask.request, shown)


def _people(
    ask: Ask, name: str, what: str, heading: str, nobody: str, page: marks.AccountsPage, cursor: str
) -> Response:
    account = accounts.account(ask.db, name)
    here = f"/{account.name}/activity/{what}"
    title, words = f"{heading} {account.name}", nobody.format(account.name)
    return render(
        ask.request,
        PeoplePage(title, account, page.accounts, words, _first(here, cursor), _next(here, page.next)),
    )


def _cursor(text: str) -> Cursor | None:
    return decode(text) if text else None


def _first(here: str, cursor: str) -> str:
    return here if cursor else ""


def _next(here: str, cursor: Cursor | None) -> str:
    return f"{here}?cursor={encode(cursor)}" if cursor else ""
