"""Calls to an engine as the hub makes them."""

from collections.abc import Mapping
from typing import Any

import httpx

from freehold.compute.rules import Running

WAIT_S = 120


def ask(running: Running, path: str, body: Mapping[str, Any] | None = None) -> Any:
    """What it answers. Raises :class:`httpx.HTTPStatusError`."""
    headers = {"Authorization": f"Bearer {running.key}"}
    method = "GET" if body is None else "POST"
    answer = httpx.request(
        method, f"{running.address}{path}", json=body, headers=headers, timeout=WAIT_S, trust_env=False
    )
    answer.raise_for_status()
    return answer.json()


def refusal(running: Running, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """The error that it answers with, of status 400."""
    try:
        said = ask(running, path, body)
    except httpx.HTTPStatusError as err:
        assert err.response.status_code == 400, err.response.text
        error: dict[str, Any] = err.response.json()["error"]
        return error
    raise AssertionError(f"it answered {said}")
