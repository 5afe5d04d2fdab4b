"""Help with choosing, for whoever asks: candidates from the lists, the shortlist, and what ruled out the rest.

Bounded on a hub of any size: numbers come from the lists' own counts, and of what they leave only the first
:data:`LOOKED` are looked at one by one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.datastructures import QueryParams

from freehold.cards import vocabulary
from freehold.cards.queries import facts_of
from freehold.cards.tables import EvalResult, RepoLink
from freehold.choosing import shortlist, wishes
from freehold.choosing.shortlist import Candidate, Chosen, LeftOut, Pick
from freehold.choosing.uses import USES, Use
from freehold.choosing.wishes import Wish
from freehold.content.rules import MAIN
from freehold.content.tables import Ref
from freehold.core.http import Ask
from freehold.discover import addresses, counting, indexed, machines, questions, register
from freehold.discover.answers import UNKNOWN
from freehold.discover.machines import Choice
from freehold.discover.questions import Question, Range
from freehold.discover.rules import Listing
from freehold.fleet import queries as fleet
from freehold.fleet.errors import MachineNotFound

#: Models that are looked at one by one: the most downloaded of those that lists leave.
LOOKED = 60
Pairs = list[tuple[str, str]]


@dataclass(frozen=True)
class Reason:
    """What ruled out ``number`` models, and the list of exactly these; no address: there is no such list."""

    words: str
    number: int
    address: str


@dataclass(frozen=True)
class Loosened:
    """What there would be if one answer were another: the wish with it, and how many models would be on the list."""

    words: str
    wish: Wish
    number: int


@dataclass(frozen=True)
class Help:
    """The answer. ``total`` models are for this use; ``reasons`` ruled out some by what lists know, ``left`` were left
    out of the ``looked`` that were looked at, of ``passing``. ``loosened`` is empty where something is on the list."""

    wish: Wish
    choice: Choice | None
    total: int
    all_address: str
    passing: int
    passing_address: str
    looked: int
    reasons: Sequence[Reason]
    picks: Sequence[Pick]
    left: Sequence[LeftOut]
    trade_offs: Sequence[str]
    loosened: Sequence[Loosened]

    @property
    def paths(self) -> Sequence[str]:
        return [one.row.path for one in self.picks]


@dataclass(frozen=True)
class Lists:
    """The lists on the way, as their addresses say them, with the reader's machines to read them by."""

    ask: Ask
    own: Mapping[str, Choice]

    def listing(self, pairs: Pairs) -> Listing:
        return addresses.listing("model", QueryParams(pairs), self.own)

    def first(self, pairs: Pairs) -> Listing:
        """Those of the list that are looked at."""
        return replace(self.listing(pairs), sort="downloads", limit=LOOKED)

    def number(self, pairs: Pairs) -> int:
        return counting.total(self.ask.db, self.ask.actor, self.listing(pairs))

    def numbers(self, pairs: Pairs, stage: "Stage", of: int) -> Mapping[str, int]:
        """How many of the list, which holds ``of``, give each of the answers of ``stage``.

        At once where lists count all of it; one by one where they would count only the first of it.
        """
        values = [value for value in stage.values if value != UNKNOWN]
        if of > counting.MAX_COUNTED:
            listings = [self.listing([*pairs, (stage.name, value)]) for value in stage.values]
            return dict(zip(stage.values, counting.totals(self.ask.db, self.ask.actor, listings), strict=True))
        classes = {value: self.listing([*pairs, (stage.name, value)]).answers[stage.name] for value in values}
        question = questions.BY_NAME[stage.name]
        db, actor, listing = self.ask.db, self.ask.actor, self.listing(pairs)
        found = counting.counted(db, actor, listing, [question], {stage.name: classes})[stage.name]
        return {value: sum(found.get(word, 0) for word in _words(question, value)) for value in stage.values}


@dataclass(frozen=True)
class Stage:
    """One question of lists: the answers that rule out, each with its words, and the one that passes."""

    name: str
    out: Sequence[tuple[str, str]]  #: answer, words
    passing: str

    @property
    def values(self) -> Sequence[str]:
        return [*(value for value, _ in self.out), self.passing]


def _words(question: Question, value: str) -> Sequence[str]:
    """An answer of words is counted word by word, one of bounds as a class."""
    return [value] if isinstance(question.value, Range) else value.split(",")


def offered(ask: Ask) -> tuple[Sequence[tuple[Use, bool]], Sequence[tuple[str, str]]]:
    """Every use, those that this hub has a model for first, and whether it has; languages that cards name, by name."""
    asked = [one for one in questions.QUESTIONS if one.name in ("task", "language")]
    found = counting.counted(ask.db, ask.actor, Listing(kind="model"), asked, {})
    there = [(use, any(found["task"].get(word) for word in use.tasks)) for use in USES.values()]
    named = [(word, name) for word, name in vocabulary.LANGUAGES.items() if found["language"].get(word)]
    languages = [one for one in named if one[0] not in ("multilingual", "code")]
    return sorted(there, key=lambda one: not one[1]), sorted(languages, key=lambda one: one[1])


def with_machine(wish: Wish, own: Mapping[str, Choice]) -> tuple[Wish, Choice | None]:
    """The machine that is meant; one that is none, or that the reader may not see, counts as not said, and is told."""
    if not wish.machine:
        return wish, None
    try:
        choice = machines.find(wish.machine, own)
    except MachineNotFound:
        choice = None
    if choice is None:
        told = f"“{wish.machine[:40]}” is no machine that is known here; cpu-16 has 16 GB, gpu-24x2 two cards of 24 GB."
        return replace(wish, machine="", problems=[*wish.problems, told]), None
    return wish, choice


def help_choosing(ask: Ask, wish: Wish, own: Mapping[str, Choice]) -> Help:
    """The shortlist for ``wish``, whose use is known and whose machine, if it names one, is one."""
    wish, choice = with_machine(wish, own)
    found = _helped(Lists(ask, own), wish, choice)
    if found.picks:
        return found
    return replace(found, loosened=_loosened(Lists(ask, own), wish))


def _helped(known: Lists, wish: Wish, choice: Choice | None) -> Help:
    whole = wishes.everything(wish)
    total = known.number(whole)
    reasons, number = _ruled_out(known, wish, choice, total)
    passing = _passing(wish, choice)
    candidates = _candidates(known, passing) if number else []
    chosen: Chosen = shortlist.choose(candidates, wish, choice)
    return Help(
        wish=wish,
        choice=choice,
        total=total,
        all_address=wishes.list_address(whole),
        passing=number,
        passing_address=wishes.list_address([*passing, ("sort", "downloads")]),
        looked=len(candidates),
        reasons=reasons,
        picks=chosen.picks,
        left=chosen.left,
        trade_offs=shortlist.trade_offs(chosen.picks),
        loosened=(),
    )


def _stages(wish: Wish, choice: Choice | None) -> list[Stage]:
    """What lists are asked, in order: each model is counted under the first reason that holds."""
    stages = []
    if wish.commercial:
        out = [("no", "licence forbids commercial use"), ("unresolved", "licence is unresolved")]
        if wish.commercial == "yes":
            out.append(("conditions", "licence allows commercial use with conditions only"))
        stages.append(Stage("commercial", out, ",".join(wishes.COMMERCIAL[wish.commercial])))
    if choice is not None:
        out = [(f"min:{choice.room_bytes + 1}", f"too large for {choice.name}")]
        out.append((UNKNOWN, "memory not known"))
        stages.append(Stage("memory", out, f"max:{choice.room_bytes}"))
    if wish.tokens:
        out = [(f"max:{wish.tokens - 1}", f"reads less than {wish.tokens:,} tokens at once")]
        out.append((UNKNOWN, "length of text not known"))
        stages.append(Stage("context_length", out, f"min:{wish.tokens}"))
    return stages


def _passing(wish: Wish, choice: Choice | None) -> Pairs:
    """The list that nothing of what lists know rules out."""
    return [*wishes.everything(wish), *((one.name, one.passing) for one in _stages(wish, choice))]


def _ruled_out(known: Lists, wish: Wish, choice: Choice | None, total: int) -> tuple[Sequence[Reason], int]:
    """Reasons, with how many each rules out, and how many are left."""
    reasons: list[Reason] = []
    at, left = wishes.everything(wish), total
    for stage in _stages(wish, choice):
        numbers = known.numbers(at, stage, left)
        for value, words in stage.out:
            reasons.append(Reason(words, numbers[value], wishes.list_address([*at, (stage.name, value)])))
        if stage.name == "commercial":
            reasons.append(Reason("licence not looked into yet", left - sum(numbers.values()), ""))
        at, left = [*at, (stage.name, stage.passing)], numbers[stage.passing]
    return [one for one in reasons if one.number > 0], left


def _candidates(known: Lists, pairs: Pairs) -> list[Candidate]:
    """The first of a list with their facts, their families and what they were evaluated on. Four queries."""
    ask = known.ask
    rows, _ = register.page(ask.db, ask.actor, known.first(pairs), with_sparks=False)
    ids = [row.repo_id for row in rows]
    facts = facts_of(ask.db, ids)
    link = RepoLink
    made = select(link.repo_id, link.path_key).where(
        link.repo_id.in_(ids), link.kind == "model", link.relation == "quantized"
    )
    families = {row.repo_id: row.path_key for row in ask.db.execute(made.order_by(link.path_key.desc()))}
    evaluated: dict[str, dict[str, None]] = {}
    results = select(EvalResult.repo_id, EvalResult.dataset_key).where(EvalResult.repo_id.in_(ids))
    for repo_id, key in ask.db.execute(results.order_by(EvalResult.position).limit(LOOKED * 20)):
        evaluated.setdefault(repo_id, {})[key] = None
    return [
        Candidate(
            row, facts[row.repo_id], families.get(row.repo_id, row.path.lower()), [*evaluated.get(row.repo_id, {})]
        )
        for row in rows
        if row.repo_id in facts
    ]


def heads(db: Session, found: Help) -> Mapping[str, str]:
    """The commit at the head of ``main`` of each model of the list, by the repository's id."""
    ids = [one.row.repo_id for one in found.picks]
    query = select(Ref.repo_id, Ref.target).where(Ref.repo_id.in_(ids), Ref.name == MAIN)
    return {row.repo_id: row.target for row in db.execute(query)}


# ---- where nothing is left ---------------------------------------------------------------------------------


def _loosened(known: Lists, wish: Wish) -> list[Loosened]:
    """Each answer that, alone, stands in the way: how many there are if it is another, the most first."""
    tried = [(words, replace(wish.without(name), problems=())) for name, words in _DROPPED if getattr(wish, name)]
    if wish.commercial == "yes":
        tried.insert(0, ("with conditions on commercial use", replace(wish, commercial="conditions", problems=())))
    larger = [(machines.name(spec), replace(wish, machine=spec, problems=())) for spec in _larger(wish)]
    lists = [known.first(_passing(*with_machine(other, known.own))) for _, other in (*tried, *larger)]
    indexed.ahead(known.ask.db, known.ask.actor, [indexed.of_page(one) for one in lists])
    found = [one for words, other in tried if (one := _if_so(known, words, other))]
    nearest = next((one for name, other in larger if (one := _if_so(known, f"on {name}", other))), None)
    return [*([nearest] if nearest else []), *sorted(found, key=lambda one: -one.number)]


def _if_so(known: Lists, words: str, wish: Wish) -> Loosened | None:
    wish, choice = with_machine(wish, known.own)
    number = len(shortlist.choose(_candidates(known, _passing(wish, choice)), wish, choice).picks)
    return Loosened(words, wish, number) if number else None


_DROPPED = (
    ("commercial", "if commercial use does not matter"),
    ("machine", "on whatever machine it takes"),
    ("length", "if the length of texts does not matter"),
    ("speed", "if speed does not matter"),
    ("language", "in any language"),
)


def _larger(wish: Wish) -> Sequence[str]:
    """Larger machines of everybody's, of the same sort, the smallest first."""
    machine = machines.parse(wish.machine)
    if machine is None:
        return ()
    known = [(spec, one) for spec in machines.BUILT_IN if (one := machines.parse(spec)) is not None]
    return [spec for spec, one in known if one.kind == machine.kind and one.usable_bytes > machine.usable_bytes]


def own_machines(ask: Ask) -> tuple[Mapping[str, Choice], Sequence[machines.Group]]:
    """The reader's machines, and everything there is to choose from."""
    fleets = fleet.known(ask.db, ask.actor)
    return machines.own(fleets), machines.options(fleets)
