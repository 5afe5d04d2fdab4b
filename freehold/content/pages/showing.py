"""One file as its page shows it: the view that its kind has first, or the one that was asked for.

Whatever the bytes are, so much of them is read and no more; what cannot be shown says so and offers the download.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from freehold.content.pages import shared
from freehold.content.queries import FileAt
from freehold.content.service import downloads
from freehold.content.viewers import json_trees, kinds, notebooks, tables, texts
from freehold.content.viewers.json_trees import Node, NoTree
from freehold.content.viewers.notebooks import NoNotebook, Output
from freehold.content.viewers.tables import NoTable, Table
from freehold.content.viewers.texts import Lines, Text
from freehold.core.http import Ask
from freehold.core.lru import Lru
from freehold.web import figures, markdown
from freehold.web.highlighting import highlight
from freehold.web.slots import Slots

#: So much of a text is read for its lines, of a table for its rows; trees, notebooks and Markdown are read whole.
TEXT_BYTES, TABLE_BYTES, WHOLE_BYTES, NOTEBOOK_BYTES = 512 << 10, 1 << 20, 512 << 10, 4 << 20
#: git gives a file only whole: a longer one is not taken into memory to show its beginning.
MAX_IN_GIT_BYTES = 10 << 20
MAX_PICTURE_BYTES = 32 << 20
#: How long colours of one notebook may take; later cells stay plain.
COLOURS_S = 2.0
#: Of coloured text, for all pages of a process.
KEPT_CHARACTERS = 6 << 20
FIRST_BYTES = 256

_coloured: Lru[tuple[str, ...], Sequence[str | None]] = Lru(
    KEPT_CHARACTERS, lambda parts: sum(len(p or "") for p in parts)
)
_words: Lru[tuple[str, str], markdown.Rendered] = Lru(KEPT_CHARACTERS, lambda found: len(found.html) + 1)


@dataclass(frozen=True)
class Tab:
    """Another view of the same file."""

    label: str
    address: str
    is_current: bool


@dataclass(frozen=True)
class ShownCell:
    """A cell of a notebook. ``html`` is safe: Markdown rendered, or code in colours; empty: ``source`` is shown."""

    kind: str
    number: str
    html: str
    source: str
    outputs: Sequence[Output]


@dataclass(frozen=True)
class Shown:
    """What of a file is shown. ``view`` says which of the fields below is given."""

    view: str
    remark: str = ""  #: what of it is shown, or why it is not
    html: str = ""  #: ``explored`` by a room above, or ``markdown``: safe
    lines: Lines | None = None  #: ``source``
    table: Table | None = None
    node: Node | None = None  #: ``tree``
    cells: Sequence[ShownCell] = ()  #: ``notebook``
    address: str = ""  #: of the bytes of a ``picture``, ``sound``, ``film`` or ``document``
    first_bytes: Sequence[tuple[str, str, str]] = ()  #: ``nothing``: place, hexadecimal and characters of a few rows
    is_text: bool = False  #: whether it can be changed by hand


def show(ask: Ask, file: FileAt, wanted: str) -> tuple[Shown, Sequence[Tab]]:
    """The view ``wanted`` of ``file``, or its first one, and the tabs that lead to the others."""
    if explored := _explored(ask, file):
        return Shown("explored", html=explored), ()
    if file.entry.pointer is not None and file.content is None:
        return Shown(
            "nothing", "The bytes of this file are not on this hub: git has a pointer to them, and no more."
        ), ()
    views = _views(file.ending)
    view = wanted if wanted in views else next(iter(views))
    shown = views[view][1](ask, file)
    if shown.view == "nothing":
        return shown, ()
    root = shared.address(file.repo, "blob", file.revision, file.entry.path)
    first = next(iter(views))
    tabs = [
        Tab(label, root if name == first else f"{root}?view={name}", name == view) for name, (label, _) in views.items()
    ]
    return shown, tabs if len(tabs) > 1 else ()


def _explored(ask: Ask, file: FileAt) -> str:
    """The first thing that a room above makes of the file."""
    slots: Slots = ask.request.app.state.slots
    return next((view for fill in slots.file_views if (view := fill(ask, file))), "")


_Views = dict[str, tuple[str, Callable[[Ask, FileAt], Shown]]]


def _views(ending: str) -> _Views:
    """The views that a file of this ending has, the one shown first first."""
    source: _Views = {"source": ("Source", _source)}
    if ending == "svg":
        return {"picture": ("Picture", _picture), **source}
    if ending in kinds.PICTURES:
        return {"picture": ("Picture", _picture)}
    if ending in kinds.SOUNDS or ending in kinds.FILMS:
        return {"played": ("Played", _played)}
    if ending == "pdf":
        return {"document": ("Document", _document)}
    if ending in kinds.MARKDOWN:
        return {"rendered": ("Rendered", _markdown), **source}
    if ending == "ipynb":
        return {"notebook": ("Notebook", _notebook), **source}
    if ending in kinds.TABLES or ending in kinds.JSON_LINES:
        return {"table": ("Table", _table), **source}
    if ending in kinds.JSON:
        return {**source, "tree": ("Tree", _tree)}
    return source


# ---- bytes ----------------------------------------------------------------------------------------------------------


def _read(ask: Ask, file: FileAt, limit_bytes: int) -> tuple[bytes, bool]:
    """The file's first bytes, and whether they are all of it."""
    size = file.entry.true_size_bytes
    body = downloads.opened(ask.kit, ask.db, file)
    return b"".join(body.pieces(0, min(size, limit_bytes))) if size else b"", size <= limit_bytes


def _is_out_of_reach(file: FileAt) -> bool:
    return file.entry.pointer is None and file.entry.size_bytes > MAX_IN_GIT_BYTES


def _whole_text(ask: Ask, file: FileAt, limit_bytes: int) -> Text | None:
    """All of the file; None where it is too long, or no text."""
    if file.entry.true_size_bytes > limit_bytes:
        return None
    return texts.decoded(_read(ask, file, limit_bytes)[0], is_whole=True)


def _bytes_at(file: FileAt) -> str:
    return shared.address(file.repo, "resolve", file.revision, file.entry.path)


# ---- text -----------------------------------------------------------------------------------------------------------


def _source(ask: Ask, file: FileAt, remark: str = "") -> Shown:
    if _is_out_of_reach(file):
        return Shown("nothing", "This file is too long to be shown here; download it to look inside.")
    data, is_whole = _read(ask, file, TEXT_BYTES)
    text = texts.decoded(data, is_whole=is_whole)
    if text is None:
        return _nothing(file, data)
    lines = texts.cut(text, is_whole=is_whole)
    plain = "\n".join(line.text for line in lines.lines)
    (html,) = _colours(file, [plain], lambda code: highlight(code, file_name=file.entry.path))
    told = " ".join(part for part in (remark, _how_much(file, lines), lines.remark) if part)
    return Shown("source", told, lines=texts.coloured(lines, html), is_text=True)


def _how_much(file: FileAt, lines: Lines) -> str:
    size, shown = figures.size(file.entry.true_size_bytes), len(lines.lines)
    if lines.total is None:
        return f"The first {figures.plural(shown, 'line')} of a file of {size}; download it for the rest."
    if lines.total > shown:
        return f"The first {shown:,} of {lines.total:,} lines; download the file for the rest."
    return ""


def _colours(
    file: FileAt, parts: Sequence[str], paint: Callable[[str], str | None], sort: str = ""
) -> Sequence[str | None]:
    """Each of ``parts`` in colours, or None; kept by the file's own id, so that the next reader waits for nothing."""
    key = (file.entry.oid, file.ending, sort)
    known = _coloured.get(key)
    if known is not None and len(known) == len(parts):
        return known
    until = time.monotonic() + COLOURS_S
    painted = [paint(part) if time.monotonic() < until else None for part in parts]
    if any(painted):
        _coloured.put(key, painted)
    return painted


def _nothing(file: FileAt, data: bytes) -> Shown:
    rows = [data[at : at + 16] for at in range(0, min(len(data), FIRST_BYTES), 16)]
    first = [(f"{16 * number:04x}", row.hex(" "), _characters(row)) for number, row in enumerate(rows)]
    return Shown("nothing", f"This is {kinds.words(file.ending)}; download it to look inside.", first_bytes=first)


def _characters(row: bytes) -> str:
    return "".join(chr(byte) if 32 <= byte < 127 else "·" for byte in row)


# ---- views of text --------------------------------------------------------------------------------------------------


def _markdown(ask: Ask, file: FileAt) -> Shown:
    text = _whole_text(ask, file, WHOLE_BYTES)
    if text is None:
        return _source(ask, file)
    return Shown("markdown", _cut_remark(found := page_of_words(file, text.text)), html=found.html, is_text=True)


def page_of_words(file: FileAt, text: str) -> markdown.Rendered:
    """All of a Markdown file as HTML; kept, since a long one takes as long as everything else of its page."""
    key = (shared.address(file.repo, "blob", file.revision, file.entry.path), file.entry.oid)
    return _words.of(key, lambda: rendered(file, text))


def rendered(file: FileAt, text: str) -> markdown.Rendered:
    """A Markdown file as HTML, without the front matter that is for programs; its links lead to where they are here."""
    links = markdown.Links(
        page_root=shared.address(file.repo, "blob", file.revision) + "/",
        file_root=shared.address(file.repo, "resolve", file.revision) + "/",
        folder=f"{PurePosixPath(file.entry.path).parent}/".removeprefix("./"),
    )
    return markdown.render(_without_front_matter(text), links)


def _without_front_matter(text: str) -> str:
    if not text.startswith("---\n"):
        return text
    end = text.find("\n---\n", 3)
    return text[end + 5 :] if end >= 0 else text


def _cut_remark(found: markdown.Rendered) -> str:
    return "The text goes on; its source has the rest." if found.is_cut else ""


def _table(ask: Ask, file: FileAt) -> Shown:
    if _is_out_of_reach(file):
        return _source(ask, file)
    data, is_whole = _read(ask, file, TABLE_BYTES)
    text = texts.decoded(data, is_whole=is_whole)
    if text is None:
        return _nothing(file, data)
    try:
        if file.ending in kinds.JSON_LINES:
            table = tables.json_lines(text.text, is_whole=is_whole)
        else:
            table = tables.separated(text.text, kinds.TABLES[file.ending], is_whole=is_whole)
    except NoTable as err:
        return _source(ask, file, str(err))
    told = figures.plural(len(table.rows), "row")
    if table.has_more_rows:
        told = f"The first {told} of a file of {figures.size(file.entry.true_size_bytes)}"
    if table.more_columns:
        told += f", and {table.more_columns:,} more columns to the right"
    return Shown("table", f"{told}. {text.remark}".strip(), table=table, is_text=True)


def _tree(ask: Ask, file: FileAt) -> Shown:
    text = _whole_text(ask, file, WHOLE_BYTES)
    if text is None:
        return _source(ask, file, "It is too long for a tree." if file.entry.true_size_bytes > WHOLE_BYTES else "")
    try:
        return Shown("tree", node=json_trees.tree(text.text), is_text=True)
    except NoTree as err:
        return _source(ask, file, str(err))


def _notebook(ask: Ask, file: FileAt) -> Shown:
    text = _whole_text(ask, file, NOTEBOOK_BYTES)
    if text is None:
        return _source(ask, file, "It is too long to be shown as a notebook.")
    try:
        notebook = notebooks.read(text.text)
    except NoNotebook as err:
        return _source(ask, file, str(err))
    code = [cell.source for cell in notebook.cells if cell.kind == "code"]
    painted = iter(_colours(file, code, lambda source: highlight(source, language=notebook.language), "notebook"))
    cells, left = [], markdown.MAX_CHARACTERS
    for cell in notebook.cells:
        html = ""
        if cell.kind == "code":
            html = next(painted) or ""
        elif cell.kind == "markdown" and left > 0:
            html, left = rendered(file, cell.source[:left]).html, left - len(cell.source)
        cells.append(ShownCell(cell.kind, cell.number, html, cell.source, cell.outputs))
    told = f"{notebook.left_out:,} more cells are not shown." if notebook.left_out else ""
    return Shown("notebook", told, cells=cells, is_text=True)


# ---- what browsers show themselves ----------------------------------------------------------------------------------


def _picture(ask: Ask, file: FileAt) -> Shown:
    if file.entry.true_size_bytes > MAX_PICTURE_BYTES:
        return Shown("nothing", "This picture is too large to be shown here; download it to see it.")
    return Shown("picture", address=_bytes_at(file), is_text=file.ending == "svg")


def _played(ask: Ask, file: FileAt) -> Shown:
    return Shown("sound" if file.ending in kinds.SOUNDS else "film", address=_bytes_at(file))


def _document(ask: Ask, file: FileAt) -> Shown:
    return Shown("document", address=_bytes_at(file))
