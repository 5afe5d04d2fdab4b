"""Which terms are in force: they follow ``main`` while a repository is gated, and admissions follow them."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from freehold.access.rules import Actor
from freehold.content.events import RepoPushed
from freehold.content.kit import Kit
from freehold.content.rows import insert_missing
from freehold.content.rules import MAIN
from freehold.core import clock, events
from freehold.core.events import Bus
from freehold.gating import queries, reading
from freehold.gating.events import TermsChanged
from freehold.gating.reading import Gateway
from freehold.gating.tables import TermsText, TermsVersion
from freehold.repos import admissions
from freehold.repos.events import RepoSettingsChanged
from freehold.repos.rules import GateSettings
from freehold.repos.tables import Admission, Repo


def subscribe(bus: Bus, kit: Kit) -> None:
    """Terms follow every push to ``main`` and every change of settings, in the same transaction."""
    bus.subscribe(RepoPushed, on_push(kit))
    bus.subscribe(RepoSettingsChanged, on_settings(kit))


def on_push(kit: Kit) -> Callable[[Session, Any], None]:
    def pushed(db: Session, event: RepoPushed) -> None:
        if event.repo.gated and event.ref == MAIN:
            in_force(db, kit, event.actor, event.repo)

    return pushed


def on_settings(kit: Kit) -> Callable[[Session, Any], None]:
    def changed(db: Session, event: RepoSettingsChanged) -> None:
        if event.repo.gated:
            in_force(db, kit, event.actor, event.repo)
            _end_unrenewed(db, event.repo, admissions.gate_of(db, event.repo))

    return changed


def in_force(db: Session, kit: Kit, actor: Actor, repo: Repo) -> Gateway:
    """The form and the terms as ``main`` is now, on record from now on; the gate is locked until the end.

    Where the terms are others than before, :class:`TermsChanged` is told and admissions end as the owner chose.
    """
    admissions.locked(db, repo)
    gateway, commit = reading.now(db, repo, kit)
    last = queries.version(db, repo)
    if last is None or last.sha256 != gateway.terms.sha256:
        _record(db, repo, gateway, commit, number=last.number + 1 if last else 1)
        if last is not None:
            gate = admissions.gate_of(db, repo)
            _end_unrenewed(db, repo, gate)
            events.publish(db, TermsChanged(repo, actor, last.sha256, gateway.terms.sha256, gate))
    return gateway


def ends_at(db: Session, repo: Repo, agreed: str | None) -> datetime | None:
    """When an admission that agreed to ``agreed`` ends; None: it goes on."""
    gate = admissions.gate_of(db, repo)
    return _ends(db, repo, gate, agreed) if agreed is not None else None


def _record(db: Session, repo: Repo, gateway: Gateway, commit: str | None, *, number: int) -> None:
    now, found = clock.now(), gateway.terms
    text = {
        "sha256": found.sha256,
        "text": found.text,
        "licence_path": found.licence.path,
        "licence_sha256": found.licence.sha256,
        "created_at": now,
    }
    insert_missing(db, TermsText, [text])
    db.add(TermsVersion(repo_id=repo.id, number=number, sha256=found.sha256, commit=commit, since=now))
    db.flush()


def _end_unrenewed(db: Session, repo: Repo, gate: GateSettings) -> None:
    """Every admission goes on or ends as the gate's settings say. Safe to run again: it follows from what is kept."""
    agreed = db.scalars(
        select(Admission.terms).distinct().where(Admission.repo_id == repo.id, Admission.terms.is_not(None))
    )
    ends = {terms: _ends(db, repo, gate, terms) for terms in agreed if terms is not None}
    admissions.end_unrenewed(db, repo, {terms: moment for terms, moment in ends.items() if moment is not None})


def _ends(db: Session, repo: Repo, gate: GateSettings, agreed: str) -> datetime | None:
    """The days of grace run from the change that came first after what was agreed to, whatever came since."""
    here = TermsVersion.repo_id == repo.id
    last = queries.version(db, repo)
    if gate.renew != "required" or last is None or last.sha256 == agreed:
        return None
    held = select(func.coalesce(func.max(TermsVersion.number), 0)).where(here, TermsVersion.sha256 == agreed)
    since = db.scalar(
        select(TermsVersion.since)
        .where(here, TermsVersion.number > held.scalar_subquery())
        .order_by(TermsVersion.number)
        .limit(1)
    )
    assert since is not None, "the terms in force came after those that were agreed to"
    return since + timedelta(days=gate.grace_days)
