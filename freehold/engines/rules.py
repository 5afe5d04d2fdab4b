"""What an engine is, and what it says of a model. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from freehold.cards.memory import Load, Need
from freehold.compute.rules import CardNeed, Job

#: What a call can ask of a model; the paths of ``/v1`` and the task calls of the official client come to these.
Ability = Literal[
    "chat", "completions", "embeddings", "rerank", "transcription", "classification", "token-classification",
    "feature-extraction", "sentence-similarity", "image-classification", "image-to-text", "object-detection",
    "fill-mask", "audio-classification", "text-to-speech", "question-answering", "zero-shot-classification",
    "zero-shot-image-classification",
]  # fmt: skip


@dataclass(frozen=True)
class Model:
    """A model at a revision, as an engine looks at it (``engines.queries.model`` makes it).

    ``files``: path to bytes; ``facts``: what ``cards`` computed; ``headers``: of weights, by path, what they say of
    themselves (``cards.headers.digest.summary``); ``settings``: small JSON files, by path, as far as they can be read.
    """

    repo: str  # namespace/name
    revision: str
    files: Mapping[str, int]
    facts: Mapping[str, Any]
    loads: Sequence[Load]
    task: str | None  # the pipeline tag, declared or computed
    library: str | None
    headers: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Setup:
    """How a model is to be served. ``file``: the load's name where a model has several (one quantisation of GGUF).

    ``options``: the engine's own, as somebody chose them or as an offer settled them. ``cache``: a folder of this node
    for what engines make of files (weights in another precision), which they keep within bounds; None: they make
    nothing, and serve the files as they are.
    """

    file: str = ""
    context_tokens: int = 4096  # for each of ``parallel`` calls at a time
    parallel: int = 1
    threads: int = 0  # 0: as many as the node gives a replica
    options: Mapping[str, Any] = field(default_factory=dict)  # the engine's own, e.g. {"precision": "full"}
    cache: Path | None = None


@dataclass(frozen=True)
class Offer:
    """An engine can serve a model: with these abilities, these files and so much memory. ``need`` None: unknown.

    ``on_cards``: ways to do it on graphics cards, which it needs then; ``need`` is the memory of the machine besides.

    ``options``: the engine's own as they were settled, with what was chosen where the setup said nothing; ``notes``:
    what people should know of it, in sentences.
    """

    engine: str
    file: str
    abilities: frozenset[Ability]
    paths: Sequence[str]  # of the repository, that must be on disk
    need: Need | None
    max_context_tokens: int | None
    options: Mapping[str, Any] = field(default_factory=dict)
    notes: Sequence[str] = ()
    on_cards: Sequence[CardNeed] = ()


@dataclass(frozen=True)
class Refusal:
    """An engine cannot, and why, in a sentence that says what would help."""

    engine: str
    reason: str


def as_it_is(body: Mapping[str, Any], adapter: str, adapters: Sequence[str]) -> Mapping[str, Any]:
    return body


@dataclass(frozen=True)
class Engine:
    """One engine. ``look`` says what it makes of a model; ``job`` how its process is started; ``missing`` why it
    cannot run on this node ("Install freehold[serve]"), or ''; ``options`` its own, by name, with what each may be."""

    name: str  # "llama.cpp"
    title: str
    formats: frozenset[str]
    look: Callable[[Model, Setup], Sequence[Offer] | Refusal]
    #: (offer, setup, directory with the files, adapters by served name) -> the job
    job: Callable[[Offer, Setup, Path, Mapping[str, Path]], Job]
    missing: Callable[[], str]
    #: (body of a call, adapter that was asked for or '', all adapters in the order that ``job`` got them) -> the body
    #: as the engine understands it; what a caller must not decide is taken out
    worded: Callable[[Mapping[str, Any], str, Sequence[str]], Mapping[str, Any]] = as_it_is
    options: Mapping[str, Sequence[str]] = field(default_factory=dict)
    #: Of a repository, the files that are adapters as it takes them; None: it takes none. What such a file is, for
    #: people; and the names of what is read beside it.
    adapters_in: Callable[[Model], Sequence[str]] | None = None
    adapter_form: str = ""
    beside_adapters: Sequence[str] = ()
    is_remote: bool = False

    @property
    def takes_adapters(self) -> bool:
        return self.adapters_in is not None
