"""What a job is, and what is known of one that runs."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

#: How a job failed, by a word for code; a sentence for people stands beside it (``compute.errors.JobFailed``).
#: ``stopped``: it was ended by whoever started it, before it was ready. ``no_room``: the cluster has none for it now.
#: ``killed``: by a signal of somebody else, and the system tells of no want of memory for which it would have done so.
Failure = Literal["out_of_memory", "bad_model", "not_installed", "crashed", "too_slow", "stopped", "no_room", "killed"]


@dataclass(frozen=True)
class CardNeed:
    """So many graphics cards, and what is taken of each. ``is_whole``: it may turn out to be more, so that nobody else
    may have anything of them."""

    count: int
    each_bytes: int
    is_whole: bool = False


@dataclass(frozen=True)
class Given:
    """Graphics cards that a job has, by their indices (or what its cluster calls them), and what it may take of each.
    ``share``: of a card's memory, for an engine that counts what it takes itself, and not what its driver does."""

    indices: Sequence[int | str]
    each_bytes: int
    share: float


@dataclass(frozen=True)
class Job:
    """A program and what it may use. ``options`` go to its stdin as one JSON line, with a fresh ``key`` beside them.

    ``memory_bytes``: of its own (files that it maps, which the system can drop, are not counted); None: no limit but
    the machine's. ``files`` are read by it: on a cluster they are carried to the node that runs it. ``reserved_bytes``:
    what a cluster sets aside for it, where that is less than its limit.

    ``card_needs``: ways to run it on graphics cards, one of which must do; empty: it gets none, and sees none.
    ``given``: those that it has. On a cluster the node that runs it finds out.
    """

    name: str  # for logs and pages: "demo/smollm2 on llama.cpp"
    argv: Sequence[str]
    options: Mapping[str, Any]
    environment: Mapping[str, str] = field(default_factory=dict)
    files: Sequence[Path] = ()
    memory_bytes: int | None = None
    reserved_bytes: int | None = None
    ready_s: float = 120.0  # until it must have said its port
    cpus: float = 1.0
    card_needs: Sequence[CardNeed] = ()
    given: Given | None = None


@dataclass(frozen=True)
class Took:
    """What a job has used since it started."""

    memory_bytes: int
    peak_memory_bytes: int
    processor_s: float


class Running(Protocol):
    """A job at work. Safe to use from any thread."""

    @property
    def job(self) -> Job: ...

    @property
    def address(self) -> str:
        """Where it answers: ``http://127.0.0.1:PORT``, perhaps with a path, without a slash at its end."""
        ...

    @property
    def port(self) -> int: ...

    @property
    def key(self) -> str:
        """Goes with every request: ``Authorization: Bearer KEY``."""
        ...

    @property
    def pid(self) -> int: ...

    @property
    def is_alive(self) -> bool: ...

    @property
    def failure(self) -> tuple[Failure, str] | None:
        """Why it ended though nobody stopped it, by word and sentence; None while it runs, and of one stopped."""
        ...

    def took(self) -> Took:
        """Of the job and what it started; after its end, over its life."""
        ...

    def log(self) -> str:
        """The last that it wrote to stderr, bounded, without control characters."""
        ...

    def on_exit(self, tell: Callable[["Running"], None]) -> None:
        """Have ``tell`` called, in a thread of ``compute``, once the job has ended; at once where it has already."""
        ...

    def stop(self, wait_s: float = 5.0) -> None:
        """It has ended, and nothing of it is left: asked by its lifeline, then terminated, then killed."""
        ...
