"""Endpoints, the names that calls use, adapters beside them, and what runs where."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Boolean, CheckConstraint, ForeignKey, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from freehold.accounts.tables import Account
from freehold.core.database import Base, Id, UtcDateTime
from freehold.repos.tables import Repo


class Endpoint(Base):
    """A model that may be called, with everything that its engine is started with; or (``remote_url``) one elsewhere.

    ``name`` is its served name as people write it. Of a remote one ``repo_id`` is None, and ``visibility`` says who
    calls it; of others whoever may read the repository.
    """

    __tablename__ = "endpoints"
    __table_args__ = (
        CheckConstraint("visibility in ('public', 'private')", name="visibility"),
        Index("ix_endpoints_repo_id", "repo_id"),
        Index("ix_endpoints_namespace_id", "namespace_id"),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    #: Whose it is: who in this namespace may write changes it, and its account pays for the machine.
    namespace_id: Mapped[str] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(193))
    repo_id: Mapped[str | None] = mapped_column(ForeignKey("repos.id", ondelete="CASCADE"))
    #: A commit, 40 hex digits; '' of a remote one.
    revision: Mapped[str] = mapped_column(String(40), default="")
    #: The load that is served where the model has several (one quantisation of GGUF); '' where it has one.
    file: Mapped[str] = mapped_column(String(512), default="")
    engine: Mapped[str] = mapped_column(String(32))
    #: ``engines.rules.Ability`` each, in order.
    abilities: Mapped[list[str]] = mapped_column(JSON)
    #: Files of the repository that the engine reads.
    paths: Mapped[list[str]] = mapped_column(JSON)
    #: Tokens for each of ``parallel`` calls at a time; None: the engine has no such bound, or it is not ours.
    context_tokens: Mapped[int | None] = mapped_column(Integer)
    parallel: Mapped[int] = mapped_column(Integer, default=1)
    #: Processes of it on each node.
    replicas: Mapped[int] = mapped_column(Integer, default=1)
    #: What one replica takes at most, as it was reckoned when it was deployed; None: unknown.
    need_bytes: Mapped[int | None] = mapped_column(BigInteger)
    #: Ways to run it on graphics cards (``compute.rules.CardNeed``), the fewest first; none: it runs on processors.
    on_cards: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list, server_default="[]")
    #: The engine's own options, ``{"precision": "full"}``.
    options: Mapped[dict[str, Any]] = mapped_column(JSON)
    #: Parameters of calls that do not say them, ``{"temperature": 0}``.
    defaults: Mapped[dict[str, Any]] = mapped_column(JSON)
    #: Loaded when the hub starts, and not unloaded when idle.
    keep_warm: Mapped[bool] = mapped_column(Boolean, default=False)
    #: Seconds without a call until it is unloaded.
    idle_s: Mapped[int] = mapped_column(Integer)
    is_on: Mapped[bool] = mapped_column(Boolean, default=True)
    #: What is asked and answered may be kept where a route's or this endpoint's owner wants it (``usage``).
    keeps_content: Mapped[bool] = mapped_column(Boolean, default=False)
    #: Of a remote one: the address up to and with ``/v1``, its model's name there, the key (sealed), and who calls it.
    remote_url: Mapped[str | None] = mapped_column(String(2048))
    remote_model: Mapped[str | None] = mapped_column(String(256))
    sealed_key: Mapped[str | None] = mapped_column(Text)
    visibility: Mapped[str] = mapped_column(String(8), default="private")
    created_by_id: Mapped[str | None] = mapped_column(ForeignKey("accounts.id", ondelete="SET NULL"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)

    namespace: Mapped[Account] = relationship(lazy="joined", innerjoin=True, foreign_keys=[namespace_id])
    repo: Mapped[Repo | None] = relationship(lazy="joined", foreign_keys=[repo_id])


class ServedName(Base):
    """What a call names. One name space for endpoints, adapters, routes and pipelines; ``target_id`` is theirs."""

    __tablename__ = "served_names"
    __table_args__ = (
        CheckConstraint("kind in ('endpoint', 'adapter', 'route', 'pipeline')", name="kind"),
        Index("ix_served_names_target_id", "target_id"),
        Index("ix_served_names_namespace_id", "namespace_id"),
    )

    #: Lower-case: names are the same in any case.
    name: Mapped[str] = mapped_column(String(193), primary_key=True)
    #: As people write it.
    shown: Mapped[str] = mapped_column(String(193))
    namespace_id: Mapped[str] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(String(8))
    target_id: Mapped[str] = mapped_column(Id)


class EndpointAdapter(Base):
    """A LoRA adapter that is served beside its endpoint's model, in the same process, under a name of its own."""

    __tablename__ = "endpoint_adapters"
    __table_args__ = (
        Index("ix_endpoint_adapters_endpoint_id", "endpoint_id"),
        Index("ix_endpoint_adapters_repo_id", "repo_id"),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    endpoint_id: Mapped[str] = mapped_column(ForeignKey("endpoints.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(193))
    repo_id: Mapped[str] = mapped_column(ForeignKey("repos.id", ondelete="CASCADE"))
    revision: Mapped[str] = mapped_column(String(40))
    file: Mapped[str] = mapped_column(String(512))
    created_by_id: Mapped[str | None] = mapped_column(ForeignKey("accounts.id", ondelete="SET NULL"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)

    repo: Mapped[Repo] = relationship(lazy="joined", innerjoin=True, foreign_keys=[repo_id])
    endpoint: Mapped[Endpoint] = relationship(lazy="joined", innerjoin=True, foreign_keys=[endpoint_id])


class ReplicaState(Base):
    """How a replica on some node is, so that any node's page can tell. Said again while it lives; old ones are gone."""

    __tablename__ = "replica_states"

    node: Mapped[str] = mapped_column(String(80), primary_key=True)
    endpoint_id: Mapped[str] = mapped_column(ForeignKey("endpoints.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True)
    #: ``loading``, ``ready``, ``answering``, ``ending`` or ``failed``.
    state: Mapped[str] = mapped_column(String(12))
    #: Why it failed, or what it is doing, in a sentence.
    message: Mapped[str] = mapped_column(String(500), default="")
    memory_bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    #: Graphics cards that it has, as people read them, and what it may take of each.
    cards: Mapped[str] = mapped_column(String(200), default="", server_default="")
    card_bytes: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    #: Calls that it has answered, and when it last did.
    calls: Mapped[int] = mapped_column(Integer, default=0)
    called_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    since: Mapped[datetime] = mapped_column(UtcDateTime)
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
