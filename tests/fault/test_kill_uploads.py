"""``kill -9`` of the server in the middle of a browser's upload: what it had acknowledged is not sent again."""

import hashlib
import os
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from huggingface_hub import HfApi

from freehold.content.service.resuming import PART_BYTES
from tests.fixtures.servers import Live

pytestmark = pytest.mark.fault
WHOLE = os.urandom(1 << 20) * 34  # three parts


def test_acknowledged_parts_outlive_the_server(serve: Callable[..., Live]) -> None:
    live = serve()
    HfApi(live.url, live.tokens["alice"]).create_repo("alice/m")
    oid = hashlib.sha256(WHOLE).hexdigest()

    def ask() -> Any:
        headers = {"Authorization": f"Bearer {live.tokens['alice']}"}
        body = {"files": [{"oid": oid, "size": len(WHOLE)}]}
        answer = httpx.post(f"{live.url}/api/models/alice/m/uploads/main", json=body, headers=headers)
        return answer.raise_for_status().json()["files"][0]

    def put(offer: Any, number: int) -> str:
        part = WHOLE[(number - 1) * PART_BYTES : number * PART_BYTES]
        address = f"{live.url}{offer['href']}/{number}?t={offer['token']}"
        return httpx.put(address, content=part, timeout=60).raise_for_status().headers["etag"]

    def half(offer: Any, number: int) -> None:
        """A part that breaks off in the middle, with the server."""

        def body() -> Any:
            yield WHOLE[: PART_BYTES // 2]
            live.kill()
            yield WHOLE[: PART_BYTES // 2]

        with pytest.raises(httpx.TransportError):
            httpx.put(f"{live.url}{offer['href']}/{number}?t={offer['token']}", content=body(), timeout=60)

    offer = ask()
    first = put(offer, 1)
    half(offer, 2)
    live.start()
    again = ask()
    assert again["arrived"] == {"1": first}, "neither more nor less"
    etags = {"1": first, "2": put(again, 2), "3": put(again, 3)}
    parts = [{"partNumber": int(number), "etag": etag} for number, etag in etags.items()]
    done = httpx.post(f"{live.url}{again['href']}?t={again['token']}", json={"oid": oid, "parts": parts}, timeout=60)
    assert done.status_code == 200, done.text
    assert ask()["state"] == "here"
