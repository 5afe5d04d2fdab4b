"""LFS pointers: the text in git that stands for a large file.

Source: https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md
"""

import re
from dataclasses import dataclass

#: The longest canonical pointer (19 digits of size) has 147 bytes; nothing longer is read in search of one.
MAX_POINTER_BYTES = 200

#: What git-lfs itself reads in search of a pointer, in any spelling. Source: git-lfs, lfs/pointer.go, blobSizeCutoff.
POINTER_LIKE_BYTES = 1024

_POINTER = re.compile(
    rb"version https://git-lfs\.github\.com/spec/v1\noid sha256:([0-9a-f]{64})\nsize (0|[1-9][0-9]{0,18})\n"
)


@dataclass(frozen=True, slots=True)
class Pointer:
    """A large file: its digest and true size in bytes."""

    sha256: str
    size_bytes: int

    def text(self) -> bytes:
        """The canonical pointer, byte for byte what git-lfs writes."""
        return (
            f"version https://git-lfs.github.com/spec/v1\noid sha256:{self.sha256}\nsize {self.size_bytes}\n".encode()
        )


def parse_pointer(data: bytes) -> Pointer | None:
    """The pointer that ``data`` is, or None. Only the canonical form counts: another text would not come back equal."""
    if len(data) > MAX_POINTER_BYTES:
        return None
    match = _POINTER.fullmatch(data)
    return Pointer(match[1].decode(), int(match[2])) if match else None


#: Other line ends, keys that extensions add, the names of old versions: git-lfs takes them all.
_LIKE = re.compile(
    rb"\s*version (?:https?://git-lfs\.github\.com/spec/|http://git-media\.io/|https://hawser\.github\.com/spec/)\S+\s"
    rb"(?:.*\n)*?oid sha256:[0-9a-f]{64}\s"
)


def is_like_pointer(data: bytes) -> bool:
    """Whether git-lfs would take ``data`` for a pointer, though it is not the canonical text of one."""
    return len(data) < POINTER_LIKE_BYTES and _LIKE.match(data) is not None
