"""What the forms of the administration share."""

from collections.abc import Callable
from typing import Annotated

from fastapi import Form
from starlette.responses import RedirectResponse, Response

from freehold.accounts import csrf
from freehold.core.errors import HubError
from freehold.core.http import Ask
from freehold.governance import access
from freehold.web import flash

Csrf = Annotated[str, Form(alias="csrf")]
Text = Annotated[str, Form()]
#: What opens something is kept by no browser and no proxy.
SECRET = {"Cache-Control": "no-store"}


def act(
    ask: Ask,
    token: str,
    change: Callable[[], object],
    *,
    to: str,
    said: str | Callable[[], str],
    again: Callable[[str], Response],
) -> Response:
    """``change`` is done and ``said`` on the page ``to``; refused, ``again`` shows the page with the reason (422)."""
    csrf.check_in_person(ask, token)
    access.administer(ask.actor)
    try:
        change()
    except HubError as err:
        ask.db.rollback()
        return again(err.message)
    return flash.say(ask.request, RedirectResponse(to, 303), said if isinstance(said, str) else said())


def search(ask: Ask, name: str = "q") -> str:
    """What is looked for, as the address has it."""
    return ask.request.query_params.get(name, "").replace("\x00", "").strip()[:96]
