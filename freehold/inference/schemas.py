"""Endpoints on the wire: calls of our own."""

from typing import Any, Literal

from pydantic import BaseModel, Field, field_validator

from freehold.core.clock import wire
from freehold.inference import rules
from freehold.inference.fitting import Found
from freehold.inference.queries import Standing
from freehold.inference.service.elsewhere import Elsewhere
from freehold.inference.service.endpoints import Changes
from freehold.inference.service.making import Wanted
from freehold.inference.tables import EndpointAdapter


class _Common(BaseModel):
    namespace: str = Field("", max_length=96, description="Whose it is; empty: the model's, where you write, or yours.")
    name: str = Field("", max_length=96, description="What it is called there; empty: as the model.")
    parallel: int = Field(rules.USUAL_PARALLEL, description="Calls at a time of one process.")
    replicas: int = Field(1, description="Processes of it on each node.")
    defaults: dict[str, Any] = Field({}, description="Parameters of calls that do not say them.")
    keepWarm: bool = Field(False, description="Loaded when the hub starts, and never unloaded when idle.")
    idleSeconds: int = Field(rules.USUAL_IDLE_S, description="Without a call until it is unloaded.")
    keepsContent: bool = Field(False, description="What is asked and answered may be kept in the log of calls.")


class NewEndpoint(_Common):
    """A model of this hub (``model``), or one elsewhere (``url`` and ``remoteModel``)."""

    model: str = Field("", max_length=193, description="namespace/name of a model here.")
    revision: str = Field("main", max_length=200)
    file: str = Field("", max_length=512, description="Which file, where there are several quantisations.")
    engine: str = Field("", max_length=32)
    context: int | None = Field(None, description="Tokens for each call at a time.")
    options: dict[str, Any] = Field({}, description="The engine's own, such as precision.")
    url: str = Field("", max_length=2048, description="Address up to and with /v1.")
    remoteModel: str = Field("", max_length=256)
    key: str = Field("", max_length=rules.MAX_KEY_CHARS, description="Sealed; told to nobody again.")
    abilities: list[str] = Field(["chat", "completions"], max_length=10)
    visibility: Literal["public", "private"] = "private"

    def wanted(self) -> Wanted:
        return Wanted(
            file=self.file,
            engine=self.engine,
            namespace=self.namespace,
            name=self.name,
            context_tokens=self.context,
            parallel=self.parallel,
            replicas=self.replicas,
            options=self.options,
            defaults=self.defaults,
            keep_warm=self.keepWarm,
            idle_s=self.idleSeconds,
            keeps_content=self.keepsContent,
        )

    def elsewhere(self) -> Elsewhere:
        return Elsewhere(
            url=self.url,
            model=self.remoteModel,
            key=self.key,
            abilities=tuple(self.abilities),
            context_tokens=self.context,
            visibility=self.visibility,
        )


class EndpointChange(BaseModel):
    """What is to be another from now on; what is left out stays."""

    revision: str | None = Field(None, max_length=200, description="Pinned to the commit that this is now.")
    file: str | None = Field(None, max_length=512)
    context: int | None = None
    parallel: int | None = None
    replicas: int | None = None
    options: dict[str, Any] | None = None
    defaults: dict[str, Any] | None = None
    keepWarm: bool | None = None
    idleSeconds: int | None = None
    on: bool | None = None
    keepsContent: bool | None = None
    url: str | None = Field(None, max_length=2048)
    remoteModel: str | None = Field(None, max_length=256)
    key: str | None = Field(None, max_length=rules.MAX_KEY_CHARS)
    visibility: Literal["public", "private"] | None = None

    @field_validator("*", mode="before")
    @classmethod
    def _said(cls, value: Any) -> Any:
        if value is None:
            raise ValueError("is null: leave it out, so that it stays")
        return value

    def changes(self) -> Changes:
        return Changes(
            revision=self.revision,
            file=self.file,
            context_tokens=self.context,
            parallel=self.parallel,
            replicas=self.replicas,
            options=self.options,
            defaults=self.defaults,
            keep_warm=self.keepWarm,
            idle_s=self.idleSeconds,
            is_on=self.on,
            keeps_content=self.keepsContent,
            url=self.url,
            model=self.remoteModel,
            key=self.key,
            visibility=self.visibility,
        )


class NewAdapter(BaseModel):
    """A LoRA as a GGUF file, of a model that names the endpoint's model as its base."""

    model: str = Field(max_length=193, description="namespace/name of the adapter's repository.")
    revision: str = Field("main", max_length=200)
    file: str = Field("", max_length=512)
    name: str = Field("", max_length=96)


def endpoint(found: Standing, adapters: list[EndpointAdapter] | None = None) -> dict[str, Any]:
    """An endpoint, with how it is on each node. A key is never in it."""
    row = found.endpoint
    told: dict[str, Any] = {
        "id": row.id,
        "name": row.name,
        "namespace": row.namespace.name,
        "model": row.repo.path if row.repo else None,
        "revision": row.revision or None,
        "file": row.file or None,
        "engine": row.engine,
        "abilities": row.abilities,
        "context": row.context_tokens,
        "parallel": row.parallel,
        "replicas": row.replicas,
        "needBytes": row.need_bytes,
        "onCards": [{"cards": one["count"], "eachBytes": one["each_bytes"]} for one in row.on_cards],
        "options": row.options,
        "defaults": row.defaults,
        "keepWarm": row.keep_warm,
        "idleSeconds": row.idle_s,
        "on": row.is_on,
        "keepsContent": row.keeps_content,
        "state": found.state,
        "message": found.message,
        "nodes": [
            {
                "node": one.node,
                "number": one.number,
                "state": one.state,
                "since": wire(one.since),
                "memoryBytes": one.memory_bytes,
                "cards": one.cards or None,
                "cardBytes": one.card_bytes or None,
                "calls": one.calls,
                "lastCall": wire(one.called_at) if one.called_at else None,
            }
            for one in found.replicas
        ],
        "createdAt": wire(row.created_at),
        "updatedAt": wire(row.updated_at),
    }
    if row.remote_url:
        told |= {"remoteModel": row.remote_model, "visibility": row.visibility}
        if found.can_change:
            told |= {"url": row.remote_url, "hasKey": row.sealed_key is not None}
    if adapters is not None:
        told["adapters"] = [adapter(one) for one in adapters]
    return told


def adapter(row: EndpointAdapter) -> dict[str, Any]:
    return {"id": row.id, "name": row.name, "model": row.repo.path, "revision": row.revision, "file": row.file}


def choices(commit: str, found: Found, room_bytes: int) -> dict[str, Any]:
    """What could serve a model on this node, and why the rest cannot."""
    return {
        "revision": commit,
        "budgetBytes": room_bytes,
        "best": found.choices.index(found.best) if found.best is not None else None,
        "offers": [
            {
                "engine": one.offer.engine,
                "file": one.offer.file,
                "abilities": sorted(one.offer.abilities),
                "needBytes": one.bytes,
                "onCards": [{"cards": need.count, "eachBytes": need.each_bytes} for need in one.offer.on_cards],
                "fits": one.fits,
                "maxContext": one.offer.max_context_tokens,
                "options": dict(one.offer.options),
                "notes": list(one.offer.notes),
            }
            for one in found.choices
        ],
        "refusals": [{"engine": one.engine, "reason": one.reason} for one in found.refusals],
        "fits": list(found.instead),
    }
