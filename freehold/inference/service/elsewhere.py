"""Endpoints of models elsewhere: an address that answers as OpenAI does, with the hub holding the key."""

from dataclasses import dataclass, field
from typing import Protocol

from sqlalchemy.orm import Session

from freehold.access.rules import Actor
from freehold.content.kit import Kit
from freehold.core import outward
from freehold.core.outward import AddressRefused
from freehold.engines import service as engines
from freehold.inference import plans, rules
from freehold.inference.errors import BadEndpoint, CannotDeploy
from freehold.inference.service import making
from freehold.inference.tables import Endpoint
from freehold.repos import service as repos
from freehold.repos.rules import checked_name


@dataclass(frozen=True)
class Elsewhere:
    """An address that answers as OpenAI does: ``url`` with its ``/v1``, the ``model`` it is asked for, its key."""

    url: str
    model: str
    key: str = field(default="", repr=False)
    abilities: tuple[str, ...] = ("chat", "completions")
    context_tokens: int | None = None
    visibility: str = "private"


class Repointed(Protocol):
    """What may be another of one (``endpoints.Changes``); None stays."""

    @property
    def url(self) -> str | None: ...
    @property
    def model(self) -> str | None: ...
    @property
    def key(self) -> str | None: ...
    @property
    def visibility(self) -> str | None: ...
    @property
    def context_tokens(self) -> int | None: ...
    @property
    def parallel(self) -> int | None: ...


def connect(db: Session, kit: Kit, actor: Actor, elsewhere: Elsewhere, wanted: making.Wanted) -> Endpoint:
    """A model elsewhere answers under a name of this hub, which holds its key.

    Raises :class:`BadEndpoint` for what cannot be, :class:`AddressRefused` for where the hub does not call.
    """
    making.refuse_deployer(db, kit, actor)
    making.checked(wanted)
    owner = repos.namespace_for(db, actor, wanted.namespace or None)
    name = f"{owner.name}/{checked_name(wanted.name)}"
    making.refuse_model(db, name, None)
    endpoint = making.new(actor, owner, name)
    endpoint.engine = _remote_engine()
    endpoint.revision, endpoint.file, endpoint.paths, endpoint.options = "", "", [], {}
    endpoint.parallel, endpoint.replicas = wanted.parallel, 1
    endpoint.need_bytes = None
    making.describe(endpoint, wanted)
    _point(kit, endpoint, elsewhere)
    return making.kept(db, actor, owner, endpoint)


def _remote_engine() -> str:
    found = next((one.name for one in engines.ENGINES.values() if one.is_remote), "")
    if not found:
        raise CannotDeploy("This hub has no engine for models elsewhere.", field="url")
    return found


def _point(kit: Kit, endpoint: Endpoint, elsewhere: Elsewhere) -> None:
    endpoint.remote_url = _checked_url(kit, elsewhere.url)
    endpoint.remote_model = _checked_model(elsewhere.model)
    endpoint.visibility = _checked_visibility(elsewhere.visibility)
    endpoint.context_tokens = elsewhere.context_tokens
    known = rules.REMOTE_ABILITIES
    if not elsewhere.abilities or not set(elsewhere.abilities) <= set(known):
        raise BadEndpoint(f"What it does is one or more of {', '.join(known)}.", field="abilities")
    endpoint.abilities = [one for one in known if one in elsewhere.abilities]
    _seal(kit, endpoint, elsewhere.key)


def repoint(kit: Kit, endpoint: Endpoint, changes: Repointed) -> None:
    """It is as ``changes`` say. Raises :class:`BadEndpoint`."""
    if changes.url is not None:
        if changes.key is None and endpoint.sealed_key and _host(changes.url) != _host(endpoint.remote_url or ""):
            # Whoever may change the address must not have the key sent to an address of theirs.
            raise BadEndpoint("Another host gets no key that was given for this one: give its key too.", field="key")
        endpoint.remote_url = _checked_url(kit, changes.url)
    if changes.model is not None:
        endpoint.remote_model = _checked_model(changes.model)
    if changes.visibility is not None:
        endpoint.visibility = _checked_visibility(changes.visibility)
    if changes.context_tokens is not None:
        endpoint.context_tokens = changes.context_tokens
    if changes.parallel is not None:
        endpoint.parallel = changes.parallel
    if changes.key is not None:
        _seal(kit, endpoint, changes.key)


def _seal(kit: Kit, endpoint: Endpoint, key: str) -> None:
    if len(key) > rules.MAX_KEY_CHARS or not key.isprintable() or not key.isascii():
        raise BadEndpoint(f"A key has up to {rules.MAX_KEY_CHARS:,} visible ASCII characters.", field="key")
    endpoint.sealed_key = kit.sealer.seal(plans.KEY_PURPOSE.format(id=endpoint.id), key) if key else None


def _checked_url(kit: Kit, url: str) -> str:
    allowed = outward.Allowed.parse(kit.settings.remote_allow, setting="FREEHOLD_REMOTE_ALLOW")
    try:
        return outward.target(url.rstrip("/"), allowed).url
    except AddressRefused as err:
        said = err.message.replace("webhooks do not reach", "models elsewhere are not looked for in")
        raise BadEndpoint(said.replace("FREEHOLD_WEBHOOK_ALLOW", "FREEHOLD_REMOTE_ALLOW"), field="url") from err


def _host(url: str) -> str:
    return url.partition("://")[2].partition("/")[0].lower()


def _checked_model(model: str) -> str:
    if not 1 <= len(model) <= 256 or not model.isprintable():
        raise BadEndpoint("Say the model's name as the other side knows it, in up to 256 characters.", field="model")
    return model


def _checked_visibility(visibility: str) -> str:
    if visibility not in ("public", "private"):
        raise BadEndpoint("visibility is public (everybody signed in calls it) or private.", field="visibility")
    return visibility
