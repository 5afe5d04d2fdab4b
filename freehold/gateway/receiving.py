"""What a call brings, in bounded memory: a body of JSON, or a form with sound in it."""

import shutil
import tempfile
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from freehold.core.bodies import receive_body
from freehold.core.errors import BadRequest, TooLarge
from freehold.core.multipart import Form, FormReader
from freehold.gateway import rules
from freehold.gateway.errors import BadCall, Packed

#: Of a length that any body has; Python reads no number of some thousand.
MAX_DIGITS = 19


async def body_of(request: Request, limit_bytes: int) -> bytes:
    """The whole body. Raises :class:`TooLarge` saying the limit, :class:`Packed`."""
    packed = request.headers.get("content-encoding", "identity")
    if packed.lower() != "identity":
        raise Packed(f"A body is taken as it is, and this one is sent as {packed[:40]}: leave Content-Encoding out.")
    announced = request.headers.get("content-length", "0")
    if not (announced.isascii() and announced.isdigit()):
        raise BadRequest("The Content-Length is not a number.")
    pieces, size = [], 0
    if len(announced) <= MAX_DIGITS and int(announced) <= limit_bytes:
        # Not by the threads kept for bytes: most of these are a few hundred bytes, and a hop takes longer.
        async for piece in request.stream():
            size += len(piece)
            if size > limit_bytes:
                break
            pieces.append(piece)
        else:
            return b"".join(pieces)
    raise TooLarge(f"The body is over {limit_bytes >> 20} MiB, the limit of this call.")


async def sound_of(request: Request) -> tuple[dict[str, object], bytes, str]:
    """The fields of a form, and the sound in it with its media type. Raises :class:`BadCall`, :class:`TooLarge`."""
    kit = request.app.state.kit
    scratch = Path(await run_in_threadpool(tempfile.mkdtemp, dir=kit.tmp))
    try:
        with FormReader(request, scratch, max_files=1, admit=lambda _: None) as reader:
            await receive_body(request, reader.take, limit_bytes=rules.MAX_SOUND_BYTES)
            form = reader.finish()
        return await run_in_threadpool(_read, form)
    finally:
        await run_in_threadpool(shutil.rmtree, scratch, ignore_errors=True)


def _read(form: Form) -> tuple[dict[str, object], bytes, str]:
    if not form.files:
        raise BadCall('The form has no file: send the sound as "file".', "file")
    file = form.files[0]
    return dict(form.fields), file.path.read_bytes(), _media_type(file.name)


def _media_type(name: str) -> str:
    ending = name.rpartition(".")[2].lower()
    return {
        "wav": "audio/wav",
        "mp3": "audio/mpeg",
        "flac": "audio/flac",
        "ogg": "audio/ogg",
        "m4a": "audio/mp4",
        "webm": "audio/webm",
    }.get(ending, "application/octet-stream")
