"""Code in colours. The lexers are Pygments', in a process apart; here colours are put on a text that stays as it is."""

from collections.abc import Iterator
from html import escape
from typing import Any

from freehold.web.apart import Purse, drawn

#: Longer code is shown without colours.
MAX_CHARACTERS = 150_000
#: Longer lines are data, not code; lexers of some languages take a line's square.
MAX_LINE_CHARACTERS = 20_000
COLOURS = frozenset({"k", "s", "n", "c", "p", "f", "ins", "del"})


def highlight(code: str, *, language: str = "", file_name: str = "", purse: Purse | None = None) -> str | None:
    """``code`` as safe HTML with ``tok-`` classes; None: it is to be shown plain.

    The language is what a fence says of itself, or follows from the file's name. Lines end in ``\\n`` and no colour
    crosses their end, so the answer may be cut there into as many lines as ``code`` has. Takes a few milliseconds, and
    of another process a second at most; raises nothing.
    """
    code = code.replace("\r\n", "\n")
    if not (language or file_name) or not code or len(code) > MAX_CHARACTERS or not _has_short_lines(code):
        return None
    runs = drawn.ask("code", code, language[:60], file_name[-200:], purse=purse)
    return coloured(code, runs) if isinstance(runs, list) else None


def coloured(code: str, runs: list[Any]) -> str | None:
    """``code`` in the colours of ``runs``; None unless they are of this very text."""
    try:
        text = "".join(text for _, text in runs)
        if text == code + "\n":  # lexers end a text that has no end
            runs[-1] = (runs[-1][0], runs[-1][1][:-1])
        elif text != code:
            return None
        return "".join(part for colour, text in runs for part in _painted(str(colour), str(text)))
    except (TypeError, ValueError):
        return None


def _painted(colour: str, text: str) -> Iterator[str]:
    if colour not in COLOURS:
        yield escape(text)
        return
    for number, line in enumerate(text.split("\n")):
        if number:
            yield "\n"
        if line:
            yield f'<span class="tok-{colour}">{escape(line)}</span>'


def _has_short_lines(code: str) -> bool:
    return all(len(line) <= MAX_LINE_CHARACTERS for line in code.split("\n"))
