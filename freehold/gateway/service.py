"""A call is let in, and what it took is written down: each with the database, and in between without."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.orm import Session

from freehold.access.rules import Actor
from freehold.core import caller, clock
from freehold.core.database import Database
from freehold.gateway import patterns, rules
from freehold.gateway.rules import Wish
from freehold.inference.rules import ABILITY_OF, OF_MANY, Call, Leg, Target
from freehold.inference.service import names
from freehold.pipelines import service as pipelines
from freehold.pipelines.rules import AnyPlan, PipelinePlan, leaves
from freehold.repos.tables import Repo
from freehold.routing.rules import Asked, Ledger, RoutePlan
from freehold.usage import access as usage_access
from freehold.usage import queries as usage_queries
from freehold.usage import service as usage
from freehold.usage.rules import Allowance, Meter, Outcome, Payer, Terms

#: Whose turn it is where nobody is signed in: their payer is the owner of what they call, who is not one of them.
ANONYMOUS = "anonymous"


@dataclass(frozen=True)
class Admitted:
    """A call that may go on. ``ledger``: what was asked of models for it, filled in on the way."""

    wish: Wish
    plan: AnyPlan
    asked: Asked
    payer: Payer
    allowance: Allowance
    request_id: str
    at: datetime
    ledger: Ledger = field(default_factory=Ledger)
    is_batch: bool = False  # after live calls
    stranger: str = ANONYMOUS  # who asks without being signed in, told from others by where they call from

    @property
    def call(self) -> Call:
        """As the runtime takes it, bounded by what may be spent."""
        wish, body = self.wish, dict(self.wish.body)
        left = self.allowance.left_tokens(wish.expected_prompt_tokens)
        if left is not None:
            left //= wish.answers
        if left is not None and not wish.is_stream and wish.path in rules.STREAMS:
            asked = wish.max_tokens
            body.pop("max_completion_tokens", None)
            body["max_tokens"] = max(1, left if asked is None else min(asked, left))
        return Call(
            path=wish.path,
            body=body,
            payer_id=self.payer.account_id if self.asked.user_id else ANONYMOUS,
            is_stream=wish.is_stream,
            upload=wish.upload,
            content_type=wish.content_type,
            request_id=self.request_id,
            priority="batch" if self.is_batch else "live",
            caller_id=self.asked.user_id or self.stranger,
        )

    @property
    def tokens(self) -> tuple[int, int]:
        """Of prompts and of answers, so far."""
        return (
            sum(leg.measured.prompt_tokens for leg in self.ledger.legs),
            sum(leg.measured.completion_tokens for leg in self.ledger.legs),
        )

    @property
    def is_spent(self) -> bool:
        """Whether its budget ends here."""
        if self.allowance.left_micros is None:
            return False
        prompt, completion = self.tokens
        left = self.allowance.left_tokens(prompt)
        return left is not None and completion >= left


@dataclass(frozen=True)
class Asker:
    """Who asks, as the door knows it. ``headers`` in lower case, as far as policies may look at them."""

    actor: Actor
    request_id: str = ""
    bill_to: str = ""  # the organisation that pays; '': whoever asks
    headers: Mapping[str, str] = field(default_factory=dict)
    is_batch: bool = False


@dataclass(frozen=True)
class Known:
    """What a name is to whoever asks: read from the database, and good for any call of theirs until that is another.
    ``is_lasting``: no clock ends it, and entering by it reads and writes nothing."""

    actor: Actor
    plan: AnyPlan
    payer: Payer
    terms: Terms
    is_lasting: bool


def admit(db: Session, asker: Asker, model: str, wished: Callable[[AnyPlan], Wish]) -> Admitted:
    """``asker`` may call ``model``, and has the budget for what it ``wished`` of it.

    Raises what :func:`known` and :func:`enter` do.
    """
    return enter(db, known(db, asker, model), asker, wished)


def known(db: Session, asker: Asker, model: str) -> Known:
    """What ``model`` is to ``asker``. Raises what ``pipelines.service.plan`` and ``usage.access.payer`` do."""
    actor = asker.actor
    plan = pipelines.plan(db, actor, model)
    if actor.is_anonymous:
        payer = Payer(plan.owner_id, None, None)  # whose machine it is, and who let anonymous callers in
    else:
        payer = usage_access.payer(db, actor, asker.bill_to)
    terms = usage.terms(db, payer, *priced(db, plan))
    return Known(actor, plan, payer, terms, is_lasting=_is_lasting(db, actor, plan) and not terms.ends)


def _is_lasting(db: Session, actor: Actor, plan: AnyPlan) -> bool:
    """Whether only a commit makes it another: a token may end by the clock, and who is let through a gate may be so
    until some hour."""
    token = actor.token
    if not isinstance(plan, Target) or plan.adapter or (token and (token.is_fine_grained or not token.is_lasting)):
        return False
    repo = db.get(Repo, plan.repo_id) if plan.repo_id else None
    return repo is not None and not repo.gated


def enter(place: Session | Database, known: Known, asker: Asker, wished: Callable[[AnyPlan], Wish]) -> Admitted:
    """The call that was ``wished`` goes on. ``place``: the transaction that ``known`` was read in; where that is
    lasting also the database, and nothing is read.

    Raises what ``usage.enter`` does, ``NotAble`` and ``ContextTooLong``.
    """
    wish = patterns.fitted(known.plan, wished(known.plan))
    rules.check_able(known.plan, wish)
    allowance = usage.enter(
        place,
        known.terms,
        prompt_tokens=wish.expected_prompt_tokens,
        max_tokens=None if wish.max_tokens is None else wish.max_tokens * wish.answers,
    )
    asked = Asked(known.actor.id, asker.headers)
    now = clock.now()
    return Admitted(
        wish, known.plan, asked, known.payer, allowance, asker.request_id, now,
        is_batch=asker.is_batch, stranger=_stranger(),
    )  # fmt: skip


def _stranger() -> str:
    at = caller.current()
    return f"{ANONYMOUS}{OF_MANY}{caller.network_of(at.address)}" if at and at.address else ANONYMOUS


def priced(db: Session, plan: AnyPlan) -> tuple[str, str]:
    """The served name and the model by whose price ``plan`` is let in: a route's or pipeline's own where it has one,
    else of several that may answer the dearest, so that no budget is gone past."""

    def price(one: Target) -> tuple[int, int, int]:
        rate = usage_queries.price_of(db, one.served_name, one.model)
        return rate.output_price, rate.input_price, rate.second_price

    if isinstance(plan, Target):
        return plan.served_name, plan.model
    if usage_queries.has_price(db, plan.served_name):
        return plan.served_name, ""
    dearest = max(leaves(plan), key=price, default=None)
    return (dearest.served_name, dearest.model) if dearest else (plan.served_name, "")


def record(database: Database, admitted: Admitted, *, outcome: Outcome | None = None) -> None:
    """Each model that was asked has its meter. ``outcome``: of the call as a whole, where that is known better than of
    its last leg. Quick: may be called in the event loop."""
    legs, parts, allowance = admitted.ledger.legs, admitted.ledger.parts, admitted.allowance
    if not legs:
        usage.forgo(database, allowance)
        return
    *earlier, last = zip(legs, parts, strict=True)
    for leg, part in earlier:
        usage.record(database, _meter(admitted, leg, leg.outcome, part.via), allowance.of_part())
    took = sum(leg.measured.prompt_tokens + leg.measured.completion_tokens for leg, _ in earlier)
    leg, part = last
    usage.record(database, _meter(admitted, leg, outcome or leg.outcome, part.via), allowance.after(took))


def keep(database: Database, admitted: Admitted, *, outcome: Outcome | None = None) -> None:
    """What a route chose, what guards found and what the steps of a pipeline did is kept, for who may change it. Of an
    endpoint's own call there is nothing to keep."""
    if not isinstance(admitted.plan, RoutePlan | PipelinePlan):
        return
    last = admitted.ledger.legs[-1].outcome if admitted.ledger.legs else "refused"
    seconds = (clock.now() - admitted.at).total_seconds()
    with database.write() as db:
        pipelines.record(
            db, admitted.plan, admitted.ledger, outcome=outcome or last, seconds=seconds,
            request_id=admitted.request_id,
        )  # fmt: skip


def _meter(admitted: Admitted, leg: Leg, outcome: Outcome, via: str) -> Meter:
    took, target = leg.measured, leg.target
    return Meter(
        at=admitted.at,
        payer=admitted.payer,
        request_id=admitted.request_id,
        served_name=target.served_name,
        via=via,
        model=target.model,
        revision=target.revision,
        repo_id=target.repo_id,
        kind=ABILITY_OF.get(leg.path, leg.path),
        outcome=outcome,
        prompt_tokens=took.prompt_tokens,
        cached_tokens=took.cached_tokens,
        completion_tokens=took.completion_tokens,
        estimated_tokens=0 if took.is_counted else took.prompt_tokens + took.completion_tokens,
        seconds=took.engine_s,
        queue_seconds=took.queue_s,
        first_token_seconds=took.first_token_s,
        processor_seconds=took.processor_s,
        peak_memory_bytes=took.peak_memory_bytes,
        is_batch=admitted.is_batch,
    )


def model(db: Session, actor: Actor, name: str) -> names.Listed | None:
    """The one of :func:`models` that has this very name, without reading the others."""
    return names.one(db, actor, name) or pipelines.one(db, actor, name)


def models(db: Session, actor: Actor) -> Sequence[names.Listed]:
    """What ``actor`` may call, by name: endpoints, adapters, routes and pipelines."""
    everything = [*names.listed(db, actor), *pipelines.listed(db, actor)]
    return sorted(everything, key=lambda one: one.name.lower())[: names.MAX_LISTED]
