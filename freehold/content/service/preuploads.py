"""What a client asks before it uploads: which files go through LFS, which are ignored, which are here already."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from sqlalchemy.orm import Session

from freehold.content import queries, rules
from freehold.content.intake import refuse_unwritable, refuse_without_room
from freehold.content.kit import Kit
from freehold.content.service.commits import Admission
from freehold.core.errors import TooLarge
from freehold.gitkit.attributes import MAX_TEXT_CHARS, ignored
from freehold.gitkit.objects import Entry, Objects
from freehold.stores.directory import DirectoryStore

#: A thousand files five folders deep against a .gitignore of 500 lines are half of it, and take a second or two.
MAX_MATCHED_CHARS = 400_000_000


@dataclass(frozen=True)
class Candidate:
    """A file that a client means to upload; ``sample`` are its first 512 bytes."""

    path: str
    size_bytes: int
    sample: bytes


@dataclass(frozen=True)
class Advice:
    """``mode`` is ``lfs`` or ``regular``; ``oid`` names what is at the path now (a SHA-256 for a large file)."""

    path: str
    mode: str
    should_ignore: bool
    oid: str | None


def advise(
    db: Session, kit: Kit, admitted: Admission, candidates: Iterable[Candidate], gitignore: str | None
) -> tuple[str, list[Advice]]:
    """The commit that was looked at, and advice for every candidate. ``gitignore`` None: the repository's own.

    Raises ``BadPath`` for a path that no commit could hold, and a full or read-only disk as such: this is the last call
    whose words reach the user, for hf-xet shows of a failed upload only the status. Source: protocol/hub-api.md 3.2.
    """
    refuse_without_room(kit.tmp, 0)
    if isinstance(kit.store, DirectoryStore):
        refuse_unwritable(kit.store.root)
    found, commit = queries.objects(db, admitted.repo, kit), admitted.head
    attributes = _Texts(found, commit, ".gitattributes")
    ignore = gitignore if gitignore is not None else _Texts(found, commit, ".gitignore").at("")
    patience = _Patience()
    return commit, [_advice(item, found, commit, attributes, ignore, kit, patience) for item in candidates]


class _Patience:
    """Every pattern is tried on every folder above every path, and the caller chooses both: the work has an end."""

    def __init__(self) -> None:
        self._left = MAX_MATCHED_CHARS

    def spend(self, path: str, texts: Iterable[str]) -> None:
        """Before ``path`` is matched against the patterns of ``texts``, one a line."""
        effort = len(path) * (path.count("/") + 1) ** 2 // 2  # ``**`` tries every folder as its end
        self._left -= effort * sum(text.count("\n") + 1 for text in texts)
        if self._left < 0:
            raise TooLarge(
                "The .gitignore and .gitattributes have too many lines for so many long paths: ask about fewer at once."
            )


def _advice(
    item: Candidate,
    found: Objects,
    commit: str,
    attributes: "_Texts",
    gitignore: str | None,
    kit: Kit,
    patience: _Patience,
) -> Advice:
    path = rules.checked_path(item.path)
    above = dict(attributes.above(path))
    patience.spend(path, [*above.values(), gitignore or ""])
    mode = rules.upload_mode(path, item.size_bytes, item.sample, above, max_inline_bytes=kit.settings.max_inline_bytes)
    entry = found.entry(commit, path)
    return Advice(path, mode, gitignore is not None and ignored(gitignore, path), _oid(entry))


def _oid(entry: Entry | None) -> str | None:
    if entry is None or entry.kind != "file":
        return None
    return entry.pointer.sha256 if entry.pointer else entry.oid


class _Texts:
    """The files called ``name`` in the directories of a commit, each read once."""

    def __init__(self, found: Objects, commit: str, name: str) -> None:
        self._found, self._commit, self._name = found, commit, name
        self._texts: dict[str, str | None] = {}

    def above(self, path: str) -> Iterator[tuple[str, str]]:
        """By directory, the texts that have a say about ``path``."""
        for directory in rules.ancestors(path):
            text = self.at(directory)
            if text is not None:
                yield directory, text

    def at(self, directory: str) -> str | None:
        if directory not in self._texts:
            entry = self._found.entry(self._commit, f"{directory}/{self._name}".lstrip("/"))
            is_text = entry is not None and entry.kind == "file" and entry.size_bytes <= MAX_TEXT_CHARS
            self._texts[directory] = (
                self._found.blob(entry.oid).decode("utf-8", "replace") if entry is not None and is_text else None
            )
        return self._texts[directory]
