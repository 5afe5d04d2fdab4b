"""How a user's file may be shown by a browser. Pure.

Files are hostile: whatever a browser would run is sent as text or as an attachment, and every answer is sandboxed.
"""

import re
from urllib.parse import quote

#: No scripts, no requests, an origin of its own: for whatever a browser opens straight from a repository.
SANDBOX = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; media-src 'self'; sandbox"
BINARY = "application/octet-stream"
TEXT = "text/plain; charset=utf-8"

_NOT_PLAIN = re.compile(r'[^ -~]|["\\]')
#: Shown as what they are: nothing here runs, sandboxed as it is.
_SHOWN = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "gif": "image/gif",
    "webp": "image/webp",
    "avif": "image/avif",
    "svg": "image/svg+xml",
    "mp3": "audio/mpeg",
    "wav": "audio/wav",
    "flac": "audio/flac",
    "ogg": "audio/ogg",
    "mp4": "video/mp4",
    "webm": "video/webm",
    "m4a": "audio/mp4",
    "aac": "audio/aac",
    "oga": "audio/ogg",
    "opus": "audio/ogg",
    "m4v": "video/mp4",
    "ogv": "video/ogg",
    "pdf": "application/pdf",  # browsers show it in a process of its own, sandboxed or not
    "json": "application/json",
}
_TEXT = frozenset(
    """
    bat c cfg conf cpp css csv env gitattributes gitignore go h htm html ini ipynb java jinja jinja2 js jsonl kt less
    license log lua makefile md mdx mjs ndjson php pl properties proto ps1 py pyi r rb rs rst scss sh sql srt svelte
    tex toml ts tsv tsx txt vtt vue xhtml xml yaml yml
    """.split()  # noqa: SIM905  # a block of words reads and merges better than a list of strings
)


def content_type(path: str) -> str:
    """What a file is served as, by its name: never anything that a browser would run."""
    suffix = path.rpartition("/")[2].rpartition(".")[2].lower()
    if suffix in _TEXT:
        return TEXT
    return _SHOWN.get(suffix, BINARY)


def disposition(path: str, *, attachment: bool) -> str:
    """A ``Content-Disposition`` that saves under the file's own name. Source: RFC 6266; hub-api.md 1.2."""
    name = path.rpartition("/")[2]
    plain = _NOT_PLAIN.sub("_", name)
    kind = "attachment" if attachment else "inline"
    return f"{kind}; filename*=UTF-8''{quote(name, safe='')}; filename=\"{plain}\";"
