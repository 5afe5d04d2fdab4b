"""The six questions as an address asks them, and the lists that they lead to. Pure.

Every answer may be left out. A text is counted in tokens as docs/choosing.md says.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from starlette.datastructures import QueryParams

from freehold.cards import vocabulary
from freehold.choosing.uses import USES, Use

PAGE = "/choose"
#: May it be used commercially: licence verdicts that are good enough, by what the address says.
COMMERCIAL: Mapping[str, Sequence[str]] = {"yes": ("yes",), "conditions": ("yes", "conditions")}
#: Characters of each unit that people count a text in: a page of 30 lines of 60, a word with its space.
UNITS: Mapping[str, int] = {"pages": 1_800, "words": 6, "characters": 1, "tokens": 0}
#: Words a second: reading speed is about four.
SPEEDS: Mapping[int, str] = {4: "As fast as I read", 10: "Twice as fast", 30: "As fast as I skim", 100: "For programs"}
MAX_SPEED, MAX_LENGTH, MAX_TOKENS = 10_000, 10**9, 100_000_000
#: Lists know the memory for this many tokens: shorter texts are counted as long.
LEAST_TOKENS = 4_096
_DENSE_WORDS = "zh ja ko th lo km my bo"
_DENSE = frozenset(_DENSE_WORDS.split())
_SCRIPTS_WORDS = """
    ru uk be bg mk sr el ar fa ur ps he yi hi mr ne sa bn as pa gu or ta te kn ml si ka hy am ti kk ky tg mn ug
"""
_OTHER_SCRIPTS = frozenset(_SCRIPTS_WORDS.split())


@dataclass(frozen=True)
class Wish:
    """What somebody wants. Empty, or 0: it does not matter. ``problems``: what was said and is no answer."""

    use: Use | None = None
    commercial: str = ""
    machine: str = ""
    length: float = 0
    unit: str = "pages"
    speed: int = 0
    language: str = ""
    problems: Sequence[str] = ()

    @property
    def tokens(self) -> int:
        """The text in tokens; 0: its length does not matter, or not to this use."""
        if not self.length or (self.use is not None and not self.use.reads):
            return 0
        if self.unit == "tokens":
            return math.ceil(self.length)
        return math.ceil(self.length * UNITS[self.unit] / characters_a_token(self.language))

    @property
    def counted_tokens(self) -> int:
        """For memory: no fewer than lists count."""
        return max(self.tokens, LEAST_TOKENS)

    @property
    def words_a_second(self) -> int:
        """How fast it has to write; 0: that does not matter, or cannot be told of this use without a machine."""
        return self.speed if self.machine and self.use is not None and self.use.writes else 0

    def pairs(self) -> list[tuple[str, str]]:
        length = f"{self.length:g}" if self.length < 10**6 else str(int(self.length))
        pairs = [("for", self.use.key if self.use else ""), ("commercial", self.commercial), ("machine", self.machine)]
        pairs += [("length", length if self.length else ""), ("unit", self.unit if self.length else "")]
        pairs += [("speed", str(self.speed) if self.speed else ""), ("language", self.language)]
        return [(name, value) for name, value in pairs if value]

    def address(self, root: str = PAGE) -> str:
        return f"{root}?{urlencode(self.pairs())}" if self.pairs() else root

    def without(self, name: str) -> "Wish":
        """The same, and one question does not matter."""
        empty: Mapping[str, object] = {"speed": 0, "length": 0}
        return replace(self, **{name: empty.get(name, "")})  # type: ignore[arg-type]


def characters_a_token(language: str) -> float:
    """How many characters of a text are one token, with care: other languages than English take more tokens."""
    if language in _DENSE:
        return 1.2
    if language in _OTHER_SCRIPTS:
        return 2.0
    return 4.0 if language in ("", "en", "code") else 3.0


def read(query: QueryParams) -> Wish:
    """What ``query`` asks; what is no answer counts as none, and is told in ``problems``."""
    problems: list[str] = []

    def one_of(name: str, known: Mapping[str, object], what: str) -> str:
        given = (query.get(name) or "").strip()[:100]
        if given and given not in known:
            problems.append(f"“{given[:40]}” is no {what} that is known here.")
            return ""
        return given

    use = one_of("for", USES, "use")
    length, unit = _number(query.get("length"), MAX_LENGTH), one_of("unit", UNITS, "unit") or "pages"
    speed = _number(query.get("speed"), MAX_SPEED)
    if length is None:
        problems.append("How long a text is, is a number above 0.")
    if speed is None:
        problems.append(f"Words a second are a number from 1 to {MAX_SPEED:,}.")
    wish = Wish(
        use=USES.get(use),
        commercial=one_of("commercial", COMMERCIAL, "answer on commercial use"),
        machine=(query.get("machine") or "").strip()[:200],
        length=length or 0,
        unit=unit,
        speed=math.ceil(speed or 0),
        language=one_of("language", vocabulary.LANGUAGES, "language"),
        problems=problems,
    )
    if wish.tokens > MAX_TOKENS:
        return replace(wish, length=0, problems=[*problems, f"No model reads more than {MAX_TOKENS:,} tokens."])
    return wish


def _number(text: str | None, most: float) -> float | None:
    """The number; 0 where nothing is said, None for what is none."""
    given = (text or "").strip().replace(",", "")[:20]
    if not given:
        return 0
    if not given.replace(".", "", 1).isdecimal() or not given.isascii():
        return None
    value = float(given)
    return value if 0 < value <= most else None


# ---- lists -------------------------------------------------------------------------------------------------


def everything(wish: Wish) -> list[tuple[str, str]]:
    """The list of all models for this use, in this language, as addresses of lists say it."""
    use = wish.use
    pairs = [("filter", word) for word in (*use.tasks, *use.tags)] if use else []
    if wish.language:
        pairs += [("filter", wish.language), ("filter", "multilingual")]
    return pairs


def list_address(pairs: Sequence[tuple[str, str]]) -> str:
    return f"/models?{urlencode(pairs)}" if pairs else "/models"
