"""What happened to a Space's settings. Values are in none of these."""

from dataclasses import dataclass

from freehold.access.rules import Actor
from freehold.repos.tables import Repo


@dataclass(frozen=True)
class SpaceSettingsChanged:
    """``what`` is secrets, variables, hardware, sleep time or volumes; ``key`` which of them, where it has a name."""

    repo: Repo
    actor: Actor
    what: str
    key: str = ""
