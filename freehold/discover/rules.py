"""Listing in words: what may be expanded, filtered and sorted, and how a page ends. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from starlette.datastructures import QueryParams

from freehold.cards import vocabulary
from freehold.core.errors import BadRequest
from freehold.core.http import int_between
from freehold.core.paging import Cursor, decode
from freehold.discover import answers, questions
from freehold.discover.answers import Answer
from freehold.discover.errors import BadExpand
from freehold.discover.machines import Choice
from freehold.discover.questions import Question, Range
from freehold.wordkit.rules import MAX_ASKED_CHARS

_MODEL = """
    author baseModels cardData childrenModelCount config createdAt disabled downloads downloadsAllTime evalResults gated
    gguf inference inferenceProviderMapping lastModified library_name likes mask_token model-index pipeline_tag private
    resourceGroup safetensors sha siblings spaces tags transformersInfo trendingScore usedStorage widgetData
"""
_DATASET = """
    author cardData citation createdAt description disabled downloads downloadsAllTime gated lastModified likes mainSize
    paperswithcode_id private resourceGroup sha siblings tags trendingScore usedStorage
"""
_SPACE = """
    author cardData createdAt datasets disabled lastModified likes models private region resourceGroup runtime sdk sha
    siblings subdomain tags trendingScore usedStorage
"""
_KERNEL = "author createdAt downloads gated lastModified likes private sha tags usedStorage"
#: Properties a client may ask for, by kind. Source: protocol/hub-api.md 1.5.
EXPAND: dict[str, tuple[str, ...]] = {
    "model": tuple(_MODEL.split()),
    "dataset": tuple(_DATASET.split()),
    "space": tuple(_SPACE.split()),
    "kernel": tuple(_KERNEL.split()),
}
#: Asked for by clients before 1.0 (``upload_large_folder``), and no longer named to anyone.
FORMER = ("xetEnabled",)
#: Sort words and what they sort by (``questions.ORDERS``); any other word sorts by the time of the last change.
#: Source: hub-api.md 4; sizes are this hub's own.
SORTS = {
    "createdAt": "created_at",
    "created_at": "created_at",
    "likes": "likes",
    "downloads": "downloads",
    "trendingScore": "trend",
    "trending_score": "trend",
    "trending": "trend",
    "lastModified": "updated_at",
    "last_modified": "updated_at",
    "size": "size_bytes",
    "num_parameters": "parameters",
    "context_length": "context_length",
}
MOMENTS = ("created_at", "updated_at")
#: What nothing may tell of a repository, so that a page can end among those.
FACTS = ("size_bytes", "parameters", "context_length")
PAGE = 100
MAX_PAGE = 1000
MAX_FILTERS = 30
#: Filters on things this hub does not have: nothing matches them, rather than everything.
NOTHING_MATCHES = ("models", "datasets", "linked", "trained_dataset")
NO_MACHINES: Mapping[str, Choice] = {}
#: What ``inference_provider`` says and means this hub: the clients' words for any, and for the one whose calls it
#: takes. What only others serve is not here.
PROVIDERS_HERE = frozenset({"all", "hf-inference"})
#: Apps that run GGUF files, as the ``apps`` filter names them.
GGUF_APPS = frozenset({"llama.cpp", "ollama", "lmstudio", "jan", "gpt4all", "llamafile"})


@dataclass(frozen=True)
class Listing:
    """What a list shows. ``tags`` must all be there; each is a group of spellings, of which one suffices.

    ``answers``: by the name of the question (``questions.BY_NAME``); all of them must hold.
    """

    kind: str
    search: str = ""
    text: str = ""  #: words of name, tags and card, as ``wordkit.rules.asked`` reads them
    author: str = ""
    tags: Sequence[Sequence[str]] = ()
    pipeline_tag: str = ""
    answers: Mapping[str, Answer] = field(default_factory=dict)
    sort: str = "updated_at"
    ascending: bool = False
    limit: int = PAGE
    cursor: Cursor | None = None
    is_empty: bool = False
    expand: tuple[str, ...] = field(default=())


def listing(kind: str, query: QueryParams, *, most: int = MAX_PAGE, own: Mapping[str, Choice] = NO_MACHINES) -> Listing:
    """A list as its address asks for it. ``own``: the reader's machines (``machines.of``)."""
    cursor, sort = query.get("cursor"), SORTS.get(query.get("sort") or "", "updated_at")
    apps = set(query.getlist("apps"))
    tags = tag_groups(kind, query.getlist("filter") + query.getlist("tags") + query.getlist("library"))
    author, search = query.get("author") or "", " ".join(query.getlist("search"))
    text = " ".join(query.getlist("text"))
    if "\x00" in author + search + text or any("\x00" in tag for group in tags for tag in group):
        raise BadRequest("A filter holds a NUL.")
    return Listing(
        kind=kind,
        search=search[:200].strip(),
        text=text[:MAX_ASKED_CHARS].strip(),
        author=author[:200],
        tags=tags + ([["gguf"]] if apps else []),
        pipeline_tag=query.get("pipeline_tag") or "",
        answers=answered(query, own),
        sort=sort,
        ascending=query.get("direction") == "1",
        limit=int_between(query, "limit", PAGE, 1, most),
        cursor=_cursor(cursor, sort) if cursor else None,
        is_empty=any(query.get(name) for name in NOTHING_MATCHES) or bool(apps - GGUF_APPS) or _is_elsewhere(query),
    )


def _is_elsewhere(query: QueryParams) -> bool:
    """Only other providers are asked for."""
    asked = _providers(query)
    return bool(asked) and not asked & PROVIDERS_HERE


def _providers(query: QueryParams) -> set[str]:
    return {word for text in query.getlist("inference_provider") for word in text.split(",") if word}


def _cursor(text: str, sort: str) -> Cursor:
    return decode(text, datetime if sort in MOMENTS else int, may_be_unknown=sort in FACTS)


def answered(query: QueryParams, own: Mapping[str, Choice] = NO_MACHINES) -> Mapping[str, Answer]:
    """What an address answers, by question. Raises ``BadRequest`` where it says what no answer is."""
    read = {question.name: _answer(question, query, own) for question in questions.BY_NAME.values()}
    return {name: answer for name, answer in read.items() if answer is not None}


def _answer(question: Question, query: QueryParams, own: Mapping[str, Choice]) -> Answer | None:
    """Fields of a form may name the ends of a range by themselves: ``size_min=1GB`` is ``size=min:1GB``."""
    name, value = question.name, question.kept
    parts = query.getlist(name)
    if isinstance(value, Range):
        ends = [(end, (query.get(f"{name}_{end}") or "").strip()) for end in ("min", "max")]
        parts += [f"{end}:{text}" for end, text in ends if text]
    if name == "inference" and not any(parts) and _providers(query) & PROVIDERS_HERE:
        parts = ["warm"]
    text = ",".join(part for part in parts if part)
    if not isinstance(value, Range):
        if name == "gated":  # clients say True, and 1
            text = {"1": "true", "0": "false"}.get(text, text.lower())
        return answers.words(name, text, value.names, may_be_unknown=bool(value.unknown))
    if value.unit == "machine":
        return answers.machine(name, text, own)
    return answers.bounds(name, text, value.unit, may_be_unknown=bool(value.unknown))


def space_search(text: str, query: QueryParams) -> Listing:
    """Spaces whose name holds ``text``, with every tag of ``filter`` and one of the ``sdk``."""
    sdks = [sdk for sdk in query.getlist("sdk") if sdk][:10]
    tags = tag_groups("space", query.getlist("filter")) + ([sdks] if sdks else [])
    if "\x00" in text:
        raise BadRequest("A search holds a NUL.")
    return Listing(kind="space", search=text[:200].strip(), tags=tags, limit=int_between(query, "limit", 50, 1, PAGE))


def asked_for(query: QueryParams) -> tuple[str, ...]:
    """The properties asked for, in both spellings of the key, whether they exist or not."""
    return tuple(dict.fromkeys(query.getlist("expand") + query.getlist("expand[]")))


def expand(kind: str, query: QueryParams) -> tuple[str, ...]:
    """The properties asked for; raises :class:`BadExpand` on one that does not exist."""
    asked = asked_for(query)
    known = EXPAND[kind]
    for number, name in enumerate(asked):
        if name not in known and name not in FORMER:
            choices = "|".join(f'"{value}"' for value in known)
            raise BadExpand(f"Invalid option: expected one of {choices} at expand[{number}]")
    return asked


def tag_groups(kind: str, values: Sequence[str]) -> list[list[str]]:
    """Filter values as groups of tags (hub-api.md 4): a comma parts them, a prefix may be implied in the index."""
    groups = []
    for value in (part.strip() for text in values for part in text.split(",")):
        if not value:
            continue
        prefix, _, rest = value.partition(":")
        group = [value]
        if prefix in ("language", "library") and rest:
            group.append(rest)
        elif kind == "dataset" and not rest:
            group += [f"{key}:{value}" for key in ("language", "task_categories", "license", "format")]
        groups.append(group)
    return groups[:MAX_FILTERS]


def wants(query: QueryParams, name: str) -> bool:
    return (query.get(name) or "").lower() in ("true", "1")


#: Tags of models that are languages. Three-letter codes are left out: as tags, most of those are words (ocr, rag, nlp).
LANGUAGES = vocabulary.LANGUAGE_CODES
TASKS, LIBRARIES = vocabulary.TASKS, vocabulary.LIBRARIES
ROW_COUNTS = vocabulary.SIZES
