"""What a call is about, and what comes back. Pure values: nothing here holds a database object."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol

from freehold.compute.rules import Took
from freehold.engines.rules import Ability

Priority = Literal["live", "batch"]
#: Stands in a ``caller_id`` between what many are and which of them: who can be another is bounded with all of them.
OF_MANY = "@"


@dataclass(frozen=True)
class Target:
    """An endpoint that one actor may call: checked when it was made, good for one call."""

    endpoint_id: str
    served_name: str
    model: str  # namespace/name of the repository; of a remote endpoint what the other side calls it
    revision: str  # 40 hex digits; '' of a remote endpoint
    engine: str
    abilities: frozenset[Ability]
    owner_id: str  # the account that pays for the machine
    adapter: str = ""  # the served name of the adapter, where one was asked for
    context_tokens: int | None = None
    defaults: Mapping[str, Any] = field(default_factory=dict)  # parameters used where the call says nothing
    fingerprint: str = ""  # of the endpoint's row: a replica of another fingerprint is out of date
    replicas: int = 1  # processes of it on a node,
    parallel: int = 1  # and calls at a time of each
    repo_id: str | None = None  # None of a remote endpoint; of an adapter its own repository
    keeps_content: bool = False  # its owner keeps what is asked and answered


@dataclass(frozen=True)
class Call:
    """One question. ``path`` below /v1 as the engine knows it ("chat/completions"), or "task", whose body has ``task``,
    ``inputs`` and ``parameters``.

    ``payer_id``: whose turn it is in the queue, an organisation's or a person's account id, or one for all who are not
    signed in.
    """

    path: str
    body: Mapping[str, Any]
    payer_id: str
    priority: Priority = "live"
    is_stream: bool = False
    upload: bytes | None = None  # a file beside the body: sound to transcribe, a picture
    content_type: str = ""  # of ``upload``
    request_id: str = ""
    caller_id: str = ""  # who asks, told apart from others of the same payer; '': the payer. See ``OF_MANY``


@dataclass
class Measured:
    """What a call took, filled in while it goes on; whole once the reply's context was left."""

    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    queue_s: float = 0.0
    first_token_s: float | None = None  # since the call began
    engine_s: float = 0.0
    peak_memory_bytes: int = 0
    processor_s: float = 0.0  # of the engine's process, shared between calls at the same time
    is_counted: bool = True  # by the engine; False: it gave no count, and tokens are an estimate


class Piece(NamedTuple):
    """One event of a stream: ``data`` is the JSON after ``data: `` as the engine wrote it."""

    data: bytes


@dataclass
class Leg:
    """One call of an endpoint on the way to an answer; each has a meter of its own. An endpoint's answer has one leg; a
    route's has one for each model it tried, a pipeline's one for each step. ``outcome`` is ``usage.rules.Outcome``."""

    target: Target
    path: str
    measured: Measured
    outcome: Literal["ok", "cancelled", "failed", "refused"] = "cancelled"  # until its end says otherwise


class Reply(Protocol):
    """An answer on its way. Exactly one of ``body`` and ``pieces`` is used, as the call asked for a stream or not."""

    target: Target  # what answers: of a route the model that was chosen
    measured: Measured
    content_type: str

    @property
    def legs(self) -> Sequence[Leg]:
        """Every call of an endpoint so far, in order; whole once the reply's context was left."""
        ...

    async def body(self) -> bytes:
        """The whole answer; bounded by the settings."""
        ...

    def pieces(self) -> AsyncIterator[Piece]:
        """The events without the closing ``[DONE]``. Raises ``inference.errors.EngineLost`` when the engine dies."""
        ...


class Runtime(Protocol):
    """What this node runs (``inference.runtime``), at ``app.state.runtime``."""

    def call(self, target: Target, call: Call, legs: list[Leg] | None = None) -> AbstractAsyncContextManager[Reply]:
        """Wait for a turn and a replica, then ask it. Leaving early cancels: the engine's slot is free again.

        A leg is added to ``legs`` before anything is waited for, so that whoever keeps the list can record what was
        taken also of a call that failed. Raises errors of ``inference.errors``: ``TooBusy`` (429, Retry-After),
        ``DoesNotFit``, ``LoadFailed``, ``EngineLost``, ``ContextTooLong``, ``EngineRefused`` (the engine's own 4xx,
        with its words).
        """
        ...

    def standing(self, endpoint_ids: Sequence[str]) -> Mapping[str, str]:
        """Of each endpoint on this node: "off", "loading", "ready", "answering" or "failed"."""
        ...


@dataclass(frozen=True)
class Replica:
    """A process that is ready, held for one call. ``body`` goes into the call's own: what this engine needs to find the
    target, such as ``{"model": "demo/base"}`` or ``{"lora": [{"id": 0, "scale": 1.0}]}``."""

    address: str  # what stands before /v1: "http://127.0.0.1:41233/_"
    key: str
    took: Callable[[], Took]  # cheap: asked before and after each call
    body: Mapping[str, Any] = field(default_factory=dict)
    host: str = ""  # of an endpoint elsewhere: its name, whose certificate it must show; ``address`` has a number


class Store(Protocol):
    """The replicas of this node (``inference.store``)."""

    def slots(self, target: Target) -> int:
        """How many calls may be under way at a time: replicas times parallel, also of what is not loaded yet."""
        ...

    def replica(self, target: Target, caller_id: str = "") -> AbstractAsyncContextManager[Replica]:
        """A ready replica with a free slot for ``caller_id``, loaded where needed; not evicted while it is held.

        Raises ``DoesNotFit``, ``LoadFailed`` and ``CallerPaused``. Leaving with ``EngineLost`` says that it died: the
        next call has another.
        """
        ...

    def standing(self, endpoint_ids: Sequence[str]) -> Mapping[str, str]:
        """As :meth:`Runtime.standing`, but for "answering", which the runtime knows."""
        ...

    async def close(self) -> None:
        """Every process of this node has ended."""
        ...


# ---- bounds of endpoints -----------------------------------------------------------------------------------

#: Of one namespace.
MAX_ENDPOINTS, MAX_ADAPTERS = 200, 32
USUAL_CONTEXT, MIN_CONTEXT, MAX_CONTEXT = 4096, 64, 10_000_000
#: Calls that one process answers at the same time; more wait for their turn.
USUAL_PARALLEL, MAX_PARALLEL = 2, 64
MAX_REPLICAS = 16
USUAL_IDLE_S, MAX_IDLE_S = 15 * 60, 30 * 86_400
MAX_PARAMETERS_CHARS = 4_000
MAX_KEY_CHARS = 1_000
#: What writes text, and what reads one as a whole: the rest looks at pictures or hears.
WRITES: frozenset[Ability] = frozenset({"chat", "completions"})
READS: frozenset[Ability] = frozenset({
    "embeddings", "rerank", "classification", "token-classification", "feature-extraction", "sentence-similarity",
    "fill-mask", "question-answering", "zero-shot-classification",
})  # fmt: skip
#: What a default cannot say: it is what is asked.
OF_CALLS = frozenset({"model", "messages", "prompt", "input", "inputs", "query", "documents", "stream", "file", "user"})
#: What a model must be able to do for a call of this path below /v1; other paths are for the engine to refuse.
ABILITY_OF: Mapping[str, Ability] = {
    "chat/completions": "chat",
    "completions": "completions",
    "embeddings": "embeddings",
    "rerank": "rerank",
    "audio/transcriptions": "transcription",
}
#: What a model elsewhere may be said to do.
REMOTE_ABILITIES = tuple(ABILITY_OF.values())
