"""How an engine's answer is put for whoever asked: OpenAI's own form here; others in files of their own."""

import json
import re
from typing import Any, Protocol

from starlette.responses import JSONResponse, Response

from freehold.core.errors import HubError
from freehold.core.http import header_text
from freehold.gateway.errors import told
from freehold.inference.errors import EngineFailed
from freehold.inference.rules import Reply

DONE = b"data: [DONE]\n\n"
#: Inside a text of JSON every quote has a backslash before it, so this finds a field and nothing that was said.
_MODEL = re.compile(rb'"model"\s*:\s*"(?:[^"\\]|\\.)*"')


class Shape(Protocol):
    """One form of answers. ``content_type`` '': as the engine said."""

    content_type: str

    def whole(self, body: bytes, reply: Reply) -> bytes:
        """An answer in one piece."""
        ...

    def piece(self, data: bytes, reply: Reply) -> bytes:
        """One event of a stream, as it is sent; empty where it says nothing in this form."""
        ...

    def last(self, reply: Reply) -> bytes:
        """What ends a stream."""
        ...

    def broken(self, err: HubError) -> bytes:
        """An error in the middle of a stream, by which it ends."""
        ...

    def problem(self, err: HubError) -> Response:
        """An error in place of an answer."""
        ...


class OpenAI:
    """As the engine says it, with the name that was called in ``model``, and in ``freehold`` which model and revision
    answered: in the whole answer, or in the first event of a stream."""

    content_type = ""

    def __init__(self, name: str) -> None:
        self._name = name
        self._field = b'"model":' + written(name).replace(b"\\", b"\\\\")
        self._has_begun = False

    def whole(self, body: bytes, reply: Reply) -> bytes:
        if "json" not in reply.content_type:
            return body
        answer = read(body)
        if not isinstance(answer, dict):
            return body
        # A pipeline puts its trace there, where the caller asks for it.
        said = answer.get("freehold")
        traced = {"trace": said["trace"]} if isinstance(said, dict) and "trace" in said else {}
        return written(answer | {"model": self._name, "freehold": source(reply) | traced})

    def piece(self, data: bytes, reply: Reply) -> bytes:
        if not self._has_begun:
            self._has_begun = True
            event = read(data) | {"model": self._name, "freehold": source(reply)}
            return b"data: " + written(event) + b"\n\n"
        return b"data: " + _MODEL.sub(self._field, data, count=1) + b"\n\n"

    def last(self, reply: Reply) -> bytes:
        return DONE

    def broken(self, err: HubError) -> bytes:
        return b"data: " + written({"error": told(err)}) + b"\n\n"

    def problem(self, err: HubError) -> Response:
        return problem(err)


def problem(err: HubError) -> Response:
    """An error as OpenAI's clients read it; its headers as the hub's own clients do."""
    headers = {**err.headers, "X-Error-Message": header_text(err.message)}
    if err.code:
        headers["X-Error-Code"] = err.code
    return JSONResponse({"error": told(err)}, status_code=err.status, headers=headers)


def source(reply: Reply) -> dict[str, str]:
    """Which model gave the answer."""
    target = reply.target
    return {"endpoint": target.served_name, "model": target.model, "revision": target.revision}


def read(data: bytes) -> Any:
    """JSON of an engine's. Raises :class:`EngineFailed` for what is none."""
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as err:
        raise EngineFailed("The engine's answer is not JSON.") from err


def written(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
