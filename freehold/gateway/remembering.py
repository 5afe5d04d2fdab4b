"""Who may call what, remembered for exactly as long as nothing in the database is another.

A call is let in by some ten short reads, two milliseconds of processor before its first token. Between two commits of
anybody's they give the same, and SQLite says in some microseconds whether there was one: then what they gave is good.
Only what no clock can end is kept: plain tokens without an end, models without a gate, and no budget that ends calls.
PostgreSQL does not say it, and there every call is read anew.
"""

from collections.abc import Hashable

from starlette.requests import Request

from freehold.access import service as access
from freehold.access.rules import Actor
from freehold.accounts.rules import SESSION_COOKIE, secret_hash
from freehold.core.database import Database
from freehold.gateway.service import Known

MAX_KNOWN = 2000


class Memory:
    """What one hub remembers. Used by its event loop alone."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._version: Hashable = None
        self._known: dict[tuple[str, str, str], tuple[Actor, Known]] = {}

    def version(self) -> Hashable:
        """What every commit makes another; None where the database does not say."""
        return self._database.version()

    def find(self, request: Request, model: str, bill_to: str) -> tuple[Actor, Known] | None:
        """Who asks and what ``model`` is to them, if that was read since the last commit."""
        secret = _secret(request)
        if secret is None or not self._known or self._database.version() != self._version:
            return None
        found = self._known.get((secret, model, bill_to))
        if found is not None:
            access.note_token(self._database, found[0])
        return found

    def keep(self, request: Request, model: str, bill_to: str, version: Hashable, known: Known) -> None:
        """``known`` was read after ``version`` was: it is good until that is another one."""
        secret = _secret(request)
        if secret is None or version is None or not known.is_lasting:
            return
        if version != self._version or len(self._known) >= MAX_KNOWN:
            self._version, self._known = version, {}
        # Of this token, as it is now, no clock will say otherwise.
        if access.glimpse(self._database, request.headers.get("authorization"), None) is not None:
            self._known[(secret, model, bill_to)] = (known.actor, known)


def _secret(request: Request) -> str | None:
    """What stands for the token that came; None: it came otherwise, and is read anew each time."""
    given = request.headers.get("authorization", "")
    if given[:7].lower() != "bearer " or SESSION_COOKIE in request.cookies:
        return None
    return secret_hash(given[7:].strip())
