"""The questions that a list can be narrowed by, each declared once: filters, counts, pages and the API read this.

A new question is one entry of :data:`QUESTIONS` and a column to read. What an address answers: ``answers``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from sqlalchemy import Text, and_, case, cast, exists, func, select

from freehold.accounts.tables import Account
from freehold.cards import vocabulary
from freehold.cards.openness.material import DIMENSIONS
from freehold.cards.tables import EvalResult, RepoCard, RepoFacts, RepoOpenness, RepoVerdict
from freehold.discover import machines
from freehold.discover.answers import UNKNOWN
from freehold.repos import licences
from freehold.repos.tables import Repo

#: What most lists know of a question whose answer nothing tells.
NOT_KNOWN = "Unknown"


@dataclass(frozen=True)
class Tags:
    """Answers are tags (``repo_tags``): some ``words`` of models, and what others put behind ``prefix``.

    Either may be missing. Chosen with the client's ``filter``. ``names`` say what a word means, and its order where
    ``is_ordered``.
    """

    words: frozenset[str] = frozenset()
    prefix: str = ""
    names: Mapping[str, str] = field(default_factory=dict)
    is_ordered: bool = False


@dataclass(frozen=True)
class Words:
    """One word of a repository, in ``column`` of ``table``, or several where that is a JSON list of them.

    ``names``: the words there are, in order; empty: whatever is there, the most frequent first. ``unknown``: what a
    null is called; empty: nobody asks for it. ``is_of_reader``: it is true of some repositories besides, which depends
    on who asks (``answering``); it has one word then.
    """

    table: type[Any]
    column: Any
    names: Mapping[str, str] = field(default_factory=dict)
    unknown: str = ""
    is_list: bool = False
    is_of_reader: bool = False


@dataclass(frozen=True)
class Range:
    """A number or a moment in ``column`` of ``table``, between bounds. ``classes``: bounds as addresses write them.

    ``unit``: how bounds are written: counts (6B), tokens (32K), bytes (4GB), days (2026-01-31, 30d, year) or the name
    of a machine, whose room is the upper bound. ``unknown``: what a null is called; empty: nobody asks for it.
    """

    table: type[Any]
    column: Any
    unit: Literal["count", "tokens", "bytes", "day", "machine"]
    classes: Mapping[str, str]
    unknown: str = ""


@dataclass(frozen=True)
class Question:
    """``name`` is the parameter of addresses (all :class:`Tags` share ``filter``), ``about`` says what it asks.

    ``is_open``: its answers stand on a list's page from the start; the others wait until somebody asks for them.
    Questions of one ``group`` wait under its name there, each called ``short``.
    """

    name: str
    label: str
    kinds: frozenset[str]
    value: Tags | Words | Range
    about: str
    is_open: bool = False
    group: str = ""
    short: str = ""

    @property
    def parameter(self) -> str:
        return "filter" if isinstance(self.value, Tags) else self.name

    @property
    def kept(self) -> Words | Range:
        """Its value, of a question that has a parameter of its own."""
        assert not isinstance(self.value, Tags), f"{self.name} is answered by tags"
        return self.value


def _families() -> tuple[Mapping[str, str], Any]:
    """Families of licences by their words, and the one that a card's licence belongs to; null: none is stated."""
    names = {"permissive": "Permissive", "open-weights": "Open weights and responsible use"}
    names |= {"creative-commons": "Creative Commons", "data": "For data", "copyleft": "Copyleft", "other": "Others"}
    words = {label: word for word, label in names.items()}
    rules = [(RepoCard.license.in_(list(ids)), words[group]) for group, ids in licences.GROUPS.items()]
    return names, case(*rules, (RepoCard.license.is_not(None), "other"))


_ALL = frozenset({"model", "dataset", "space", "kernel"})
_MODEL, _DATASET, _SPACE = frozenset({"model"}), frozenset({"dataset"}), frozenset({"space"})
_FILES = _MODEL | _DATASET
_SDKS = frozenset({"gradio", "streamlit", "docker", "static"})
_FAMILIES, _FAMILY = _families()
_PICKLED = case((RepoFacts.has_pickle, "yes"), (cast(RepoFacts.formats, Text) != "[]", "no"))
#: Who may know of such a model may call it. Others answer only some of those, which :mod:`answering` tells.
ANSWERS_ALL = and_(Repo.is_served, Repo.gated == "", Repo.is_disabled.is_(False))
_EVALUATED = case((exists(select(EvalResult.repo_id).where(EvalResult.repo_id == Repo.id)), "yes"), else_="no")
_SIZES = {
    "max:100M": "up to 100 M",
    "min:100M,max:1B": "100 M to 1 B",
    "min:1B,max:4B": "1 to 4 B",
    "min:4B,max:10B": "4 to 10 B",
    "min:10B,max:40B": "10 to 40 B",
    "min:40B": "40 B and more",
}
_CONTEXTS = {
    "min:2K": "2 k or more",
    "min:8K": "8 k or more",
    "min:32K": "32 k or more",
    "min:128K": "128 k or more",
    "min:1M": "1 M or more",
}
_BYTES = {
    "max:100MB": "up to 100 MB",
    "min:100MB,max:1GB": "100 MB to 1 GB",
    "min:1GB,max:10GB": "1 to 10 GB",
    "min:10GB,max:100GB": "10 to 100 GB",
    "min:100GB": "100 GB and more",
}
_MEMORY = {
    "max:1GB": "up to 1 GB",
    "min:1GB,max:6GB": "1 to 6 GB",
    "min:6GB,max:20GB": "6 to 20 GB",
    "min:20GB,max:80GB": "20 to 80 GB",
    "min:80GB": "80 GB and more",
}
_ROWS = {
    "max:1K": "up to 1 k",
    "min:1K,max:100K": "1 to 100 k",
    "min:100K,max:1M": "100 k to 1 M",
    "min:1M,max:100M": "1 to 100 M",
    "min:100M": "100 M and more",
}
_SINCE = {"7d": "Last 7 days", "30d": "Last 30 days", "90d": "Last 90 days", "year": "This year"}

_VALUES = {"open": "Open", "partly": "Partly", "closed": "Closed"}
_OPENED = {"min:2": "2 or more are open", "min:3": "3 or more", "min:4": "4 or more", "min:5": "5 or more"}


def _openness() -> tuple[Question, ...]:
    """One question for each dimension: what is asked of several has to hold of all of them."""
    kinds = {name: frozenset(kind for kind in DIMENSIONS if name in DIMENSIONS[kind]) for name in DIMENSIONS["model"]}
    return tuple(
        Question(
            f"open_{name}",
            f"Openness: {name}",
            kinds[name],
            Words(RepoOpenness, func.nullif(getattr(RepoOpenness, name), UNKNOWN), _VALUES, NOT_KNOWN),
            f"Whether its {name} is open, partly open, closed, or nothing tells (/-/openness).",
            group="Openness",
            short=name.capitalize(),
        )
        for name in kinds
    )


#: In the order of pages. A tag belongs to the first question that takes it.
QUESTIONS: tuple[Question, ...] = (
    Question(
        "task",
        "Task",
        _FILES,
        Tags(frozenset(vocabulary.TASKS), "task_categories:", vocabulary.TASKS),
        "What it is for.",
        is_open=True,
    ),
    Question(
        "inference",
        "On this hub",
        _MODEL,
        Words(Repo, case((ANSWERS_ALL, "warm")), {"warm": "Answers here"}, is_of_reader=True),
        "Whether it is deployed here, and answers whoever asks: ``warm``, as the official client says it.",
        is_open=True,
    ),
    Question(
        "num_parameters",
        "Parameters",
        _MODEL,
        Range(RepoFacts, RepoFacts.parameters, "count", _SIZES, NOT_KNOWN),
        "How many parameters its files hold.",
        is_open=True,
    ),
    Question(
        "size_categories",
        "Rows",
        _DATASET,
        Tags(prefix="size_categories:", names=vocabulary.SIZES, is_ordered=True),
        "How many rows it has, as its card says.",
        is_open=True,
    ),
    Question(
        "commercial",
        "Commercial use",
        _FILES,
        Words(
            RepoVerdict,
            RepoVerdict.answer,
            {"yes": "Yes", "conditions": "With conditions", "unresolved": "Unresolved", "no": "No"},
        ),
        "May one use it commercially, by its licence and the licences of what it was made from.",
        is_open=True,
    ),
    Question(
        "fits",
        "Fits on",
        _MODEL,
        Range(RepoFacts, RepoFacts.needed_bytes, "machine", machines.BUILT_IN),
        "A machine that it fits on, for one user and 4,096 tokens: cpu-16 has 16 GB, gpu-24x2 two cards of 24 GB.",
        is_open=True,
    ),
    Question(
        "memory",
        "Memory",
        _MODEL,
        Range(RepoFacts, RepoFacts.needed_bytes, "bytes", _MEMORY, NOT_KNOWN),
        "What its smallest way to load takes in memory, with a margin, for one user and 4,096 tokens.",
    ),
    Question(
        "context_length",
        "Context",
        _MODEL,
        Range(RepoFacts, RepoFacts.context_length, "tokens", _CONTEXTS, NOT_KNOWN),
        "How many tokens it takes.",
        is_open=True,
    ),
    Question("sdk", "Runs with", _SPACE, Tags(_SDKS), "What runs it.", is_open=True),
    Question(
        "format",
        "Format",
        _FILES,
        Tags(vocabulary.WEIGHT_FORMATS, "format:"),
        "How its weights or its data are written.",
        is_open=True,
    ),
    Question(
        "library",
        "Library",
        _MODEL,
        Tags(vocabulary.LIBRARIES - vocabulary.WEIGHT_FORMATS),
        "What loads it.",
    ),
    Question("modality", "Modality", _DATASET, Tags(prefix="modality:"), "What its data are of."),
    Question(
        "license",
        "Licence",
        _ALL,
        Tags(prefix="license:"),
        "The licence that its card states.",
    ),
    Question(
        "license_family",
        "Licence family",
        _ALL,
        Words(RepoCard, _FAMILY, _FAMILIES, "Not stated"),
        "What kind of licence its card states.",
    ),
    Question(
        "language",
        "Language",
        _FILES,
        Tags(vocabulary.LANGUAGE_CODES, "language:", vocabulary.LANGUAGES),
        "A language that it is for.",
    ),
    Question(
        "active_parameters",
        "Active parameters",
        _MODEL,
        Range(RepoFacts, RepoFacts.active_parameters, "count", _SIZES, NOT_KNOWN),
        "How many parameters work on each token: fewer than all in a mixture of experts.",
    ),
    Question(
        "quantisation",
        "Quantisation",
        _MODEL,
        Words(RepoFacts, RepoFacts.quantisations, is_list=True),
        "How its weights are quantised, by its files.",
    ),
    Question(
        "dtype",
        "Number type",
        _MODEL,
        Words(RepoFacts, RepoFacts.dtype, unknown=NOT_KNOWN),
        "The type that most of its parameters have.",
    ),
    Question(
        "architecture",
        "Architecture",
        _MODEL,
        Words(RepoFacts, RepoFacts.architecture, unknown=NOT_KNOWN),
        "The class or the architecture that its files name.",
    ),
    Question(
        "tokenizer",
        "Tokenizer",
        _MODEL,
        Words(RepoFacts, RepoFacts.tokenizer, unknown=NOT_KNOWN),
        "What cuts its text into tokens.",
    ),
    Question(
        "rows",
        "Rows counted",
        _DATASET,
        Range(RepoFacts, RepoFacts.rows, "count", _ROWS, NOT_KNOWN),
        "How many rows its files hold, where their headers tell.",
    ),
    Question(
        "size",
        "Size",
        _ALL,
        Range(RepoFacts, RepoFacts.size_bytes, "bytes", _BYTES),
        "How many bytes its files have.",
    ),
    Question(
        "publisher",
        "Published by",
        _ALL,
        Words(Account, Account.kind, {"org": "Organisations", "user": "People"}),
        "Whether an organisation or a person publishes it.",
    ),
    Question(
        "evaluated",
        "Evaluation",
        _MODEL,
        Words(Repo, _EVALUATED, {"yes": "With results", "no": "Without"}),
        "Whether it holds results of evaluations.",
    ),
    Question(
        "pickles",
        "Pickled files",
        _FILES,
        Words(RepoFacts, _PICKLED, {"no": "None", "yes": "Some, which could run code"}, NOT_KNOWN),
        "Whether files are pickles, which can run code when they are loaded. No file is scanned for what it would do.",
    ),
    Question(
        "openness",
        "Openness",
        _FILES,
        Range(RepoOpenness, RepoOpenness.opened, "count", _OPENED),
        "How many of its dimensions are open: six of a model, four of a data set. Which ones is asked one by one.",
        group="Openness",
        short="How many are open",
    ),
    *_openness(),
    Question(
        "gated",
        "Access",
        _FILES,
        Words(Repo, case((Repo.gated != "", "true"), else_="false"), {"false": "Open to all", "true": "On request"}),
        "Whether its files are there on request.",
    ),
    Question("created", "Created", _ALL, Range(Repo, Repo.created_at, "day", _SINCE), "When it was made here."),
    Question("updated", "Changed", _ALL, Range(Repo, Repo.updated_at, "day", _SINCE), "When it was last changed."),
)
#: Those with a parameter of their own.
BY_NAME: Mapping[str, Question] = {one.name: one for one in QUESTIONS if not isinstance(one.value, Tags)}
#: What lists are sorted by, and where it stands. A null is unknown, and comes last in both directions.
ORDERS: Mapping[str, tuple[type[Any], Any]] = {
    "updated_at": (Repo, Repo.updated_at),
    "created_at": (Repo, Repo.created_at),
    "trend": (Repo, Repo.trend),
    "downloads": (Repo, Repo.downloads),
    "likes": (Repo, Repo.likes),
    "size_bytes": (RepoFacts, RepoFacts.size_bytes),
    "parameters": (RepoFacts, RepoFacts.parameters),
    "context_length": (RepoFacts, RepoFacts.context_length),
}


def asked_of(kind: str) -> tuple[Question, ...]:
    """The questions of lists of ``kind``, in order."""
    return tuple(one for one in QUESTIONS if kind in one.kinds)


def words_of(name: str) -> Mapping[str, str]:
    """What the words or the classes of a question mean, in their order."""
    value = BY_NAME[name].kept
    return value.classes if isinstance(value, Range) else value.names
