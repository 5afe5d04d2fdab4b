"""The program behind ``web.apart``: code in colours and formulas as MathML, a piece at a time.

Each piece has so much of the processor's time. What is answered is plain data, which the hub checks before it shows it.
"""

import json
import re
import signal
import time
from collections.abc import Callable
from typing import Any

import latex2mathml.converter
from pygments.lexers import get_lexer_by_name, get_lexer_for_filename
from pygments.util import ClassNotFound

from freehold.core import children

#: Of one piece.
MAX_CPU_S = 0.5
MAX_DEPTH = 60


def answer(question: bytes) -> bytes:
    """``[kind, *words]`` as JSON to what is made of them (null: nothing) and the processor's time it took."""
    began = time.process_time()
    kind, *words = json.loads(question)
    # Python looks for signals within its regular expressions too.
    signal.signal(signal.SIGVTALRM, _stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, MAX_CPU_S)
    try:
        made = _MAKERS[kind](*words)
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    return json.dumps([made, time.process_time() - began]).encode()


def _stop(_number: int, _frame: object) -> None:
    raise TimeoutError


# ---- code ------------------------------------------------------------------------------------------------------------


def runs(code: str, language: str, file_name: str) -> list[tuple[str, str]] | None:
    """``code`` in pieces, each with the name of its colour; None for a language we do not know."""
    lexer = _lexer(language, file_name)
    if lexer is None:
        return None
    made: list[tuple[str, str]] = []
    for token, text in lexer.get_tokens(code):
        colour = _colour(str(token))
        if made and made[-1][0] == colour:
            made[-1] = (colour, made[-1][1] + text)
        else:
            made.append((colour, text))
    return made


def _lexer(language: str, file_name: str) -> Any:
    kept = {"stripnl": False}  # or the empty lines at both ends go
    try:
        if language:
            return get_lexer_by_name(_OTHER_NAMES.get(language.lower(), language), **kept)
        return get_lexer_for_filename(file_name, **kept) if file_name else None
    except ClassNotFound:
        return None


#: Names that cards give code by and Pygments does not know.
_OTHER_NAMES = {"jsonl": "json", "py": "python", "shell-session": "console", "sh-session": "console", "curl": "bash"}

#: From Pygments' kinds to the few colours of the look, the closest first.
_COLOURS = (
    ("Token.Comment", "c"),
    ("Token.Keyword", "k"),
    ("Token.Operator.Word", "k"),
    ("Token.Literal.String", "s"),
    ("Token.String", "s"),
    ("Token.Literal.Number", "n"),
    ("Token.Literal", "n"),
    ("Token.Name.Function", "f"),
    ("Token.Name.Class", "f"),
    ("Token.Name.Decorator", "f"),
    ("Token.Name.Tag", "k"),
    ("Token.Name.Attribute", "f"),
    ("Token.Generic.Deleted", "del"),
    ("Token.Generic.Inserted", "ins"),
    ("Token.Generic.Heading", "k"),
    ("Token.Generic.Subheading", "k"),
    ("Token.Generic.Strong", "k"),
    ("Token.Generic.Prompt", "p"),
    ("Token.Generic.Output", "p"),
    ("Token.Operator", "p"),
    ("Token.Punctuation", "p"),
)


def _colour(token: str) -> str:
    return next((colour for prefix, colour in _COLOURS if token.startswith(prefix)), "")


# ---- formulas --------------------------------------------------------------------------------------------------------


def formula(text: str, display: str) -> list[Any] | None:
    """A formula of LaTeX as ``[tag, attributes, text, children]``, all the way down."""
    plain = _NUMBERING.sub("", text)
    for other, known in _OTHER_ENVIRONMENTS:
        plain = plain.replace("{" + other + "}", "{" + known + "}")
    return _told(latex2mathml.converter.convert_to_element(plain, display=display), 0)


#: Formulas here have no numbers to refer to.
_NUMBERING = re.compile(r"\\label\{[^{}]*\}|\\(?:nonumber|notag)(?![A-Za-z])")
#: Environments that latex2mathml does not know, and those that look alike.
_OTHER_ENVIRONMENTS = (
    ("aligned", "align*"),
    ("gathered", "matrix"),
    ("gather", "matrix"),
    ("gather*", "matrix"),
    ("equation", "matrix"),
    ("equation*", "matrix"),
    ("multline", "matrix"),
    ("dcases", "cases"),
)


def _told(element: Any, depth: int) -> list[Any]:
    if depth > MAX_DEPTH:
        raise RecursionError
    return [element.tag, dict(element.attrib), element.text or "", [_told(child, depth + 1) for child in element]]


_MAKERS: dict[str, Callable[..., Any]] = {"code": runs, "formula": formula}

if __name__ == "__main__":
    children.serve(answer)
