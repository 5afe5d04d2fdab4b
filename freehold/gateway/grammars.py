"""How much work a grammar or a schema of a caller's makes for an engine, seen before it is sent there. Pure.

llama.cpp keeps every place where a text that fits the grammar may be, and finds them by following rules until each
comes to a character: thirty rules of two words each are a thousand million places, and deep nesting ends the process.
What is counted here is an upper bound of those places at the beginning of each rule. Source: llama.cpp, llama-grammar.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from freehold.gateway.errors import BadCall

MAX_GRAMMAR_CHARS = 64_000
MAX_RULES = 1_000
#: Of brackets in a grammar, and of one part of a schema in another.
MAX_DEPTH = 40
#: Parts of all schemas of a call.
MAX_PARTS = 2_000
MAX_PATTERN_CHARS = 400
#: Places in which a text may be at the same time.
MAX_PLACES = 5_000
#: Parts in a row of which each may be empty: every place leads to every later one, with each character.
MAX_EMPTY = 60
#: Where a call's body may bring a schema; tools bring one each.
_SCHEMAS = ("json_schema", "guided_json", "response_format", "tools", "functions", "structured_outputs")
_TOKEN = re.compile(
    r"""(?P<space>\s+|\#[^\n]*)|(?P<rule>[A-Za-z0-9_-]+)\s*(?P<is>::=)|(?P<name>[A-Za-z0-9_-]+)
    |(?P<text>"(?:[^"\\]|\\.)*"|\[(?:[^\]\\]|\\.)*\]|!?<[^>\s]*>|\.)
    |(?P<repeat>[*+?]|\{\s*\d*\s*(?:,\s*\d*\s*)?\})|(?P<open>\()|(?P<close>\))|(?P<or>\|)""",
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True)
class _Part:
    """One part of a sequence: a character (``name`` and ``inner`` empty), a rule, or alternatives in brackets."""

    name: str = ""
    inner: "list[list[_Part]] | None" = None
    least: int = 1
    most: int = 1


@dataclass
class _Places:
    """Counts ``(places, ways to say nothing)`` of rules, each once."""

    rules: Mapping[str, list[list[_Part]]]
    known: dict[str, tuple[int, int]] = field(default_factory=dict)

    def of_rule(self, name: str, depth: int = 0) -> tuple[int, int]:
        if name not in self.known:
            if depth > MAX_DEPTH:
                raise _too_much("its rules lead to one another too deep")
            self.known[name] = (1, 0)  # where a rule begins with itself the engine refuses it
            self.known[name] = self._of(self.rules.get(name, []), depth)
        return self.known[name]

    def _of(self, ways: list[list[_Part]], depth: int) -> tuple[int, int]:
        counted = [self._of_sequence(way, depth) for way in ways]
        return _bounded(sum(places for places, _ in counted)), _bounded(sum(nothing for _, nothing in counted))

    def _of_sequence(self, parts: list[_Part], depth: int) -> tuple[int, int]:
        places, nothing, in_a_row = 0, 1, 0
        for part in parts:
            one, none = self._of_part(part, depth)
            in_a_row = in_a_row + 1 if none else 0
            if in_a_row > MAX_EMPTY:
                raise _too_much(f"over {MAX_EMPTY} parts in a row may be empty")
            places = _bounded(places + nothing * one)
            nothing = _bounded(nothing * none)
        return places, nothing

    def _of_part(self, part: _Part, depth: int) -> tuple[int, int]:
        if part.inner is not None:
            one, none = self._of(part.inner, depth + 1)
        elif part.name:
            one, none = self.of_rule(part.name, depth + 1)
        else:
            one, none = 1, 0
        if (part.least, part.most) == (1, 1):
            return one, none
        if not none:
            return one, int(part.least == 0)
        if part.most > MAX_EMPTY:
            raise _too_much(f"what may be empty is repeated over {MAX_EMPTY} times")
        places, ways, nothing = 0, 1, int(part.least == 0)
        for at in range(part.most):
            places, ways = _bounded(places + ways * one), _bounded(ways * none)
            nothing = _bounded(nothing + (ways if at + 1 >= part.least else 0))
        return places, nothing


def check(body: Mapping[str, Any]) -> None:
    """Raises :class:`BadCall` where the grammar or a schema of ``body`` would keep an engine from everybody else."""
    for name in ("grammar", "guided_grammar"):
        if isinstance(body.get(name), str):
            check_grammar(body[name])
    left = MAX_PARTS
    for name in _SCHEMAS:
        if isinstance(body.get(name), Mapping | list):
            try:
                left -= _check_schema(body[name], name, left)
            except RecursionError:
                raise _too_much("its parts lead to one another too deep", name) from None


def check_grammar(text: str) -> None:
    """As :func:`check`, of one grammar. What is no grammar is left to the engine to say."""
    if len(text) > MAX_GRAMMAR_CHARS:
        raise _too_much(f"it has over {MAX_GRAMMAR_CHARS:,} characters")
    rules = _read(text)
    if len(rules) > MAX_RULES:
        raise _too_much(f"it has over {MAX_RULES:,} rules")
    places = _Places(rules)
    for name in rules:
        if places.of_rule(name)[0] >= MAX_PLACES:
            raise _too_much(f"a text may be in over {MAX_PLACES:,} places of {name[:60]!r} at the same time")


def _read(text: str) -> dict[str, list[list[_Part]]]:
    """The rules of a grammar, as far as they can be read."""
    rules: dict[str, list[list[_Part]]] = {}
    open_ways: list[list[list[_Part]]] = []
    ways: list[list[_Part]] = [[]]
    at = 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            at += 1
            continue
        at = found.end()
        if found["rule"]:
            ways, open_ways = [[]], []
            rules[found["rule"]] = ways
        elif found["name"]:
            ways[-1].append(_Part(found["name"]))
        elif found["text"] and found["text"] != '""':
            ways[-1].append(_Part())
        elif found["text"]:
            ways[-1].append(_Part(inner=[[]]))
        elif found["or"]:
            ways.append([])
        elif found["open"]:
            inner: list[list[_Part]] = [[]]
            ways[-1].append(_Part(inner=inner))
            open_ways.append(ways)
            ways = inner
            if len(open_ways) > MAX_DEPTH:
                raise _too_much(f"its brackets are nested over {MAX_DEPTH} deep")
        elif found["close"] and open_ways:
            ways = open_ways.pop()
        elif found["repeat"] and ways[-1]:
            last = ways[-1][-1]
            least, most = _times(found["repeat"])
            ways[-1][-1] = _Part(inner=[[last]], least=least, most=most)
    return rules


def _times(written: str) -> tuple[int, int]:
    if written in "*+?":
        return int(written == "+"), 1  # of what repeats the first time alone is a place to begin
    least, comma, most = written.strip("{}").replace(" ", "").partition(",")
    low = int(least[:7] or 0)
    return min(low, 1) if comma and not most else low, max(int(most[:7] or 0) if most else low, 1)


def _check_schema(schema: Any, name: str, left: int) -> int:
    """How many parts it has. Raises :class:`BadCall`."""
    parts, level = 0, [schema]
    for _ in range(MAX_DEPTH):
        parts += len(level)
        if parts > left:
            raise _too_much(f"the schemas of a call have over {MAX_PARTS:,} parts", name)
        level = [inner for one in level for inner in _inner(one, name)]
        if not level:
            break
    else:
        raise _too_much(f"it is nested over {MAX_DEPTH} deep", name)
    if _Ways(schema).of(schema) >= MAX_PLACES:
        raise _too_much("its alternatives come to too many", name)
    return parts


def _inner(one: Any, name: str) -> Sequence[Any]:
    if isinstance(one, Mapping):
        pattern = one.get("pattern")
        if isinstance(pattern, str) and (len(pattern) > MAX_PATTERN_CHARS or _is_wild(pattern)):
            raise _too_much("a pattern in it repeats too much that may be empty, or is too long", name)
        return [value for value in one.values() if isinstance(value, Mapping | list)]
    return [value for value in one if isinstance(value, Mapping | list)]


def _is_wild(pattern: str) -> bool:
    """Whether ``pattern`` as a rule has too many places: its words are those of grammars but for letters."""
    plain = re.sub(r"\\.", "x", pattern)
    plain = re.sub(r"\[(?:[^\]])*\]", "x", plain).replace("(?:", "(")
    written = re.sub(r"[^()|*+?{}0-9,]", ' "x" ', re.sub(r"(?<![{0-9,])[0-9]+(?![0-9,]*\})", "x", plain))
    try:
        check_grammar(f"root ::= {written}")
    except BadCall:
        return True
    return False


class _Ways:
    """In how many ways a schema may begin, by its alternatives and what they refer to."""

    def __init__(self, whole: Any) -> None:
        self._known: dict[int, int] = {}
        self._named: dict[str, list[Any]] = {}
        self._name(whole)

    def _name(self, one: Any) -> None:
        """By their last name, which is all that is looked at: of several that share it the largest counts."""
        level = [one]
        while level:
            level = [inner for outer in level for inner in self._taken(outer)]

    def _taken(self, outer: Any) -> list[Any]:
        if isinstance(outer, Mapping):
            for key, value in outer.items():
                if isinstance(value, Mapping):
                    self._named.setdefault(key, []).append(value)
            return [value for value in outer.values() if isinstance(value, Mapping | list)]
        return [value for value in outer if isinstance(value, Mapping | list)]

    def of(self, one: Any) -> int:
        if isinstance(one, list):
            return _bounded(sum(self.of(inner) for inner in one if isinstance(inner, Mapping | list)))
        if not isinstance(one, Mapping):
            return 1
        if id(one) not in self._known:
            self._known[id(one)] = 1
            ways = 1
            for key, value in one.items():
                if key in ("anyOf", "oneOf", "allOf", "type", "enum") and isinstance(value, list):
                    ways = _bounded(ways * max(1, sum(self.of(inner) for inner in value)))
                elif key == "$ref" and isinstance(value, str):
                    named = self._named.get(value.rpartition("/")[2], [])
                    ways = _bounded(ways * max([1, *(self.of(inner) for inner in named)]))
                elif isinstance(value, Mapping | list):
                    ways = max(ways, self.of(value))
            self._known[id(one)] = ways
        return self._known[id(one)]


def _bounded(number: int) -> int:
    return min(number, MAX_PLACES)


def _too_much(why: str, param: str = "grammar") -> BadCall:
    what = "This grammar" if param == "grammar" else "This schema"
    return BadCall(f"{what} is too much work for an engine that answers others too: {why}.", param)
