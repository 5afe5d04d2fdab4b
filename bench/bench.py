"""What every family of measurements shares: how large, how often, where, and the one hub that most of them use."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from bench.hub import Hub
from bench.table import Row

GIB = 1 << 30


@dataclass(frozen=True)
class Scale:
    """Sizes in bytes. ``rounds`` is how often each contestant runs."""

    file_bytes: int = GIB
    copy_bytes: int = 200_000_000
    rounds: int = 5
    calls_s: int = 5
    clients: int = 8
    commits: int = 10_000
    repositories: tuple[int, ...] = (2_000, 20_000, 200_000, 2_000_000)


QUICK = Scale(file_bytes=64 << 20, rounds=2, calls_s=2, commits=1000, repositories=(2_000,))


@dataclass
class Bench:
    """One run. ``folder`` is emptied at the end; what ``closing`` holds is stopped by then."""

    scale: Scale
    folder: Path
    closing: ExitStack
    token: str = ""
    _hub: Hub | None = field(default=None, repr=False)

    @property
    def hub(self) -> Hub:
        """The hub of this run, started when first asked for."""
        if self._hub is None:
            self._hub = Hub(self.folder / "hub")
            self.closing.callback(self._hub.process.stop)
            self.token = self._hub.make_person()
        return self._hub

    @property
    def headers(self) -> dict[str, str]:
        _ = self.hub
        return {"Authorization": f"Bearer {self.token}"}


Family = Callable[[Bench], Iterator[Row]]
