"""What every form that changes a repository has in common: words, where the change goes, and a refusal told in it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from pydantic import BaseModel, Field
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from freehold.access.rules import Actor
from freehold.accounts import csrf
from freehold.content.rules import BRANCHES
from freehold.content.service.commits import Done
from freehold.core.errors import HubError
from freehold.core.http import Ask, quoted, unit_of_work
from freehold.discussions.pages import shown
from freehold.discussions.service import places
from freehold.discussions.service.places import Place, Words
from freehold.repos.heads import head
from freehold.repos.rules import page_path

REPO = "/{kind:prefix}{namespace}/{name}"
#: What the form shows again instead of an error page: the writer's words must not be lost.
TOLD_IN_FORM = (400, 409, 412, 413, 422)
STALE = 412


class Said(BaseModel):
    """The fields of every such form."""

    summary: str = ""
    description: str = ""
    parent: str = ""
    how: str = ""
    token: str = Field("", alias="csrf")

    @property
    def words(self) -> Words:
        return Words(self.summary, self.description, self.parent[:40], opens_pull=self.how != "commit")


@dataclass(frozen=True)
class Refusal:
    """Why nothing was changed. ``seen`` is the commit that the page was made for."""

    message: str
    status: int
    seen: str = ""


@dataclass(frozen=True)
class Moved:
    """What changed meanwhile. ``touches`` False: elsewhere, so that sending again overwrites nothing."""

    by: str
    at: datetime
    subject: str
    address: str  #: of the commit
    compared: str  #: of everything that is new since
    touches: bool


@dataclass(frozen=True)
class ChangeForm:
    """The part of a page that says what changes and where it goes."""

    branch: str  #: as people call it
    parent: str  #: the commit that the page is about
    summary: str
    usual: str  #: the summary where none is typed
    description: str
    may_commit: bool
    may_propose: bool
    cancel: str
    error: str
    moved: Moved | None


def change_form(
    db: Session,
    kit: Any,
    found: Place,
    *,
    usual: str,
    cancel: str,
    said: Said | None = None,
    refusal: Refusal | None = None,
) -> ChangeForm:
    """The form for a change at ``found``, with what was typed and what became of it."""
    return ChangeForm(
        branch=found.ref.removeprefix(BRANCHES),
        parent=found.head,
        summary=said.summary[:400] if said else "",
        usual=usual[:200],
        description=said.description if said else "",
        may_commit=found.may_commit,
        may_propose=found.may_propose,
        cancel=cancel,
        error=refusal.message if refusal else "",
        moved=_moved(db, kit, found, refusal) if refusal and refusal.status == STALE else None,
    )


def _moved(db: Session, kit: Any, found: Place, refusal: Refusal) -> Moved | None:
    since = places.since(db, kit, found, refusal.seen)
    if since is None:
        return None
    root = head(found.repo).address
    return Moved(
        by=since.by,
        at=since.commit.when,
        subject=since.commit.title[:200],
        address=f"{root}/commit/{since.commit.oid}",
        compared=f"{root}/compare/{since.before}..{since.head}",
        touches=since.touches,
    )


def attempt(
    request: Request,
    said: Said,
    act: Callable[[Actor], Done],
    again: Callable[[Ask, Refusal], Response],
    after: Callable[[Done], str],
) -> Response:
    """``act`` and go to ``after`` (or to the pull request); refused, the page ``again`` with everything typed.

    The verbs behind open their own transactions around the bytes they write.
    """
    csrf.check(request, said.token)
    with unit_of_work(request, reads=True) as ask:
        actor: Actor = ask.actor
    try:
        done = act(actor)
    except HubError as err:
        if err.status not in TOLD_IN_FORM:
            raise
        with unit_of_work(request, reads=True) as ask:
            return again(ask, Refusal(err.message, STALE if err.status == STALE else 422, said.parent[:40].lower()))
    if done.pull is not None:
        return RedirectResponse(f"{page_path(done.kind, done.repo)}/discussions/{done.pull}", 303)
    return RedirectResponse(after(done), 303)


def sign_in(ask: Ask, path: str) -> Response:
    """Somebody who is not signed in comes back to ``path`` after that."""
    return RedirectResponse(shown.login(path), 303)


def at(root: str, what: str, rev: str, path: str = "") -> str:
    """The address of page ``what`` of a repository, for ``path`` at ``rev``."""
    return f"{root}/{what}/{quoted(rev)}" + (f"/{quote(path)}" if path else "")


def literal_ref(rev: str, path: str) -> tuple[str, str]:
    """``/edit/refs/pr/1/file`` as people type it, beside the proper form with %2F. Source: hub-api.md 0.6."""
    if rev != "refs":
        return rev, path
    group, _, rest = path.partition("/")
    name, _, path = rest.partition("/")
    return f"refs/{group}/{name}", path
