"""What a job is, and what is known of one that runs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

#: What a job may say in place of its port: in a sentence for people, and by a word for code.
Failure = Literal["out_of_memory", "bad_model", "not_installed", "crashed", "too_slow"]


@dataclass(frozen=True)
class Job:
    """A program and what it may use. ``options`` go to its stdin as one JSON line, with a fresh ``key`` beside them.

    ``memory_bytes`` None: no limit but the machine's. ``files`` are read by it: on Ray they must be readable there.
    """

    name: str  # for logs and pages: "demo/smollm2 on llama.cpp"
    argv: Sequence[str]
    options: Mapping[str, Any]
    environment: Mapping[str, str] = field(default_factory=dict)
    files: Sequence[Path] = ()
    memory_bytes: int | None = None
    ready_s: float = 120.0  # until it must have said its port
    cpus: float = 1.0
    gpus: float = 0.0


@dataclass(frozen=True)
class Took:
    """What a job has used since it started."""

    memory_bytes: int
    peak_memory_bytes: int
    processor_s: float
