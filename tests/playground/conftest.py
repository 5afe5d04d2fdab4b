"""A hub with models that answer, as the gateway's tests have it, and a browser on it."""

import re
from typing import Any

from freehold.accounts import service as accounts
from freehold.accounts.rules import SESSION_COOKIE
from tests.fixtures.people import Person
from tests.gateway.conftest import Hub
from tests.gateway.conftest import hub as hub

ORIGIN = {"origin": "http://hub.test"}


class Tab:
    """Somebody signed in at a browser. It calls by the hub's one client, since a node's runtime lives in one loop."""

    def __init__(self, hub: Hub, who: Person) -> None:
        with hub.database.write() as db:
            secret = accounts.open_session(db, who.id, life_s=3600, agent="Test 1.0")
        self._client, self.headers = hub.client, {"cookie": f"{SESSION_COOKIE}={secret}", **ORIGIN}

    def get(self, address: str) -> Any:
        return self._client.get(address, headers={**self.headers, "accept": "text/html"})

    def post(self, address: str, *, page: str = "/playground/feedback", **form: str) -> Any:
        found = re.search(r'name="csrf" value="([^"]+)"', self.get(page).text)
        assert found is not None
        return self._client.post(address, data={"csrf": found[1], **form}, headers=self.headers)
