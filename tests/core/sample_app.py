"""A small application for the tests of the server: ``python -m tests.core.sample_app DIRECTORY [PORT]``.

Prints its address when it answers, ``up`` and ``down`` around its life, and ``gone`` when a sender left.
"""

import asyncio
import hashlib
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from freehold.core import direct, server
from freehold.core.bodies import FileSlice, receive_body, receive_to_file
from freehold.core.errors import HubError
from freehold.core.http import problem

LIMIT_BYTES = 64 << 20
DIRECTORY = Path(sys.argv[1]) if __name__ == "__main__" else Path()


def say(text: str) -> None:
    print(text, flush=True)


async def echo(request: Request) -> Response:
    """What arrived, byte for byte (Latin-1 in JSON)."""
    scope = request.scope
    return JSONResponse(
        {
            "method": scope["method"],
            "path": scope["path"],
            "raw_path": scope["raw_path"].decode("latin-1"),
            "query": scope["query_string"].decode("latin-1"),
            "headers": [[k.decode("latin-1"), v.decode("latin-1")] for k, v in scope["headers"]],
            "body": (await request.body()).decode("latin-1"),
        }
    )


async def headers(_: Request) -> Response:
    response = PlainTextResponse("ok")
    response.raw_headers += [(b"x-twice", b"one"), (b"x-twice", b"two"), (b"x-latin", b"caf\xe9")]
    return response


async def stream(request: Request) -> Response:
    async def pieces() -> AsyncIterator[bytes]:
        for number in range(int(request.query_params.get("pieces", "3"))):
            yield bytes([65 + number % 26]) * 65536

    return StreamingResponse(pieces())


def part(request: Request) -> Response:
    start, end = (int(request.query_params[name]) for name in ("start", "end"))
    return FileSlice(DIRECTORY / "file", start, end, status_code=206, headers={"x-part": "yes"})


def whole(_: Request) -> Response:
    return FileResponse(DIRECTORY / "file")


def shrunk(_: Request) -> Response:
    """A file that becomes shorter after the answer was begun."""
    short = DIRECTORY / "short"
    short.write_bytes(b"x" * 100_000)
    answer = FileSlice(short)
    short.write_bytes(b"x" * 10)
    return answer


async def upload(request: Request) -> Response:
    target = DIRECTORY / f"upload-{request.query_params['name']}"
    digest = hashlib.sha256()
    try:
        size = await receive_to_file(request, target, limit_bytes=LIMIT_BYTES, hasher=digest)
    except ClientDisconnect:
        say(f"gone, left {target.exists()}")
        raise
    assert target.stat().st_size == size
    return JSONResponse({"size": size, "sha256": digest.hexdigest()})


async def refuse(request: Request) -> Response:
    """A disk that fills up with the second piece."""
    seen = 0

    def take(piece: memoryview) -> None:
        nonlocal seen
        seen += len(piece)
        if seen > 1 << 20:
            raise OSError(28, "No space left on device")

    try:
        await receive_body(request, take, limit_bytes=LIMIT_BYTES)
    except OSError as err:
        return PlainTextResponse(str(err), status_code=507)
    return PlainTextResponse("taken")


async def unread(_: Request) -> Response:
    return PlainTextResponse("no", status_code=403)


async def slow(_: Request) -> Response:
    say("slow")
    await asyncio.sleep(1)
    return PlainTextResponse("done")


async def boom(_: Request) -> Response:
    raise RuntimeError("our bug")


async def on_hub_error(_: Request, err: Exception) -> Response:
    assert isinstance(err, HubError)
    return problem(err)


async def on_gone(_: Request, __: Exception) -> Response:
    return Response(status_code=499)


@asynccontextmanager
async def life(_: Starlette) -> AsyncIterator[None]:
    say("up")
    yield
    say("down")


app = Starlette(
    routes=[
        Route("/headers", headers),
        Route("/stream", stream),
        Route("/part", part),
        Route("/whole", whole),
        Route("/shrunk", shrunk),
        Route("/upload", upload, methods=["PUT"]),
        Route("/refuse", refuse, methods=["PUT"]),
        Route("/unread", unread, methods=["PUT"]),
        Route("/slow", slow),
        Route("/boom", boom),
        Route("/{path:path}", echo, methods=["GET", "POST"]),
    ],
    exception_handlers={HubError: on_hub_error, ClientDisconnect: on_gone},
    lifespan=life,
)

if __name__ == "__main__":
    direct.STALL_S = direct.LEFTOVERS_S = 2.0
    server.HEAD_TIMEOUT_S, server.STALL_S, server.SWEEP_TICKS = 1.0, 2.0, 2
    server.run(app, host="127.0.0.1", port=int(sys.argv[2]) if len(sys.argv) > 2 else 0, ready=say)
