"""A push on its way in: its commands and its pack, as git sends them, and the pack put to the proof in quarantine.

Sources: gitprotocol-pack(5), "Pushing Data To a Server"; gitprotocol-capabilities(5); git-index-pack(1).
"""

import os
import re
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from freehold.gitkit import program
from freehold.gitkit.errors import BadPush, GitRefused, PushTooLarge
from freehold.gitkit.objects import Facts, Objects
from freehold.gitkit.packets import FLUSH, BadPacket, Packets
from freehold.gitkit.packs import Pack
from freehold.gitkit.scanning import BadPack, PackScan

NULL = "0" * 40
CAPABILITIES = (
    "report-status report-status-v2 delete-refs side-band-64k quiet atomic ofs-delta push-options object-format=sha1"
)
MAX_COMMANDS = 1000
MAX_COMMAND_BYTES = 2 << 20
MAX_OPTIONS = 32
MAX_OPTION_CHARS = 20_000
MAX_DIFF_BYTES = 768 << 20

_COMMAND = re.compile(r"([0-9a-f]{40}) ([0-9a-f]{40}) ([^\0-\x20\x7f]{1,1000})")
#: How a commit of ``diff-tree --stdin`` starts its part, and one changed path of it.
_CHANGE = re.compile(rb":([0-7]{6}) ([0-7]{6}) [0-9a-f]{40} ([0-9a-f]{40}) ([A-Z])[0-9]*")


@dataclass(frozen=True, slots=True)
class Command:
    """``ref`` is to point to ``new`` (None: to be gone), and pointed to ``old`` (None: nowhere) when it was asked."""

    old: str | None
    new: str | None
    ref: str


@dataclass
class Request:
    """What a push asks for. ``pack_bytes`` of its pack are in the caller's file.

    ``problem`` is why the pack was not kept: git shows what a report says, not what an early refusal does.
    """

    commands: list[Command] = field(default_factory=list)
    capabilities: frozenset[str] = frozenset()
    options: list[str] = field(default_factory=list)
    pack_bytes: int = 0
    problem: str = ""

    @property
    def is_atomic(self) -> bool:
        return "atomic" in self.capabilities


class Incoming:
    """Fed the body of a push piece by piece; the pack goes to ``target``, an open file descriptor.

    Raises :class:`BadPush` or :class:`PushTooLarge` as soon as something is wrong.
    """

    def __init__(self, target: int, *, limit_bytes: int) -> None:
        self.request = Request()
        self._target = target
        self._limit_bytes = limit_bytes
        self._packets = Packets()
        self._scan = PackScan()
        self._stage = "commands"
        self._head_bytes = 0
        self._size_bytes = 0

    def take(self, piece: memoryview) -> None:
        """Read ``piece`` after those before."""
        self._size_bytes += len(piece)
        if self._size_bytes > self._limit_bytes:
            raise PushTooLarge(self._limit_bytes)
        if self._stage == "pack":
            self._keep(piece)
            return
        self._head_bytes += len(piece)
        self._packets.feed(piece)
        try:
            self._read_packets()
        except BadPacket as err:
            raise BadPush(str(err)) from err
        if self._stage != "pack" and self._head_bytes > MAX_COMMAND_BYTES:
            raise BadPush(f"its commands are over {MAX_COMMAND_BYTES} bytes")

    def finish(self) -> Request:
        """The whole request. A body of nothing but an end is how git asks whether it may push at all."""
        if self._stage != "pack":
            raise BadPush("it ends before its commands do")
        return self.request

    def _read_packets(self) -> None:
        while self._stage != "pack":
            packet = self._packets.next()
            if packet is None:
                return
            if packet == FLUSH:
                more = self._stage == "commands" and "push-options" in self.request.capabilities
                self._stage = "options" if more else "pack"
            elif self._stage == "commands":
                self._command(packet)
            else:
                self._option(packet)
        self._keep(memoryview(self._packets.rest()))

    def _command(self, packet: bytes) -> None:
        spelled, nul, capabilities = packet.partition(b"\0")
        text = spelled.decode("utf-8", "replace").rstrip("\n")
        if nul and not self.request.commands:
            self.request.capabilities = frozenset(capabilities.decode("ascii", "replace").split())
        if text.startswith("shallow "):  # what the sender lacks; what is missing here is found out by the links
            return
        found = _COMMAND.fullmatch(text)
        if found is None:
            raise BadPush("a command of it cannot be read")
        if len(self.request.commands) >= MAX_COMMANDS:
            raise BadPush(f"it moves more than {MAX_COMMANDS} refs; push fewer at once")
        old, new, ref = found.groups()
        if any(command.ref == ref for command in self.request.commands):
            raise BadPush("it names a ref twice")
        self.request.commands.append(Command(None if old == NULL else old, None if new == NULL else new, ref))

    def _option(self, packet: bytes) -> None:
        if len(self.request.options) >= MAX_OPTIONS or len(packet) > MAX_OPTION_CHARS:
            raise BadPush(f"it has more than {MAX_OPTIONS} options, or one longer than {MAX_OPTION_CHARS} bytes")
        self.request.options.append(packet.decode("utf-8", "replace").rstrip("\n"))

    def _keep(self, piece: memoryview) -> None:
        if self.request.problem:
            return
        self.request.pack_bytes += len(piece)
        try:
            self._scan.feed(piece)
        except BadPack as err:
            self.request.problem = str(err)
            os.ftruncate(self._target, 0)
            return
        while piece:
            piece = piece[os.write(self._target, piece) :]


@dataclass(frozen=True, slots=True)
class Changed:
    """A path that a new commit has and its first parent has not, or not so. ``mode`` 0: it is gone."""

    commit: str
    path: bytes
    mode: int
    oid: str


class Quarantine:
    """A scratch repository in ``directory`` that holds everything the pushed-to one does, and one new pack.

    ``known`` are the packs of the repository; nothing is written to where they lie.
    """

    def __init__(self, directory: Path, repo_id: str, known: Objects) -> None:
        self.directory = directory
        self.pack: Pack | None = None
        self._repo_id = repo_id
        self._objects_directory = bare_repository(directory) / "objects"
        packs = self._objects_directory / "pack"
        for file in (known.directory / "pack").iterdir():
            (packs / file.name).symlink_to(file)
        self._known = known  # kept: its directory goes with it
        self.objects = known

    def index(self, pack: Path, *, max_objects: int, limits: program.Limits) -> None:
        """The pushed pack is whole: every object well-formed by git's strict rules, everything it names is here.

        A pack of nothing leaves ``pack`` None. Raises :class:`GitRefused` with git's words.
        """
        count = _announced(pack)
        if count == 0:
            return
        if count > max_objects:
            raise GitRefused(f"the pack has {count} objects; one push may bring {max_objects}")
        with open(pack, "rb") as stdin:
            words = ("index-pack", "--stdin", "--fix-thin", "--strict", "--threads=1")
            said = program.run(self.directory, *words, stdin=stdin, limits=limits)
        name = f"pack-{said.decode().split()[-1]}"
        path = self._objects_directory / "pack" / f"{name}.pack"
        with open(path, "rb") as file:
            objects = struct.unpack(">4sII", file.read(12))[2]
        self.pack = Pack(name, path, path.with_suffix(".idx"), objects, path.stat().st_size)
        self.objects = Objects(self._repo_id, self._objects_directory, Facts(entries=20_000))

    def new_commits(self, new: Sequence[str], old: Sequence[str], *, limit: int) -> list[tuple[str, str | None]]:
        """Every commit that ``new`` reach and ``old`` do not, parents first, with its first parent.

        Raises :class:`GitRefused` for more than ``limit``.
        """
        asked = "".join(f"{oid}\n" for oid in new) + "".join(f"^{oid}\n" for oid in old)
        words = ("rev-list", "--reverse", "--topo-order", "--parents", f"--max-count={limit + 1}", "--stdin")
        listed = program.run(self.directory, *words, stdin=asked.encode()).decode().splitlines()
        if len(listed) > limit:
            raise GitRefused(f"the push brings more than {limit} commits")
        commits = [line.split() for line in listed]
        return [(words[0], words[1] if len(words) > 1 else None) for words in commits]

    def packed_commits(self) -> Iterator[str]:
        """Every commit in the pushed pack, whether a ref of the push leads to it or not."""
        if self.pack is None:
            return
        alone = bare_repository(self.directory / "alone")
        for path in (self.pack.pack_path, self.pack.idx_path):
            (alone / "objects" / "pack" / path.name).symlink_to(path)
        nothing = self.directory / "nothing"
        nothing.touch()
        words = ("cat-file", "--batch-all-objects", "--unordered", "--batch-check=%(objecttype) %(objectname)")
        with program.reading(alone, *words, stdin=nothing, ends=b"\n") as lines:
            yield from (line[7:].decode() for line in lines if line.startswith(b"commit "))

    def changes(self, commits: Sequence[tuple[str, str | None]], *, limit: int) -> Iterator[Changed]:
        """What each of ``commits`` changed against its first parent, path by path.

        Raises :class:`GitRefused` after ``limit`` paths, of which a few small trees can name billions.
        """
        asked = "".join(f"{commit} {parent}\n" if parent else f"{commit}\n" for commit, parent in commits)
        words = ("diff-tree", "--stdin", "-r", "--root", "--no-renames", "--full-index", "--raw", "-z", "--always")
        asked_file = self.directory / "asked"
        asked_file.write_text(asked)
        # git has the whole difference of a commit in memory before it prints the first path.
        limits = program.Limits(memory_bytes=MAX_DIFF_BYTES)
        with program.reading(self.directory, *words, stdin=asked_file, limits=limits) as stdout:
            yield from _changes(stdout, limit)

    def is_ancestor(self, one: str, other: str) -> bool:
        """Whether the commit ``other`` has ``one`` in its history."""
        return self.objects.merge_base(one, other) == one


def bare_repository(directory: Path, *, refs: Sequence[tuple[str, str, str | None]] = (), head: str = "") -> Path:
    """A repository without objects of its own in ``directory``; ``refs`` are (name, target, commit if another)."""
    for folder in ("objects/pack", "objects/info", "refs"):
        (directory / folder).mkdir(parents=True)
    write_refs(directory, refs, head)
    return directory


def write_refs(directory: Path, refs: Sequence[tuple[str, str, str | None]], head: str) -> None:
    """The refs of a repository as git reads them. Source: git-pack-refs(1), gitrepository-layout(5)."""
    lines = ["# pack-refs with: peeled fully-peeled sorted \n"]
    for name, target, commit in sorted(refs, key=lambda ref: ref[0].encode()):
        lines.append(f"{target} {name}\n" + (f"^{commit}\n" if commit else ""))
    (directory / "packed-refs").write_text("".join(lines))
    (directory / "HEAD").write_text(f"ref: {head or 'refs/heads/none'}\n")
    (directory / "config").write_text("[core]\n\trepositoryformatversion = 0\n\tbare = true\n")


def _announced(pack: Path) -> int:
    """How many objects a pack says it has. Raises :class:`GitRefused` for what is no pack."""
    with open(pack, "rb") as file:
        head = file.read(12)
    if len(head) < 12 or head[:4] != b"PACK" or head[4:8] not in (b"\0\0\0\x02", b"\0\0\0\x03"):
        raise GitRefused("what was sent is no pack")
    return int.from_bytes(head[8:])


def _changes(fields: Iterator[bytes], limit: int) -> Iterator[Changed]:
    """``diff-tree -z`` gives a commit's id, then for each path two fields: what changed, and the path."""
    commit, count = "", 0
    for found in fields:
        match = _CHANGE.fullmatch(found)
        if match is None:
            commit = found.decode("ascii", "replace").strip()
            continue
        count += 1
        if count > limit:
            raise GitRefused(f"the push changes more than {limit} paths")
        path = next(fields, b"")
        mode = 0 if match[4] == b"D" else int(match[2], 8)
        yield Changed(commit, path, mode, match[3].decode())
