"""What happened at gates. Listeners are told in the same transaction.

``admission.account`` is the person or organisation it is about; ``actor`` is who did it. Who else to tell:
``queries.keepers`` of a repository decide on requests, ``queries.asker`` is whoever asked.
"""

from dataclasses import dataclass

from freehold.access.rules import Actor
from freehold.repos.rules import GateSettings
from freehold.repos.tables import Admission, Repo


@dataclass(frozen=True)
class AccessRequested:
    """An account asked to be let in. ``admission.status`` says whether the gate opened by itself.

    ``gate`` says how the owner wants to hear of it.
    """

    repo: Repo
    actor: Actor
    admission: Admission
    gate: GateSettings


@dataclass(frozen=True)
class AccessDecided:
    """A request was accepted, rejected (``admission.reason``) or put back (*pending*), or access was given unasked."""

    repo: Repo
    actor: Actor
    admission: Admission
    before: str  #: its status before; empty: there was none


@dataclass(frozen=True)
class AccessRevoked:
    """An account that was let in is so no more, by the owner or by itself. Published beside :class:`AccessDecided`."""

    repo: Repo
    actor: Actor
    admission: Admission


@dataclass(frozen=True)
class TermsAgreed:
    """An account that was let in before agreed to the terms of now."""

    repo: Repo
    actor: Actor
    admission: Admission


@dataclass(frozen=True)
class TermsChanged:
    """What one agrees to is another text. Whom it concerns: ``queries.to_renew``; until when: their ``ends_at``."""

    repo: Repo
    actor: Actor
    before: str
    after: str
    gate: GateSettings
