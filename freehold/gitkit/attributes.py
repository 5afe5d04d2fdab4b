"""Matching of ``.gitattributes`` and ``.gitignore`` texts, which come from users: every text and pattern is bounded.

``pathspec`` translates the patterns; its expressions are then anchored (it lets every pattern match whole directories,
which ``.gitattributes`` does not) and their stars made atomic, because ``*a*a*a*b`` would otherwise take minutes.
Sources: gitattributes(5), gitignore(5).
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from pathspec.patterns.gitignore.base import GitIgnorePatternError
from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern

MAX_TEXT_CHARS = 1 << 18
MAX_LINES = 4000
#: More than this many ``**`` in one pattern cost more than they can mean; such a pattern matches nothing.
MAX_DOUBLE_STARS = 2

_TAIL = "(?:(?P<ps_d>/)|$)"
_DIRECTORY_TAIL = "(?P<ps_d>/)"
_STAR = "[^/]*"
_SHORTEST = "[^/]*?"
_WHITE = " \t\r"


@dataclass(frozen=True)
class _Pattern:
    matches: re.Pattern[str]
    negated: bool
    only_directories: bool


def is_lfs(gitattributes: str, path: str) -> bool | None:
    """Whether this ``.gitattributes`` sends ``path`` (relative to its directory) through LFS; None: it does not say.

    The last matching line wins; ``-filter`` and any other filter mean no.
    """
    verdict = None
    for pattern, uses_lfs in _attribute_lines(gitattributes):
        if pattern.matches.fullmatch(path):
            verdict = uses_lfs
    return verdict


def ignored(gitignore: str, path: str) -> bool:
    """Whether this ``.gitignore`` leaves ``path`` out. What lies in an ignored directory cannot be called back."""
    patterns = _ignore_lines(gitignore)
    parts = path.split("/")
    for depth in range(1, len(parts) + 1):
        is_directory = depth < len(parts)
        if _is_ignored_itself(patterns, "/".join(parts[:depth]), is_directory):
            return True
    return False


def _is_ignored_itself(patterns: tuple[_Pattern, ...], path: str, is_directory: bool) -> bool:
    for pattern in reversed(patterns):
        if (is_directory or not pattern.only_directories) and pattern.matches.fullmatch(path):
            return not pattern.negated
    return False


@lru_cache(maxsize=64)
def _attribute_lines(text: str) -> tuple[tuple[_Pattern, bool], ...]:
    found = []
    for line in _lines(text):
        if line.startswith(("#", "[attr]", "!")):  # comments, macros; negative patterns are forbidden here
            continue
        spelled, attributes = _split(line)
        verdict = None
        for attribute in attributes.split():
            if attribute.lstrip("-!").split("=", 1)[0] == "filter":
                verdict = attribute == "filter=lfs"
        pattern = _compile(spelled) if verdict is not None else None
        if pattern is not None and verdict is not None and not pattern.only_directories:
            found.append((pattern, verdict))
    return tuple(found)


@lru_cache(maxsize=64)
def _ignore_lines(text: str) -> tuple[_Pattern, ...]:
    return tuple(pattern for line in _lines(text) if (pattern := _compile(line)) is not None)


def _lines(text: str) -> list[str]:
    lines = text[:MAX_TEXT_CHARS].split("\n", MAX_LINES)[:MAX_LINES]
    return [line.strip(_WHITE) if not line.endswith("\\ ") else line.lstrip(_WHITE) for line in lines if line.strip()]


def _split(line: str) -> tuple[str, str]:
    """The pattern and the attributes; a quoted pattern may hold spaces."""
    if line.startswith('"') and (end := re.search(r'(?<!\\)"', line[1:])):
        inside = line[1 : end.start() + 1]
        return re.sub(r'\\(["\\])', r"\1", inside), line[end.end() + 1 :]
    spelled, _, attributes = line.partition(" ")
    return spelled.partition("\t")[0], spelled.partition("\t")[2] + " " + attributes


@lru_cache(maxsize=4096)
def _compile(spelled: str) -> _Pattern | None:
    if spelled.count("**") > MAX_DOUBLE_STARS:
        return None
    try:
        translated = GitIgnoreSpecPattern(spelled)
    except GitIgnorePatternError:
        return None
    if translated.regex is None or translated.include is None:  # a comment, or nothing
        return None
    expression: str = translated.regex.pattern.removeprefix("^")
    only_directories = expression.endswith(_DIRECTORY_TAIL)
    if expression.endswith(_TAIL):
        expression = expression[: -len(_TAIL)]
    elif only_directories:
        expression = expression[: -len(_DIRECTORY_TAIL)]
    elif expression.endswith("/"):  # ``dir/**``: everything inside, not the directory itself
        expression += ".+"
    bounded = ".+" if expression in ("", ".") else _atomic(expression)  # ``**/`` and ``*``: any name at any depth
    if bounded is None:
        return None
    return _Pattern(re.compile(bounded, re.DOTALL), not translated.include, only_directories)


def _atomic(expression: str) -> str | None:
    """Every star but the last takes the shortest run that lets the next literal match, and never tries another.

    Inside one segment the leftmost match leaves the most room, so nothing that matched before is lost. A star whose
    literal reaches into the next segment has no choice to begin with. None for a set of characters that holds a slash,
    which no path can match and which would hide what is what here.
    """
    first, *rest = expression.split(_STAR)
    if any(re.search(r"\[[^\]]*/", part.replace("[^/]", "")) for part in (first, *rest)):
        return None
    stars = [part if "/" in part.replace("[^/]", "") else f"(?>{_SHORTEST}{part})" for part in rest[:-1]]
    joined = "".join(star if star.startswith("(?>") else _STAR + star for star in stars)
    return first + joined + _STAR + rest[-1] if rest else first
