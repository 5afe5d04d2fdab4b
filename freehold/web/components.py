"""Values that components show: made by any room, drawn by ``templates/components/ui.html``."""

from dataclasses import dataclass
from datetime import datetime


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
