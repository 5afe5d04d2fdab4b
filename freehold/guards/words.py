"""Rude words: a short list of our own for each language, no copy of another's; owners add theirs.

Whole words only, in any case, also with letters drawn out or written as digits; a list that would catch everything
would catch Scunthorpe first.
"""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from freehold.guards.folding import folded

MAX_OWN = 200
MAX_OWN_LENGTH = 60
WORDS = {
    "en": "fuck fucks fucked fucker fuckers fucking motherfucker shit shits shitty bullshit bitch bitches bastard "
    "bastards asshole assholes cunt cunts dickhead wanker wankers slut sluts whore whores faggot faggots nigger "
    "niggers twat prick retard retards",
    "de": "scheiße scheisse scheiß arschloch arschlöcher fotze fotzen hurensohn hure huren wichser schlampe schlampen "
    "missgeburt ficken gefickt verpiss spast mistkerl",
    "fr": "putain merde connard connards connasse salope salopes enculé enculés encule bâtard batard pute putes nique "
    "niquer bordel",
    "es": "puta putas puto putos mierda cabrón cabron cabrones gilipollas coño joder pendejo pendejos maricón maricon "
    "hijoputa zorra",
    "it": "cazzo merda stronzo stronzi stronza puttana puttane vaffanculo troia coglione coglioni bastardo frocio",
    "pt": "porra caralho merda puta putas filhodaputa foder fodase cuzão viado buceta arrombado",
    "nl": "kut klootzak klootzakken hoer hoeren lul godverdomme kanker eikel neuk neuken",
    "pl": "kurwa kurwy chuj chuja pierdol pierdolić jebać jebany skurwysyn pizda dziwka",
    "ru": "блядь бляди хуй хуя хуйня пизда пиздец ебать ебаный мудак сука суки пидор",
    "tr": "orospu siktir amk piç göt yarrak ibne",
    "zh": "操你妈 傻逼 他妈的 混蛋 王八蛋 婊子 妈的 狗屎",
    "ja": "くそったれ 死ね ばかやろう クソ野郎",
}
#: Signs and digits that are written for letters.
_DISGUISED = str.maketrans("4@310!5$7", "aaeioisst")
#: Scripts without spaces between words: looked for anywhere.
_DENSE = re.compile("[\u2e80-\uffff]")
_WORD = re.compile(r"[\w@$]{2,60}")
_TRIPLED = re.compile(r"([^\W\d_])\1\1")
_REPEATED = re.compile(r"([^\W\d_])\1+")
_NOT_PLAIN = re.compile(r"[0-9@$]")


class Words:
    """The words that are looked for, in a folded text."""

    def __init__(self, languages: Sequence[str], own: Sequence[str]) -> None:
        found = [folded(word).text.lower() for word in _words(languages, own)]
        phrases = [word for word in found if _DENSE.search(word) or not _WORD.fullmatch(word)]
        self._plain = frozenset(found)
        self._squeezed = frozenset(_REPEATED.sub(r"\1", word) for word in found)
        self._phrases = re.compile("|".join(map(re.escape, phrases)), re.IGNORECASE) if phrases else None

    def find(self, text: str) -> Iterator[tuple[int, int]]:
        """Where each stands. Words are looked up, not tried one after the other: a long list costs nothing."""
        for found in _WORD.finditer(text):
            word = found[0].lower()
            if word in self._plain or (_is_odd(word) and self._hides(word)):
                yield found.span()
        if self._phrases is not None:
            for found in self._phrases.finditer(text):
                yield found.span()

    def _hides(self, word: str) -> bool:
        return _REPEATED.sub(r"\1", word.translate(_DISGUISED)) in self._squeezed


def _is_odd(word: str) -> bool:
    """Whether a word is written in a way that only hides one: a letter three times, or digits among letters. (Niger
    is a country.)"""
    return bool(_TRIPLED.search(word)) or (bool(_NOT_PLAIN.search(word)) and not word.isdigit())


@lru_cache(maxsize=64)
def of(languages: tuple[str, ...], own: tuple[str, ...]) -> Words:
    """The words of these languages (none: all) and one's own."""
    return Words(languages, own)


def _words(languages: Sequence[str], own: Sequence[str]) -> Iterator[str]:
    for language in languages or WORDS:
        yield from WORDS[language].split()
    yield from own
