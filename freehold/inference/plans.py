"""What it takes to run an endpoint, read from its rows: plain values that need no transaction any more."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from freehold.compute.rules import CardNeed
from freehold.content.kit import Kit
from freehold.core.database import RowQuery
from freehold.engines import service as engines
from freehold.engines.rules import Offer, Setup
from freehold.inference import files
from freehold.inference.files import Wanted
from freehold.inference.service import names
from freehold.inference.tables import Endpoint, EndpointAdapter

#: Of a model whose need is not known: so much more than its files, and besides.
UNKNOWN_SHARE, UNKNOWN_BYTES = 1.25, 200 * 10**6
#: What a sealed key is sealed for.
KEY_PURPOSE = "endpoint key {id}"
#: Whether any endpoint is another than before, by one row: how many there are, and when the last one changed.
CHANGED = RowQuery("SELECT COUNT(*), MAX(updated_at) FROM endpoints")


@dataclass(frozen=True)
class Wish:
    """How an endpoint wants to be kept on each node; ``fingerprint`` is that of ``rules.Target``."""

    endpoint_id: str
    name: str
    fingerprint: str
    is_on: bool
    keep_warm: bool
    idle_s: int
    replicas: int
    parallel: int
    updated_at: datetime


@dataclass(frozen=True)
class Beside:
    """An adapter's files, and which of them is the adapter."""

    wanted: Wanted
    file: str


@dataclass(frozen=True)
class Plan:
    """Everything that starts a replica. ``files`` None: of a remote one, which has none."""

    wish: Wish
    engine: str
    offer: Offer
    setup: Setup
    need_bytes: int | None
    files: Wanted | None
    adapters: Mapping[str, Beside] = field(default_factory=dict)
    secret: str = field(default="", repr=False)  # a remote one's key
    on_cards: Sequence[CardNeed] = ()

    def reckoned_bytes(self) -> int:
        """What a replica may take; where that is not known, more than its files by a wide margin."""
        if self.need_bytes:
            return self.need_bytes
        return int(self.files.size_bytes * UNKNOWN_SHARE) + UNKNOWN_BYTES if self.files else UNKNOWN_BYTES // 4

    def reckoned_on_cards(self) -> Sequence[CardNeed]:
        """With the adapters that are there at a time, each as large as the largest."""
        largest = max((one.wanted.size_bytes for one in self.adapters.values()), default=0)
        more = largest * min(len(self.adapters), self.wish.parallel)
        return [replace(one, each_bytes=one.each_bytes + more) for one in self.on_cards]


def wishes(db: Session) -> Sequence[Wish]:
    """Of all endpoints. Two queries, however many there are."""
    beside: dict[str, list[EndpointAdapter]] = {}
    for one in db.scalars(select(EndpointAdapter).order_by(EndpointAdapter.id)):
        beside.setdefault(one.endpoint_id, []).append(one)
    return [_wish(row, beside.get(row.id, [])) for row in db.scalars(select(Endpoint))]


def wish(db: Session, endpoint_id: str) -> Wish | None:
    """Of one; None: it is gone."""
    row = db.get(Endpoint, endpoint_id)
    return _wish(row, names.adapters_of(db, row)) if row is not None else None


def plan(db: Session, kit: Kit, endpoint_id: str) -> Plan | None:
    """How a replica is started; None: it is gone. Raises what ``files.wanted`` does, and ``CannotSeal``."""
    row = db.get(Endpoint, endpoint_id)
    if row is None:
        return None
    adapters = names.adapters_of(db, row)
    secret = kit.sealer.open(KEY_PURPOSE.format(id=row.id), row.sealed_key) if row.sealed_key else ""
    return Plan(
        wish=_wish(row, adapters),
        engine=row.engine,
        offer=offer_of(row),
        setup=setup_of(row, kit),
        need_bytes=row.need_bytes,
        files=files.wanted(db, kit, row.repo, row.revision, row.paths) if row.repo else None,
        adapters={one.name: _beside(db, kit, row.engine, one) for one in adapters},
        secret=secret,
        on_cards=[CardNeed(**one) for one in row.on_cards],
    )


def setup_of(row: Endpoint, kit: Kit) -> Setup:
    remote = {"url": row.remote_url, "model": row.remote_model} if row.remote_url else {}
    context = row.context_tokens or Setup.context_tokens
    return Setup(
        file=row.file,
        context_tokens=context,
        parallel=row.parallel,
        options={**row.options, **remote},
        cache=kit.made_weights,
    )


def offer_of(row: Endpoint) -> Offer:
    """What its engine offered when it was deployed, as far as starting it takes."""
    return Offer(
        engine=row.engine,
        file=row.file,
        abilities=frozenset(row.abilities),  # type: ignore[arg-type]  # written from an offer
        paths=list(row.paths),
        need=None,
        max_context_tokens=row.context_tokens,
        options=dict(row.options),
    )


def _beside(db: Session, kit: Kit, engine: str, row: EndpointAdapter) -> Beside:
    folder, slash, _ = row.file.rpartition("/")
    more = engines.ENGINES[engine].beside_adapters if engine in engines.ENGINES else ()
    paths = [row.file, *(f"{folder}{slash}{name}" for name in more)]
    return Beside(files.wanted(db, kit, row.repo, row.revision, paths), row.file)


def _wish(row: Endpoint, adapters: Sequence[EndpointAdapter]) -> Wish:
    return Wish(
        endpoint_id=row.id,
        name=row.name,
        fingerprint=names.fingerprint(row, adapters),
        is_on=row.is_on,
        keep_warm=row.keep_warm,
        idle_s=row.idle_s,
        replicas=row.replicas,
        parallel=row.parallel,
        updated_at=row.updated_at,
    )
