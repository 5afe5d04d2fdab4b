"""The page of trends: what rises and falls first, the lines, the numbers below, and which repositories drive a word."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from starlette.responses import Response

from freehold.core.http import PUBLIC, Ask, door
from freehold.core.routes import Router
from freehold.trends import dimensions, drawing, leaders, rules, telling, wording
from freehold.trends.drawing import Line
from freehold.trends.leaders import Leader
from freehold.trends.rules import Question
from freehold.trends.telling import Told, Word
from freehold.web.components import Place
from freehold.web.render import render

router = Router(include_in_schema=False)
#: Rising and falling words that are shown, words with a plot, rows of the table, and words of the table by stretch.
MOVING, PLOTS, ROWS, COLUMNS = 8, 8, 40, 8


@dataclass(frozen=True)
class Choice:
    """One way to ask otherwise."""

    label: str
    address: str
    is_current: bool


@dataclass(frozen=True)
class Choices:
    """What can be chosen of one thing."""

    label: str
    choices: Sequence[Choice]


@dataclass(frozen=True)
class Row:
    """One word, in words."""

    label: str
    address: str  #: the same question with a closer look at this word
    list: str  #: the list of what was counted under it; empty where there is none
    is_unknown: bool  #: the repositories of which nothing is known
    repositories: int
    now: int
    before: int | None
    figure: str
    share: str
    difference: str
    between: str
    way: str
    says: str  #: the way in a word
    told: str  #: all of it as a sentence
    line: Line | None


@dataclass(frozen=True)
class Closer:
    """A closer look at one word: its line, and which repositories drive it."""

    row: Row
    large: Line | None
    first: str
    last: str
    leaders: Sequence["Led"]
    without: str  #: the page without the closer look


@dataclass(frozen=True)
class Led:
    """A repository that drives a word."""

    leader: Leader
    line: Line | None
    told: str


@dataclass(frozen=True)
class TrendsPage:
    """Which kinds of repository rise and fall."""

    title: str
    area: str
    asked: Question
    choices: Sequence[Choices]
    questions: Sequence[Place]  #: some that readers have
    unit: str
    by: str  #: the dimension in a word
    many: bool  #: whether one repository may count under several words
    counted_at: datetime | None
    days_since: str  #: the first day whose downloads are known by day, where that matters
    span: str  #: what is shown
    compared: str  #: what is compared with what, as a sentence; empty: too little is known
    is_so_far: bool
    rising: Sequence[Row]
    falling: Sequence[Row]
    steady: int  #: how many other words were compared
    plots: Sequence[Row]
    rows: Sequence[Row]
    all: Row
    more: int  #: words without a row
    columns: Sequence[str]  #: words of the table by stretch
    stretches: Sequence[tuple[str, Sequence[str]]]  #: its rows: the stretch, and a figure a word
    closer: Closer | None
    exports: Sequence[Place]


@router.get("/trends")
@door(PUBLIC)
def trends(ask: Ask) -> Response:
    asked = rules.question(ask.request.query_params)
    told = telling.tell(ask.db, asked)
    dimension = dimensions.of(asked.kind)[asked.by]
    rising, falling = told.rising, told.falling
    shown = told.words[:COLUMNS]
    lacks_days = asked.measure == "downloads" and asked.grain != "month" and told.days_since is not None
    page = TrendsPage(
        title="Trends",
        area="trends",
        asked=asked,
        choices=_choices(asked),
        questions=QUESTIONS,
        unit=(wording.OF_ALL if asked.is_share else wording.UNITS)[asked.measure],
        by=dimension.label,
        many=dimension.many,
        counted_at=told.counted_at,
        days_since=wording.day(told.days_since) if lacks_days and told.days_since else "",
        span=wording.span(asked.grain, told.stretches.shown),
        compared=wording.compared(asked, told.stretches),
        is_so_far=told.stretches.is_so_far,
        rising=[_row(told, asked, word, drawing.SPARK) for word in rising[:MOVING]],
        falling=[_row(told, asked, word, drawing.SPARK) for word in falling[:MOVING]],
        steady=len([word for word in told.words if word.change]) - len(rising) - len(falling),
        plots=[_row(told, asked, word, drawing.MULTIPLE) for word in told.words[:PLOTS] if word.repositories],
        rows=[_row(told, asked, word, drawing.SPARK) for word in told.words[:ROWS]],
        all=_all(told, asked),
        more=max(0, len(told.words) - ROWS) + told.others,
        columns=[word.label for word in shown],
        stretches=_stretches(told, shown),
        closer=_closer(ask, told, asked),
        exports=[Place("CSV", asked.address("/api/trends.csv")), Place("JSON", asked.address("/api/trends"))],
    )
    return render(ask.request, page, blocks={"trends"})


def _choices(asked: Question) -> Sequence[Choices]:
    def one(label: str, name: str, words: Sequence[tuple[object, str]]) -> Choices:
        changed = [(said, asked.but(**{name: value}), value) for value, said in words]
        return Choices(
            label, [Choice(said, to.address(), getattr(asked, name) == value) for said, to, value in changed]
        )

    measures = [(name, said) for name, said in rules.MEASURES.items() if asked.kind != "space" or name != "downloads"]
    grains = [(name, rules.GRAINS[name]) for name in rules.GRAINS if name in rules.STRETCHES[asked.span]]
    return [
        one("Of", "kind", list(wording.KINDS.items())),
        one("By", "by", [(name, dimension.label) for name, dimension in dimensions.of(asked.kind).items()]),
        one("Measured in", "measure", measures),
        one("As", "is_share", [(True, "Share of all"), (False, "Number")]),
        one("Over", "span", list(rules.SPANS.items())),
        one("Each", "grain", grains),
    ]


#: Questions that readers have, with the addresses that answer them.
QUESTIONS = (
    Place("Which licences do new models have?", Question(by="licence", measure="new").address()),
    Place("Are small models rising?", Question(by="size", span="1y", grain="month").address()),
    Place("Which formats do people download?", Question(by="format", span="3m", grain="week").address()),
    Place("What are new data sets for?", Question(kind="dataset", measure="new", span="1y", grain="month").address()),
)


def _row(told: Told, asked: Question, word: Word, box: tuple[float, float, float]) -> Row:
    return Row(
        label=word.label,
        address=asked.but(word=word.word).address() + "#closer",
        list=leaders.list_address(asked.kind, asked.by, word.word),
        is_unknown=not word.word,
        repositories=word.repositories,
        now=word.now,
        before=word.before,
        figure=wording.figure(asked, word),
        share=wording.percent(word.share),
        difference=wording.difference(asked, word),
        between=wording.between(word.change),
        way=word.way,
        says=wording.WAYS[word.way] if word.change else "",
        told=wording.told(asked, word, told.stretches),
        line=drawing.line(told.values(word), box),
    )


def _all(told: Told, asked: Question) -> Row:
    """The whole kind, whose share of itself would say nothing."""
    plain = asked.but(is_share=False)
    return _row(replace(told, asked=plain), plain, told.all, drawing.SPARK)


def _stretches(told: Told, shown: Sequence[Word]) -> Sequence[tuple[str, Sequence[str]]]:
    """The newest first."""
    columns = [told.values(word) for word in shown]
    return [
        (wording.stretch(told.asked.grain, at), [wording.value(told.asked, column[place]) for column in columns])
        for place, at in reversed(list(enumerate(told.stretches.shown)))
    ]


def _closer(ask: Ask, told: Told, asked: Question) -> Closer | None:
    word = next((one for one in told.words if one.word == asked.word), None)
    if word is None:
        return None
    led, unit = leaders.of(ask.db, told, word.word), wording.UNITS[asked.measure]
    return Closer(
        row=_row(told, asked, word, drawing.MULTIPLE),
        large=drawing.line(told.values(word), drawing.LARGE),
        first=wording.stretch(asked.grain, told.stretches.shown[0]),
        last=wording.stretch(asked.grain, told.stretches.shown[-1]),
        leaders=[Led(one, drawing.line(one.numbers, drawing.SPARK), f"{one.path}: {one.now:,} {unit}") for one in led],
        without=asked.but(word=None).address(),
    )
