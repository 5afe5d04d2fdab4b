"""Listing in words: what may be expanded, filtered and sorted, and how a page ends. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from starlette.datastructures import QueryParams

from freehold.cards import memory, vocabulary
from freehold.core.errors import BadRequest
from freehold.core.http import int_between
from freehold.core.paging import Cursor, decode
from freehold.discover import machines
from freehold.discover.errors import BadExpand
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
#: Sort words and their columns; any other word sorts by the time of the last change. Source: hub-api.md 4.
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
}
COUNTS = ("likes", "downloads", "trend")
PAGE = 100
MAX_PAGE = 1000
MAX_FILTERS = 30
#: May one use it commercially: verdicts and their words.
COMMERCIAL = {"yes": "Yes", "conditions": "With conditions", "unresolved": "Unresolved", "no": "No"}
#: Filters on things this hub does not have: nothing matches them, rather than everything.
NOTHING_MATCHES = ("inference", "inference_provider", "models", "datasets", "linked", "trained_dataset")
#: Apps that run GGUF files, as the ``apps`` filter names them.
GGUF_APPS = frozenset({"llama.cpp", "ollama", "lmstudio", "jan", "gpt4all", "llamafile"})


#: At least so many, at most so many; None: no bound. A model whose number is unknown lies within no bounds.
Bounds = tuple[int | None, int | None]


@dataclass(frozen=True)
class Listing:
    """What a list shows. ``tags`` must all be there; each is a group of spellings, of which one suffices."""

    kind: str
    search: str = ""
    text: str = ""  #: words of name, tags and card, as ``wordkit.rules.asked`` reads them
    author: str = ""
    tags: Sequence[Sequence[str]] = ()
    pipeline_tag: str = ""
    gated: bool | None = None
    sort: str = "updated_at"
    ascending: bool = False
    limit: int = PAGE
    cursor: Cursor | None = None
    is_empty: bool = False
    parameters: Bounds = (None, None)  #: at least and at most; both None: any, unknown included
    fits: int | None = None  #: bytes of memory that a model takes at most; one whose need is unknown does not
    commercial: Sequence[str] = ()  #: licence verdicts, of which one suffices; none: any, and none at all
    expand: tuple[str, ...] = field(default=())


def listing(kind: str, query: QueryParams, *, most: int = MAX_PAGE) -> Listing:
    """A list as its address asks for it."""
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
        gated=wants(query, "gated") if query.get("gated") else None,
        sort=sort,
        ascending=query.get("direction") == "1",
        limit=int_between(query, "limit", PAGE, 1, most),
        cursor=decode(cursor, int if sort in COUNTS else datetime) if cursor else None,
        is_empty=any(query.get(name) for name in NOTHING_MATCHES) or bool(apps - GGUF_APPS),
        parameters=parameters(query.get("num_parameters") or ""),
        fits=_room(query.get("fits") or ""),
        commercial=commercial(query.get("commercial") or ""),
    )


def _room(text: str) -> int | None:
    """What a machine (``cpu-16``, ``gpu-24x2``) has room for. Raises ``BadRequest`` for anything else."""
    machine = machines.parse(text)
    if machine is None and text:
        raise BadRequest(
            f"fits is a machine like cpu-16, gpu-24 or gpu-80x8, with its memory in GB; {text[:40]!r} is not."
        )
    return memory.room_for_lists(machine) if machine else None


_BOUND = re.compile(r"(min|max):(\d{1,15}(?:\.\d{1,6})?)([KMBT]?)")
_UNITS = {"": 1, "K": 10**3, "M": 10**6, "B": 10**9, "T": 10**12}


def parameters(text: str) -> Bounds:
    """``min:6B,max:128B`` as two numbers, either of which may be missing. Raises ``BadRequest`` for anything else."""
    bounds: dict[str, int] = {}
    for part in text.replace(" ", "").split(",") if text else ():
        found = _BOUND.fullmatch(part[:3] + part[3:].upper())
        if found is None:
            raise BadRequest(f"num_parameters is like min:6B,max:128B, with K, M, B or T; {part[:40]!r} is not.")
        bounds[found[1]] = min(int(float(found[2]) * _UNITS[found[3]]), 1 << 62)
    return bounds.get("min"), bounds.get("max")


def commercial(text: str) -> tuple[str, ...]:
    """``yes,conditions`` as licence verdicts; a question of this hub's own. Raises ``BadRequest`` for anything else."""
    words = tuple(dict.fromkeys(word for word in text.replace(" ", "").split(",") if word))
    for word in words:
        if word not in COMMERCIAL:
            raise BadRequest(f"commercial is one or more of {', '.join(COMMERCIAL)}; {word[:40]!r} is not.")
    return words


def space_search(text: str, query: QueryParams) -> Listing:
    """Spaces whose name holds ``text``, with every tag of ``filter`` and one of the ``sdk``."""
    sdks = [sdk for sdk in query.getlist("sdk") if sdk][:10]
    tags = tag_groups("space", query.getlist("filter")) + ([sdks] if sdks else [])
    if "\x00" in text:
        raise BadRequest("A search holds a NUL.")
    return Listing(kind="space", search=text[:200].strip(), tags=tags, limit=int_between(query, "limit", 50, 1, PAGE))


def expand(kind: str, query: QueryParams) -> tuple[str, ...]:
    """The properties asked for, in both spellings of the key; raises :class:`BadExpand` on one that does not exist."""
    asked = tuple(dict.fromkeys(query.getlist("expand") + query.getlist("expand[]")))
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


_CODES = """
    aa ab ae af ak am an ar as av ay az ba be bg bh bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de dv dz
    ee el en eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id ie ig ii ik
    io is it iu ja jv ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln lo lt lu lv mg mh mi mk ml
    mn mr ms mt my na nb nd ne ng nl nn no nr nv ny oc oj om or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd
    se sg si sk sl sm sn so sq sr ss st su sv sw ta te tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz ve vi
    vo wa wo xh yi yo za zh zu multilingual
"""
#: Tags of models that are languages. Three-letter codes are left out: as tags, most of those are words (ocr, rag, nlp).
LANGUAGES = frozenset(_CODES.split())
TASKS, LIBRARIES = vocabulary.TASKS, vocabulary.LIBRARIES
#: Libraries that are formats of weights, rather than what reads them.
FORMATS = frozenset({"safetensors", "gguf", "onnx", "pytorch", "tf", "jax", "tflite", "keras"})
ROW_COUNTS = vocabulary.SIZES
ROW_ORDER = {word: place for place, word in enumerate(ROW_COUNTS)}
#: Sizes of models by parameters: in words, and as ``num_parameters`` asks for them.
SIZE_CLASSES = {
    "max:100M": "up to 100 M",
    "min:100M,max:1B": "100 M to 1 B",
    "min:1B,max:4B": "1 to 4 B",
    "min:4B,max:10B": "4 to 10 B",
    "min:10B,max:40B": "10 to 40 B",
    "min:40B": "40 B and more",
}
