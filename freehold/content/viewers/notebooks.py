"""Jupyter notebooks as they were saved: cells and outputs, nothing run. Source: nbformat 4, "The notebook file format".

An output that is HTML or script is never shown: it was made to run in the page that shows it.
"""

import binascii
import json
import re
from base64 import b64decode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

MAX_CELLS = 200
MAX_OUTPUTS = 20  # of a cell
MAX_CHARACTERS = 20_000  # of a cell's source, or of one output
MAX_PICTURE_BYTES = 2 << 20
MAX_PICTURES_BYTES = 8 << 20  # of a notebook

_PICTURES = {"image/png": b"\x89PNG\r\n\x1a\n", "image/jpeg": b"\xff\xd8\xff"}
_COLOURS_OF_TERMINALS = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


@dataclass(frozen=True)
class Output:
    """What a cell gave: ``text``, a ``picture`` as an address that holds it, or what is ``withheld``, in words."""

    text: str = ""
    picture: str = ""
    withheld: str = ""
    is_error: bool = False


@dataclass(frozen=True)
class Cell:
    """``kind``: ``markdown``, ``code`` or ``raw``. ``number``: in which order a cell was run, or empty."""

    kind: str
    source: str
    number: str = ""
    outputs: Sequence[Output] = ()


@dataclass(frozen=True)
class Notebook:
    """The cells that are shown, the language of their code, and how many more there are."""

    language: str
    cells: Sequence[Cell]
    left_out: int


class NoNotebook(Exception):
    """The text is no notebook that can be shown; the message says why."""


def read(text: str) -> Notebook:
    """The notebook that ``text`` is. Raises :class:`NoNotebook`."""
    try:
        # Numbers stay text: a million digits are no integer of ours.
        found = json.loads(text, parse_int=str, parse_float=str)
    except (ValueError, RecursionError) as err:
        raise NoNotebook("It is not JSON, as notebooks are.") from err
    cells = found.get("cells") if isinstance(found, dict) else None
    if not isinstance(cells, list):
        raise NoNotebook("It has no cells; notebooks before version 4 are not shown.")
    reader = _Reader()
    try:
        shown = [reader.cell(cell) for cell in cells[:MAX_CELLS] if isinstance(cell, dict)]
    except RecursionError as err:  # an output that is JSON, written out again
        raise NoNotebook("An output is nested too deep.") from err
    return Notebook(_language(found), shown, max(0, len(cells) - MAX_CELLS))


def _language(notebook: dict[str, Any]) -> str:
    for path in (("metadata", "language_info", "name"), ("metadata", "kernelspec", "language")):
        found: Any = notebook
        for key in path:
            found = found.get(key) if isinstance(found, dict) else None
        if isinstance(found, str) and re.fullmatch(r"[\w+#.-]{1,40}", found):
            return found.lower()
    return "python"


class _Reader:
    def __init__(self) -> None:
        self._bytes_left = MAX_PICTURES_BYTES

    def cell(self, cell: dict[str, Any]) -> Cell:
        kind = cell.get("cell_type")
        source = _words(cell.get("source"))
        if kind != "code":
            return Cell("markdown" if kind == "markdown" else "raw", source)
        given = cell.get("outputs")
        outputs = [item for item in given if isinstance(item, dict)] if isinstance(given, list) else []
        shown = [self._output(item) for item in outputs[:MAX_OUTPUTS]]
        if len(outputs) > MAX_OUTPUTS:
            shown.append(Output(withheld=f"{len(outputs) - MAX_OUTPUTS:,} more outputs are not shown."))
        number = cell.get("execution_count")
        return Cell("code", source, number[:6] if isinstance(number, str) else "", shown)

    def _output(self, output: dict[str, Any]) -> Output:
        kind = output.get("output_type")
        if kind == "stream":
            return Output(_words(output.get("text")))
        if kind == "error":
            told = "\n".join(_strings(output.get("traceback"))) or _words(output.get("evalue"))
            return Output(_plain(told), is_error=True)
        data = output.get("data")
        return self._shown(data) if isinstance(data, dict) else Output(withheld="An output of an unknown sort.")

    def _shown(self, data: dict[str, Any]) -> Output:
        for media, magic in _PICTURES.items():
            if media in data:
                return self._picture(media, magic, data[media])
        html = "An output that is HTML is not shown: it would run in this page." if "text/html" in data else ""
        for media in ("text/plain", "text/markdown", "text/latex", "application/json"):
            if media in data:
                value = data[media]
                text = _words(value) if isinstance(value, str | list) else json.dumps(value, ensure_ascii=False)
                return Output(_plain(text), withheld=html)
        other = ", ".join(str(media)[:60] for media in list(data)[:3]) or "nothing"
        return Output(withheld=html or f"An output of {other} is not shown.")

    def _picture(self, media: str, magic: bytes, value: Any) -> Output:
        text = "".join("".join(_strings(value)).split())
        if len(text) > min(MAX_PICTURE_BYTES, self._bytes_left) * 4 // 3:
            return Output(withheld="A picture is too large to be shown here.")
        try:
            raw = b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            raw = b""
        if not raw.startswith(magic):
            return Output(withheld="An output says that it is a picture, and is none.")
        self._bytes_left -= len(raw)
        return Output(picture=f"data:{media};base64,{text}")


def _strings(value: Any) -> list[str]:
    """Notebooks keep a text as one string, or as a list of its lines."""
    if isinstance(value, str):
        return [value]
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _words(value: Any) -> str:
    return _plain("".join(_strings(value)))


def _plain(text: str) -> str:
    cut = text if len(text) <= MAX_CHARACTERS else text[:MAX_CHARACTERS] + "\n…"
    return _COLOURS_OF_TERMINALS.sub("", cut)
