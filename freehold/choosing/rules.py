"""What an address asks to be compared, and the addresses that ask a little differently. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from starlette.datastructures import QueryParams

from freehold.choosing.errors import TooManyCompared
from freehold.repos.rules import KIND_OF_PLURAL, KINDS

#: Columns that a person can hold side by side, and names of an address that are looked at.
MOST, MAX_NAMES = 5, 50
MAX_NAME_CHARACTERS = 200
PAGE = "/compare"
KINDS_COMPARED = ("model", "dataset")


@dataclass(frozen=True)
class Name:
    """A repository as an address names it; ``kind`` as the path says it, else that of the comparison."""

    kind: str
    path: str

    @property
    def key(self) -> tuple[str, str]:
        return self.kind, self.path.lower()


@dataclass(frozen=True)
class Asked:
    """Which repositories, each once; ``folded`` were named again. ``more``: the rest of the address, which is kept."""

    kind: str
    names: Sequence[Name]
    folded: Sequence[str] = ()
    more: Sequence[tuple[str, str]] = ()
    only_differences: bool = False

    def pairs(self) -> list[tuple[str, str]]:
        """The query of this comparison."""
        named = [(KINDS[self.kind][0], shown(self.kind, name)) for name in self.names]
        return [*named, *self.more, *([("only", "differences")] if self.only_differences else [])]

    def address(self, root: str = PAGE) -> str:
        return f"{root}?{urlencode(self.pairs())}" if self.names else root

    def without(self, name: Name) -> str:
        return replace(self, names=[one for one in self.names if one != name]).address()

    def toggled(self) -> str:
        """The same with all rows, or with those alone that differ."""
        return replace(self, only_differences=not self.only_differences).address()

    def checked(self) -> "Asked":
        """This; raises :class:`TooManyCompared` where it names more than :data:`MOST`."""
        if len(self.names) > MOST:
            raise TooManyCompared(len(self.names), MOST)
        return self


def read(query: QueryParams) -> Asked:
    """What ``query`` asks for: ``models`` or ``datasets``, each as often as one likes, or parted by commas."""
    kind = "model" if query.get("models") or not query.get("datasets") else "dataset"
    given = [
        _name(one_kind, word)
        for one_kind in KINDS_COMPARED
        for value in query.getlist(KINDS[one_kind][0])[:MAX_NAMES]
        for word in value[: MAX_NAMES * MAX_NAME_CHARACTERS].replace(",", " ").split()
    ][:MAX_NAMES]
    names: dict[tuple[str, str], Name] = {}
    folded = [name.path for name in given if names.setdefault(name.key, name) is not name]
    more = [(key, value[:40]) for key in ("machine", "users", "tokens") if (value := query.get(key))]
    return Asked(kind, list(names.values()), list(dict.fromkeys(folded)), more, query.get("only") == "differences")


def _name(kind: str, word: str) -> Name:
    """``ns/name``, with a slash before it or a kind, as addresses of pages have it."""
    word = word.strip("/")[:MAX_NAME_CHARACTERS]
    first, _, rest = word.partition("/")
    if rest.count("/") == 1 and first in KIND_OF_PLURAL:
        return Name(KIND_OF_PLURAL[first], rest)
    return Name(kind, word)


def shown(kind: str, name: Name) -> str:
    """``name`` as the address of a comparison of ``kind`` spells it."""
    return name.path if name.kind == kind else f"{KINDS[name.kind][0]}/{name.path}"
