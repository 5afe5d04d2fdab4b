"""What is asked before a call, and what is recorded after it. Pure."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Outcome = Literal["ok", "cancelled", "failed", "refused", "cut"]  # cut: the budget ended in the middle of an answer


@dataclass(frozen=True)
class Payer:
    """Who calls and who pays: the person and token that ask, and the account whose budget it is (a person's own, or
    that of an organisation named by the caller or owning the endpoint)."""

    account_id: str
    user_id: str | None
    token_id: str | None


@dataclass(frozen=True)
class Allowance:
    """What may still be spent by one call, by the tightest of its budgets. None: no bound.

    Prices are in millionths of the instance's currency per million tokens, or per second of engine time.
    """

    left_micros: int | None
    input_price: int
    output_price: int
    second_price: int

    def left_tokens(self, prompt_tokens: int) -> int | None:
        """Tokens of the answer until the budget ends; None: no bound."""
        if self.left_micros is None or self.output_price <= 0:
            return None
        left = self.left_micros * 1_000_000 - prompt_tokens * self.input_price
        return max(0, left // self.output_price)


@dataclass(frozen=True)
class Meter:
    """What one call took. Zero tokens of a call that never reached an engine; its outcome says so."""

    at: datetime
    payer: Payer
    request_id: str
    served_name: str
    via: str  # the route or pipeline that chose it, or ''
    model: str
    revision: str
    repo_id: str | None
    kind: str  # "chat", "embeddings", ...
    outcome: Outcome
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    seconds: float = 0.0
    queue_seconds: float = 0.0
    first_token_seconds: float | None = None
    processor_seconds: float = 0.0
    peak_memory_bytes: int = 0
    is_batch: bool = False
