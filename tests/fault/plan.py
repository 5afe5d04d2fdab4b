"""What a writer writes: every step's files follow from the writer and the step, so anyone can check any commit.

Used by the tests and, with Python's library alone, by the scripts that run in a client's environment.
"""

import functools
import hashlib
import random

LARGE_BYTES = 3_000_000
PARTS = 4
NOTES = 40


def noise(seed: int, size_bytes: int) -> bytes:
    """Bytes that no codec makes smaller, the same for the same seed."""
    return random.Random(seed).randbytes(size_bytes)


def title(step: int) -> str:
    return f"step {step}"


def changes(writer: int, step: int) -> dict[str, bytes]:
    """Path -> content of what step ``step`` adds or replaces: small files inline, large ones beside the commit."""
    seed = writer * 1_000_000 + step
    return {
        "marker.txt": f"{writer} {step}\n".encode(),
        f"notes/{step % NOTES}.txt": f"note {seed}\n".encode(),
        f"parts/{step % PARTS}.bin": noise(-seed, 200_000 + step),
        "large.bin": noise(seed, LARGE_BYTES + step),
    }


def ids(writer: int, step: int) -> dict[str, str]:
    """Path -> what names the file in the tree after ``step``: SHA-256 of a large one, git's id of a small one."""
    found = {}
    for earlier in range(max(0, step - NOTES + 1), step + 1):
        found |= _ids_of_step(writer, earlier)
    return found


@functools.lru_cache(maxsize=8 * NOTES)
def _ids_of_step(writer: int, step: int) -> dict[str, str]:
    return {
        path: hashlib.sha256(data).hexdigest() if path.endswith(".bin") else _git_blob_id(data)
        for path, data in changes(writer, step).items()
    }


def _git_blob_id(data: bytes) -> str:
    """Git's id of a file's bytes."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()
