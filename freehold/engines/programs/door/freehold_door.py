"""Before a server that is not ours: whoever has no key learns nothing. For any interpreter, with nothing but Python.

``vllm serve --middleware freehold_door.Door`` puts it there; ``transformers`` is started through :func:`main`, since it
knows no keys.
"""

import hmac
import os
import sys
from typing import Any

KEY = "FREEHOLD_ENGINE_KEY"
_BODY = b'{"error":{"message":"Invalid API Key","type":"authentication_error","code":401}}'


class Door:
    """An ASGI application that asks for the key before everything else, also before paths that health checks use."""

    def __init__(self, inner: Any, key: str | None = None) -> None:
        self._inner = inner
        self._wanted = f"Bearer {key or os.environ[KEY]}".encode()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await self._inner(scope, receive, send)
            return
        given = dict(scope.get("headers", ())).get(b"authorization", b"")
        if scope["type"] == "http" and hmac.compare_digest(given, self._wanted):
            await self._inner(scope, receive, send)
        elif scope["type"] == "http":
            headers = [(b"content-type", b"application/json"), (b"content-length", str(len(_BODY)).encode())]
            await send({"type": "http.response.start", "status": 401, "headers": headers})
            await send({"type": "http.response.body", "body": _BODY})
        else:
            await send({"type": "websocket.close", "code": 1008})


def main() -> None:
    """``transformers`` with these arguments, and the door before whatever it serves."""
    import uvicorn

    class Config(uvicorn.Config):
        def __init__(self, app: Any, *given: Any, **named: Any) -> None:
            super().__init__(Door(app), *given, **named)

    uvicorn.Config = Config  # type: ignore[misc]
    from transformers.cli.transformers import main as transformers  # type: ignore[import-not-found]

    sys.argv[0] = "transformers"
    transformers()


if __name__ == "__main__":
    main()
