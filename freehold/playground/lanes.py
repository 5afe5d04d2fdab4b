"""What may be talked to, and one lane of the page for each model that is."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy.orm import Session

from freehold.access.rules import Actor
from freehold.core.errors import HubError
from freehold.core.http import Ask
from freehold.gateway import service as gateway
from freehold.inference.rules import Runtime
from freehold.inference.service import names
from freehold.inference.service.names import Listed
from freehold.playground.asking import Given
from freehold.repos.rules import page_path
from freehold.usage import queries as usage
from freehold.usage.rules import MILLION, Rate

#: What runs on a node, as ``Runtime.standing`` tells it, in words.
STANDINGS = {
    "off": "asleep: the first answer takes longer",
    "loading": "being loaded",
    "ready": "ready",
    "answering": "answering",
    "failed": "it failed the last time",
}


@dataclass(frozen=True)
class Turn:
    """What one side said, as the page shows it; ``note``: how much it was, and what it cost.

    ``wrong``: why there is no answer; it and the question before it are no part of the conversation that goes on.
    ``is_spent``: that is because the month's budget is.
    """

    is_user: bool
    who: str
    text: str
    note: str = ""
    wrong: str = ""
    is_spent: bool = False


@dataclass(frozen=True)
class Lane:
    """One model of the page, with the conversation so far. Prices: see ``usage.rules.Rate``."""

    listed: Listed
    note: str  #: how it stands
    address: str  #: of the model's page; empty: it has none here
    rate: Rate
    turns: Sequence[Turn] = ()
    kept_days: int = 0  #: how long what is asked and answered is kept by the model's owner; 0: it is not

    @property
    def name(self) -> str:
        return self.listed.name

    @property
    def is_asleep(self) -> bool:
        """Whether it is loaded before it answers."""
        return self.note in (STANDINGS["off"], STANDINGS["loading"])

    @property
    def history(self) -> str:
        """The conversation as a form carries it along."""
        said: list[dict[str, str]] = []
        for one in self.turns:
            if one.wrong:
                said.pop()
            else:
                said.append({"role": "user" if one.is_user else "assistant", "content": one.text})
        return json.dumps(said, ensure_ascii=False)


def offered(db: Session, actor: Actor) -> Sequence[Listed]:
    """What chats and ``actor`` may call, by name."""
    return [one for one in gateway.models(db, actor) if "chat" in one.abilities]


def served(db: Session, actor: Actor, name: str) -> Listed:
    """What is served under ``name`` and ``actor`` may call. Raises ``SignInToCall``, ``ModelUnknown``."""
    names.refuse_anonymous(db, actor)
    found = gateway.model(db, actor, name)
    if found is None:
        raise names.unknown(db, actor, name)
    return found


def chosen(
    ask: Ask, given: Given, among: Sequence[Listed], turns: Sequence[Sequence[Turn]]
) -> tuple[Given, Sequence[Lane], str]:
    """The lanes that ``given`` names, the first that is offered where it names none, and what was wrong with a name."""
    if not among:
        return given, (), ""
    by_name = {one.name.lower(): one for one in among}
    first = by_name.get(given.model.lower()) if given.model else among[0]
    wrong = ""
    if first is None:
        wrong, first = _unknown(ask, given.model), among[0]
    second = by_name.get(given.other.lower()) if given.other else None
    if given.other and second is None:
        wrong = wrong or _unknown(ask, given.other)
    given = replace(given, model=first.name, other=second.name if second else "")
    found = [one for one in (first, second) if one is not None]
    standing = _standing(ask, found)
    kept = [*turns, (), ()]
    return given, [_lane(ask, one, standing, kept[number]) for number, one in enumerate(found)], wrong


def price_said(lanes: Sequence[Lane], currency: str) -> str:
    """What it costs, before one asks; empty where nothing has a price."""
    said = [_price(lane, currency, is_named=len(lanes) > 1) for lane in lanes if not lane.rate.is_free]
    return "; ".join(said)


def _price(lane: Lane, currency: str, *, is_named: bool) -> str:
    rate, parts = lane.rate, []
    if rate.input_price or rate.output_price:
        parts.append(
            f"{currency} {rate.input_price / MILLION:,.2f} a million tokens read, "
            f"{rate.output_price / MILLION:,.2f} written"
        )
    if rate.second_price:
        parts.append(f"{currency} {rate.second_price / MILLION:,.6f} a second")
    return (f"{lane.name}: " if is_named else "") + ", ".join(parts)


def _standing(ask: Ask, found: Sequence[Listed]) -> Mapping[str, str]:
    runtime: Runtime = ask.request.app.state.runtime
    return runtime.standing([one.endpoint_id for one in found])


def _lane(ask: Ask, one: Listed, standing: Mapping[str, str], turns: Sequence[Turn]) -> Lane:
    state = standing.get(one.endpoint_id, "off")
    return Lane(
        listed=one,
        note=STANDINGS.get(state, state) if one.kind in ("endpoint", "adapter") else one.kind,
        address=page_path("model", one.model) if one.kind in ("endpoint", "adapter") and "/" in one.model else "",
        rate=usage.price_of(ask.db, one.name, one.model),
        turns=turns,
        kept_days=ask.kit.settings.content_days if one.keeps_content else 0,
    )


def _unknown(ask: Ask, name: str) -> str:
    """Why a name that is not among the offered ones is not: in the words that a call would get."""
    try:
        target = names.resolve(ask.db, ask.actor, name)
    except HubError as err:
        return err.message
    return f"{target.served_name} does not chat."
