"""The rules of an API commit, for whatever a push brings that was not here: names, sizes, links, pointers."""

import posixpath
import shlex
import time
import unicodedata
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from freehold.content import rules
from freehold.content.errors import BadPath
from freehold.content.service.git.rights import PushRefused
from freehold.gitkit.names import colliding
from freehold.gitkit.objects import DIRECTORY_MODE, LINK_MODE, SUBMODULE_MODE, Objects
from freehold.gitkit.pointers import POINTER_LIKE_BYTES, Pointer, is_like_pointer, parse_pointer
from freehold.gitkit.receiving import Changed

MAX_NEW_COMMITS = 1_000_000
MAX_NEW_PATHS = 5_000_000
#: Problems told at once; more of them would scroll away.
MAX_TOLD = 10
MAX_LINK_BYTES = 4096
FILE_MODES = {0o100644, 0o100755, 0o100664}
EVERY = 1000


@dataclass
class Findings:
    """What a push brings: the large files it names, by SHA-256, and the folders and paths it touches."""

    pointers: dict[str, tuple[Pointer, str]] = field(default_factory=dict)
    folders: set[str] = field(default_factory=set)


class Checker:
    """Looks at every changed path of the new commits. ``limit_s`` bounds the time that all of it takes."""

    def __init__(self, objects: Objects, *, max_inline_bytes: int, limit_s: float) -> None:
        self.findings = Findings()
        self._objects = objects
        self._max_inline_bytes = max_inline_bytes
        self._limit_s = limit_s
        self._paths: set[bytes] = set()
        self._blobs: set[str] = set()
        self._too_large: dict[str, int] = {}
        self._problems: dict[str, None] = {}  # in the order they were found

    def check(self, changes: Iterable[Changed]) -> Findings:
        """Raises :class:`PushRefused` with what is wrong with the first few files that are."""
        ends_at = time.monotonic() + self._limit_s
        for count, change in enumerate(changes):
            if count % EVERY == 0 and time.monotonic() > ends_at:
                raise PushRefused(
                    "too much to check at once", "Push the history in parts, a few thousand commits each."
                )
            if change.mode:
                self._look(change)
            if len(self._problems) + len(self._too_large) > MAX_TOLD:
                break
        if self._problems or self._too_large:
            raise self._refusal()
        return self.findings

    def _look(self, change: Changed) -> None:
        path = change.path.decode("utf-8", "replace")
        if change.path not in self._paths:
            self._paths.add(change.path)
            self._check_path(change.path, path)
        if change.mode == SUBMODULE_MODE:  # names a commit elsewhere; nothing of it is here
            return
        if change.mode == LINK_MODE:
            self._check_link(path, change)
            return
        if change.mode not in FILE_MODES:
            self._problems[f"{path[:200]!r} has the mode {change.mode:o}, which is none of a file."] = None
        if change.oid not in self._blobs:
            self._blobs.add(change.oid)
            self._check_blob(path, change.oid)

    def _check_path(self, raw: bytes, path: str) -> None:
        try:
            raw.decode()
            rules.checked_path(path)
        except UnicodeDecodeError:
            self._problems[f"{path[:200]!r} is not UTF-8."] = None
        except BadPath as err:
            self._problems[err.message] = None
        self.findings.folders.update(rules.ancestors(path))

    def _check_link(self, path: str, change: Changed) -> None:
        if self._objects.size_bytes(change.oid) > MAX_LINK_BYTES:
            self._problems[f"The link {path[:200]!r} is longer than {MAX_LINK_BYTES} bytes."] = None
            return
        target = self._objects.blob(change.oid).decode("utf-8", "replace")
        led = posixpath.normpath(posixpath.join(posixpath.dirname(path), target.replace("\\", "/")))
        outside = target.startswith(("/", "\\")) or target[1:2] == ":" or led == ".." or led.startswith("../")
        if outside or "\0" in target or any(rules.is_dot_git(name) for name in led.split("/")):
            self._problems[f"The link {path[:200]!r} leads out of the repository, to {target[:200]!r}."] = None

    def _check_blob(self, path: str, oid: str) -> None:
        size_bytes = self._objects.size_bytes(oid)
        if size_bytes > self._max_inline_bytes:
            self._too_large[path] = size_bytes
        elif 50 < size_bytes < POINTER_LIKE_BYTES:
            data = self._objects.blob(oid)
            pointer = parse_pointer(data)
            if pointer is not None:
                self.findings.pointers.setdefault(pointer.sha256, (pointer, path))
            elif is_like_pointer(data):
                self._problems[
                    f"{path[:200]!r} is a pointer of git-lfs in another spelling than its own, so the hub would not "
                    "keep what it names. Mend it: git lfs fsck --pointers names such files, git add --renormalize "
                    "writes them anew."
                ] = None

    def _refusal(self) -> PushRefused:
        lines = list(self._problems)[:MAX_TOLD]
        if not self._too_large:
            return PushRefused("files that cannot be kept", "\n".join(lines))
        paths = list(self._too_large)[:MAX_TOLD]
        lines += [f"{path[:200]!r} has {self._too_large[path]:,} bytes." for path in paths]
        included = shlex.quote(",".join(_glob(path) for path in paths))
        lines += [
            f"Files over {self._max_inline_bytes:,} bytes are kept with git-lfs. This puts them there, in the commits "
            "that are not pushed yet, and tracks them from now on:",
            "",
            f"    git lfs install && git lfs migrate import --include={included}",
            "",
            "Then push again. To begin with it in a new commit: git lfs track PATTERN.",
        ]
        return PushRefused("files too large for git", "\n".join(lines))


def check_spelling(objects: Objects, tips: Collection[str], folders: Collection[str]) -> None:
    """Raise :class:`PushRefused` where a folder of a tip has two names that differ by case alone.

    On the disks of Windows and macOS the second would take the first one's place.
    """
    looked: set[str] = set()
    for tip in tips:
        for folder in folders:
            entry = objects.entry(tip, folder)
            if entry is None or entry.mode != DIRECTORY_MODE or entry.oid in looked:
                continue
            looked.add(entry.oid)
            found = colliding(objects.tree(entry.oid))
            if found is not None:
                twice = [name.decode("utf-8", "replace")[:200] for name in found]
                place = f"In {folder!r}, " if folder else ""
                raise PushRefused(
                    "names that differ by case alone",
                    f"{place}{twice[0]!r} and {twice[1]!r} are one file to Windows and macOS: rename one of them.",
                )


def unknown_large_files(missing: Sequence[tuple[Pointer, str]]) -> PushRefused:
    """The same words whether the hub has the bytes elsewhere or not."""
    lines = [f"{path[:200]!r} names the large file {pointer.sha256}." for pointer, path in missing[:MAX_TOLD]]
    more = len(missing) - MAX_TOLD
    lines += [f"... and {more} more."] if more > 0 else []
    lines += [
        "Large files that were not uploaded to this repository cannot be named in it. Send them, then push again:",
        "",
        "    git lfs push --all origin",
    ]
    return PushRefused("large files not uploaded", "\n".join(lines))


def _glob(path: str) -> str:
    """``path`` as a pattern of git-lfs that matches it alone."""
    return "".join(f"[{char}]" if char in "*?[" else char for char in unicodedata.normalize("NFC", path))
