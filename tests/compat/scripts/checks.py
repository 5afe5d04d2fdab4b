"""What every script shares: its arguments, files to move, and how to look at them. Runs with Python's library alone."""

import hashlib
import json
import random
import sys
from contextlib import contextmanager
from pathlib import Path

given = json.loads(sys.argv[1]) if len(sys.argv) > 1 else {}


def told(**found):
    """Print what was found, for the test to look at."""
    print(json.dumps(found))


def noise(seed, size_bytes):
    """Bytes that no codec makes smaller, the same for the same seed."""
    return random.Random(seed).randbytes(size_bytes)


def sha256(path):
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def write(folder, files):
    """Write path -> bytes below ``folder``."""
    for path, data in files.items():
        target = Path(folder, path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)


def read(folder):
    """Path -> bytes of everything below ``folder``, but for what clients keep about their downloads."""
    paths = (path for path in Path(folder).rglob("*") if path.is_file() and ".cache" not in path.parts)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


@contextmanager
def refused(kind, status=None):
    """The block raises exactly ``kind`` (no subclass), with this HTTP status where given."""
    raised = None
    try:
        yield
    except Exception as err:
        raised = err
    assert type(raised) is kind, f"wanted {kind.__name__}, got {type(raised).__name__}: {raised}"
    found = raised.response.status_code if status else None
    assert found == status, f"wanted {status}, got {found}: {raised}"
