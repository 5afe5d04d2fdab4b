"""Values that components show: made by any room, drawn by ``templates/components/ui.html``."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Place:
    """Words that lead somewhere."""

    label: str
    address: str


@dataclass(frozen=True)
class HubSays:
    """What the head of every page says of this hub."""

    name: str = "Freehold"
    notice: str = ""  #: one sentence, plain; empty: none


@dataclass(frozen=True)
class RepoHead:
    """The head of every page of a repository."""

    plural: str  #: ``models``, ``datasets``, ...: the list it stands in
    kind_label: str  #: the same in words
    namespace: str
    name: str
    address: str  #: path of its own page
    owner_is_person: bool
    is_private: bool
    gated: str
    updated_at: datetime
    repo_id: str = ""
    likes: int = 0
    line: tuple[str, ...] = ()  #: short facts under the title
    can_set: bool = False  #: whether the visitor may change its settings

    @property
    def path(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True)
class Line:
    """Something of another room's in one line: where it leads, and what it is about."""

    title: str
    address: str
    at: datetime
    about: str = ""
    icon: str = ""
    #: A line of its text around words that were looked for, in pieces, and which of them are those words.
    context: Sequence[tuple[str, bool]] = ()


@dataclass(frozen=True)
class Found:
    """What a room found for a search: the first ``lines`` of ``total``, which is a floor where ``is_more``."""

    type: str  #: as addresses name it
    label: str
    lines: Sequence[Line]
    total: int
    is_more: bool = False


@dataclass(frozen=True)
class ListSeen:
    """A list that somebody looks at: ``query`` is what it asks for, in one spelling."""

    kind: str
    query: str


@dataclass(frozen=True)
class ListNote:
    """What another room says of a list: a part beside its filters, and the ids of rows that are new to the reader."""

    html: str = ""
    new: frozenset[str] = frozenset()
