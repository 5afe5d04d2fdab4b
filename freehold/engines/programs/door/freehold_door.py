"""Before a server that is not ours: whoever has no key learns nothing. For any interpreter, with nothing but Python.

``vllm serve --middleware freehold_door.Door`` puts it there; ``transformers`` is started through :func:`main`, since it
knows no keys. There it also tells what a call took (``freehold_counts``).
"""

import asyncio
import hmac
import os
import sys
from typing import Any

KEY = "FREEHOLD_ENGINE_KEY"
_BODY = b'{"error":{"message":"Invalid API Key","type":"authentication_error","code":401}}'


class Door:
    """An ASGI application that asks for the key before everything else, also before paths that health checks use."""

    def __init__(self, inner: Any, key: str | None = None, counts: Any = None) -> None:
        self._inner, self._counts = inner, counts
        self._wanted = f"Bearer {key or os.environ[KEY]}".encode()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await self._inner(scope, receive, send)
            return
        given = dict(scope.get("headers", ())).get(b"authorization", b"")
        if scope["type"] == "http" and hmac.compare_digest(given, self._wanted):
            if self._counts is None:
                await self._inner(scope, receive, send)
            elif scope["path"].startswith(self._counts.PATH):
                await _answer(send, 200, self._counts.told(scope["path"][len(self._counts.PATH) :]))
            else:
                await self._counted(scope, receive, send)
        elif scope["type"] == "http":
            await _answer(send, 401, _BODY)
        else:
            await send({"type": "websocket.close", "code": 1008})

    async def _counted(self, scope: Any, receive: Any, send: Any) -> None:
        """The call is known to be left when its caller goes. Watched once the body was read, which has one reader."""
        call_id = dict(scope.get("headers", ())).get(b"x-request-id", b"").decode("latin-1")
        watching: list[asyncio.Task[None]] = []

        async def watch() -> None:
            while (await receive())["type"] != "http.disconnect":
                pass
            self._counts.left(call_id)

        async def heard() -> Any:
            message = await receive()
            if message["type"] == "http.request" and not message.get("more_body") and not watching:
                watching.append(asyncio.ensure_future(watch()))
            return message

        try:
            await self._inner(scope, heard, send)
        finally:
            for task in watching:
                task.cancel()


async def _answer(send: Any, status: int, body: bytes) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def main() -> None:
    """``transformers`` with these arguments, and the door before whatever it serves."""
    import freehold_counts  # type: ignore[import-not-found]
    import uvicorn

    class Config(uvicorn.Config):
        def __init__(self, app: Any, *given: Any, **named: Any) -> None:
            super().__init__(Door(app, counts=freehold_counts), *given, **named)

    uvicorn.Config = Config  # type: ignore[misc]
    try:
        freehold_counts.begin()
    except (ImportError, AttributeError) as err:
        sys.stderr.write(f"Calls that are left are not counted: this transformers has other names ({err}).\n")
    from transformers.cli.transformers import main as transformers  # type: ignore[import-not-found]

    sys.argv[0] = "transformers"
    transformers()


if __name__ == "__main__":
    main()
