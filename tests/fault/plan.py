"""What a writer writes: every step's files follow from the writer and the step, so anyone can check any commit.

Used by the tests and, with Python's library alone, by the scripts that run in a client's environment.
"""

import hashlib
import random

LARGE_BYTES = 1_500_000
KEPT = 4


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
        f"notes/{step}.txt": f"note {seed}\n".encode(),
        "large.bin": noise(seed, LARGE_BYTES + step),
        f"parts/{step % KEPT}.bin": noise(-seed, 200_000 + step),
    }


def files(writer: int, step: int) -> dict[str, bytes]:
    """Path -> content of the whole repository after ``step`` (but for .gitattributes)."""
    found: dict[str, bytes] = {}
    for earlier in range(max(0, step - KEPT + 1)):
        found[f"notes/{earlier}.txt"] = changes_note(writer, earlier)
    for earlier in range(max(0, step - KEPT + 1), step + 1):
        found |= changes(writer, earlier)
    return found


def changes_note(writer: int, step: int) -> bytes:
    """The one file of an old step that no later one replaced."""
    return f"note {writer * 1_000_000 + step}\n".encode()


def git_blob_id(data: bytes) -> str:
    """Git's id of a file's bytes."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()
