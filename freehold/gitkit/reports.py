"""The last word of a push: what came of each ref. Source: gitprotocol-pack(5), report-status."""

from dataclasses import dataclass, field

from freehold.gitkit import packets


@dataclass(frozen=True, slots=True)
class Outcome:
    """``refused`` is why the ref did not move, None where it did."""

    ref: str
    refused: str | None


@dataclass
class Report:
    """``unpack`` is why the pack was not taken, None where it was (or there was none)."""

    unpack: str | None = None
    outcomes: list[Outcome] = field(default_factory=list)

    def encoded(self, capabilities: frozenset[str]) -> bytes:
        """As the client asked for it: on side band 1 or bare; nothing where it asked for none."""
        if not capabilities & {"report-status", "report-status-v2"}:
            body = b""
        else:
            lines = [f"unpack {self._one_line(self.unpack or 'ok')}"]
            for outcome in self.outcomes:
                refused = outcome.refused
                lines.append(f"ng {outcome.ref} {self._one_line(refused)}" if refused else f"ok {outcome.ref}")
            body = b"".join(packets.line(f"{line}\n".encode("utf-8", "replace")) for line in lines) + packets.FLUSH
        if "side-band-64k" not in capabilities:
            return body
        return b"".join(packets.banded(packets.ANSWER, body)) + packets.FLUSH

    @staticmethod
    def _one_line(text: str) -> str:
        return "".join(char if char.isprintable() else " " for char in text)[:400]
