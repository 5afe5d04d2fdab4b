"""Git over HTTPS: clone, fetch and push. Source: gitprotocol-http(5), protocol/hub-api.md 7.

git asks its user for a name and a password when it hears 401 with a Basic challenge, and shows an error's text when
that is plain; so errors here are plain text.
"""

import asyncio
import os
import shutil
import tempfile
from collections.abc import Awaitable, Callable
from functools import wraps
from pathlib import Path
from typing import IO, Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from freehold.access.rules import Action, Actor
from freehold.content import queries
from freehold.content.api import counting
from freehold.content.kit import Kit
from freehold.content.service.git import pushing, reading
from freehold.content.service.git.pushing import Target
from freehold.core.bodies import Flow, receive_body, unzipped
from freehold.core.errors import BadRequest, Forbidden, HubError
from freehold.core.http import Ask, base_url, in_thread, stream_door
from freehold.gitkit import packets
from freehold.gitkit.receiving import CAPABILITIES, NULL, Incoming
from freehold.gitkit.receiving import Request as Asked
from freehold.gitkit.serving import PIECE_BYTES, Pace, View, capabilities, upload_pack
from freehold.repos import paths
from freehold.repos.errors import RepoMoved

paths.register()

FETCH, PUSH = "git-upload-pack", "git-receive-pack"
#: What a fetch says that it has and wants: a partial clone asks for objects one by one, 50 bytes each.
MAX_FETCH_BYTES = 32 << 20
#: Enough of what a fetch begins with to know it by.
FIRST_LINE_BYTES = 32
#: git zips what a fetch asks for, never a pack: a zipped push is by hand, and could be a thousand times what was sent.
MAX_ZIPPED_PUSH_BYTES = 64 << 20
KEEP_ALIVE_S = 5
AGENT = "agent=freehold"
NO_CACHE = {"Cache-Control": "no-cache, max-age=0, must-revalidate", "Pragma": "no-cache"}
Endpoint = Callable[[Request], Awaitable[Response]]
Write = Callable[[bytes], Awaitable[None]]


def speaks_git(endpoint: Endpoint) -> Endpoint:
    """Errors as git shows them. A moved repository is answered as everywhere: git follows it."""

    @wraps(endpoint)
    async def spoken(request: Request) -> Response:
        try:
            return await endpoint(request)
        except RepoMoved:
            raise
        except HubError as err:
            return _told(err)

    return spoken


def _told(err: HubError) -> Response:
    headers = dict(err.headers) | NO_CACHE
    if err.status == 401:
        headers["WWW-Authenticate"] = 'Basic realm="Freehold"'
    return PlainTextResponse(f"{err.message}\n", err.status, headers=headers)


# ---- what there is --------------------------------------------------------------------------------------------------


@speaks_git
@stream_door(Action.READ)
async def info_refs(request: Request) -> Response:
    """The refs, for a clone or a push; the first call of either."""
    service = request.query_params.get("service", "")
    if service == PUSH:
        return await _info_for_push(request)
    if service != FETCH:
        raise Forbidden("This hub speaks git's smart protocol only: use git 1.6.6 or newer.")
    headers = {"Content-Type": f"application/x-{FETCH}-advertisement", **NO_CACHE}
    protocol = request.headers.get("git-protocol", "")
    if "version=2" in protocol:  # whose first answer names no refs
        return Response(await in_thread(request, _capabilities, reads=True), headers=headers)
    view = await in_thread(request, _view, reads=True)

    async def serve(write: Write) -> None:
        await write(packets.line(f"# service={FETCH}\n".encode()) + packets.FLUSH)
        await _serve(request, view, write, protocol=protocol, advertises=True, body=None)

    return Flow(serve, headers=headers)


def _capabilities(ask: Ask) -> bytes:
    reading.admitted(ask.db, ask.actor, _path(ask.request), kind=ask.request.path_params["kind"])
    return capabilities()


async def _info_for_push(request: Request) -> Response:
    refs = await in_thread(request, _refs_for_push, reads=True)
    first = f"{CAPABILITIES} {AGENT}\n"
    lines = [f"{target} {name}" for name, target in refs] or [f"{NULL} capabilities^{{}}"]
    said = [f"{lines[0]}\0{first}", *(f"{line}\n" for line in lines[1:])]
    version = [packets.line(b"version 1\n")] if request.headers.get("git-protocol") == "version=1" else []
    body = b"".join([*version, *(packets.line(line.encode()) for line in said)])
    head = packets.line(f"# service={PUSH}\n".encode()) + packets.FLUSH
    headers = {"Content-Type": f"application/x-{PUSH}-advertisement", **NO_CACHE}
    return Response(head + body + packets.FLUSH, headers=headers)


def _refs_for_push(ask: Ask) -> list[tuple[str, str]]:
    repo = pushing.admitted(ask.db, ask.actor, _path(ask.request), kind=ask.request.path_params["kind"])
    return [(ref.name, ref.target) for ref in queries.refs(ask.db, repo)]


# ---- fetch ----------------------------------------------------------------------------------------------------------


@speaks_git
@stream_door(Action.READ)
async def fetch(request: Request) -> Response:
    """The objects that a clone or a fetch asks for, while git packs them."""
    _check_type(request, FETCH)
    view = await in_thread(request, _view, reads=True)
    body = tempfile.TemporaryFile(dir=_kit(request).tmp)  # noqa: SIM115  # closed when the answer is sent
    try:
        take = _bounded(body, MAX_FETCH_BYTES)
        await _received(request, take, MAX_FETCH_BYTES)
        await run_in_threadpool(body.seek, 0)
        await run_in_threadpool(_count, request, body)
    except BaseException:
        body.close()
        view.close()
        raise
    protocol = request.headers.get("git-protocol", "")

    async def serve(write: Write) -> None:
        await _serve(request, view, write, protocol=protocol, advertises=False, body=body)

    return Flow(serve, headers={"Content-Type": f"application/x-{FETCH}-result", **NO_CACHE})


async def _serve(
    request: Request, view: View, write: Write, *, protocol: str, advertises: bool, body: IO[bytes] | None
) -> None:
    """What git says is sent as it says it. It ends when the client leaves or its time is over."""
    kit = _kit(request)
    try:
        with tempfile.TemporaryFile(dir=kit.tmp) as errors:
            async with asyncio.timeout(kit.settings.git_s), kit.git_turns.one(_who(request)):
                pace = Pace(kit.git_turns, write)
                stdin = body if body is not None else asyncio.subprocess.DEVNULL
                running = upload_pack(view, protocol=protocol, advertises=advertises, stdin=stdin, errors=errors)
                async with running as process:
                    assert process.stdout is not None, "a git without its output"
                    while piece := await process.stdout.read(PIECE_BYTES):
                        await pace.write(piece)
                    await process.wait()
    finally:
        view.close()
        if body is not None:
            body.close()


def _view(ask: Ask) -> View:
    given = ask.request.path_params
    repo, objects, refs = reading.opened(ask.db, ask.kit, ask.actor, _path(ask.request), kind=given["kind"])
    # For :func:`_count`, which knows only later whether this call fetches anything.
    ask.request.state.fetches = (ask.actor, repo.id)
    return reading.view(ask.kit, objects, refs)


def _count(request: Request, body: IO[bytes]) -> None:
    """A call that asks for objects is a download; one that asks for the refs (``git ls-remote``) is none.

    Source: gitprotocol-v2(5), command-request; gitprotocol-pack(5), upload-request.
    """
    # Not through the file object: it reads ahead, and git goes on from where the descriptor stands.
    first = os.pread(body.fileno(), FIRST_LINE_BYTES, 0)
    if first[4:].startswith((b"command=fetch", b"want ")):
        actor, repo_id = request.state.fetches
        counting.note(request, actor, repo_id)


def _bounded(file: IO[bytes], limit_bytes: int) -> Callable[[memoryview], None]:
    def take(piece: memoryview) -> None:
        if file.tell() + len(piece) > limit_bytes:
            raise BadRequest(f"A fetch may ask with {limit_bytes} bytes; fetch in parts.")
        file.write(piece)

    return take


# ---- push -----------------------------------------------------------------------------------------------------------


@speaks_git
@stream_door(Action.PROPOSE)
async def push(request: Request) -> Response:
    """Take a push in, then say what came of each ref, with words to the user in between."""
    _check_type(request, PUSH)
    kit = _kit(request)
    actor: Actor = await in_thread(request, _admitted, reads=True)
    target = Target(request.path_params["kind"], _path(request), base_url(request))
    folder = Path(await run_in_threadpool(tempfile.mkdtemp, dir=kit.tmp, prefix="push-"))
    try:
        pack = folder / "incoming.pack"
        asked = await _incoming(request, pack, kit.settings.max_push_bytes)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    headers = {"Content-Type": f"application/x-{PUSH}-result", **NO_CACHE}
    if not asked.commands:  # git asks with an empty push whether it is let in, before it sends a large one
        shutil.rmtree(folder, ignore_errors=True)
        return Response(b"", headers=headers)

    def work(say: Callable[[str], None]) -> bytes:
        report = pushing.push(request.app.state.database, kit, actor, target, asked, pack, folder, say)
        return report.encoded(asked.capabilities)

    return Flow(lambda write: _pushed(request, write, work, folder, asked), headers=headers)


async def _pushed(
    request: Request, write: Write, work: Callable[[Callable[[str], None]], bytes], folder: Path, asked: Asked
) -> None:
    """``work`` goes on to its end in its thread even when the client leaves: what it publishes is whole."""
    banded = "side-band-64k" in asked.capabilities
    loop = asyncio.get_running_loop()
    words: asyncio.Queue[bytes | None] = asyncio.Queue()

    def say(text: str) -> None:
        loop.call_soon_threadsafe(words.put_nowait, packets.said(text))

    try:
        async with _kit(request).git_turns.one(_who(request)):
            working = asyncio.ensure_future(run_in_threadpool(work, say))
            working.add_done_callback(lambda _: words.put_nowait(None))
            try:
                while (said := await _next_words(words)) is not None:
                    if banded:
                        await write(said)
                await write(working.result())
            finally:
                await asyncio.wait([working])
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def _next_words(words: "asyncio.Queue[bytes | None]") -> bytes | None:
    """What is to be said next, or that there is still somebody here; None at the end."""
    try:
        return await asyncio.wait_for(words.get(), KEEP_ALIVE_S)
    except TimeoutError:
        return packets.KEEP_ALIVE


def _admitted(ask: Ask) -> Any:
    pushing.admitted(ask.db, ask.actor, _path(ask.request), kind=ask.request.path_params["kind"])
    return ask.actor


async def _incoming(request: Request, pack: Path, limit_bytes: int) -> Asked:
    file = await run_in_threadpool(os.open, pack, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
    try:
        is_zipped = "content-encoding" in request.headers
        incoming = Incoming(file, limit_bytes=min(limit_bytes, MAX_ZIPPED_PUSH_BYTES) if is_zipped else limit_bytes)
        await _received(request, incoming.take, limit_bytes)
        return incoming.finish()
    finally:
        os.close(file)


# ---- helpers --------------------------------------------------------------------------------------------------------


async def _received(request: Request, take: Callable[[memoryview], None], limit_bytes: int) -> None:
    try:
        await receive_body(request, unzipped(request, take), limit_bytes=limit_bytes)
    except ClientDisconnect as err:
        raise BadRequest("The connection ended in the middle of the body: nothing was kept.") from err


def _check_type(request: Request, service: str) -> None:
    if request.headers.get("content-type") != f"application/x-{service}-request":
        raise BadRequest(f"This address takes what git sends: application/x-{service}-request.")


def _kit(request: Request) -> Kit:
    kit: Kit = request.app.state.kit
    return kit


def _who(request: Request) -> str:
    """Whom a turn is for: a person, or the machine of somebody unknown."""
    actor: Actor = request.state.actor
    return actor.id or (request.client.host if request.client else "")


def _path(request: Request) -> str:
    given = request.path_params
    return f"{given['namespace']}/{given['name']}"


_REPO = "/{kind:prefix}{namespace}/{name}"
routes: list[BaseRoute] = [
    Route(repo + call, endpoint, methods=[method])
    # git itself leaves an address as it is typed: with ".git" or without.
    for repo in (_REPO + ".git", _REPO)
    for call, endpoint, method in (
        ("/info/refs", info_refs, "GET"),
        (f"/{FETCH}", fetch, "POST"),
        (f"/{PUSH}", push, "POST"),
    )
]
