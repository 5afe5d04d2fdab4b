"""Which language a text is in, by its script and its small words.

No library: those that tell languages apart bring models of megabytes, and a route needs only the few languages that its
models are made for. Small words are most of any running text; under three of them in a text, it is unknown.
"""

import re

#: So much of a text is looked at.
MAX_CHARACTERS = 4000
_SMALL_WORDS = {
    "en": "the of and to in is that it was for on are with as this you be at have from not what which by an or how "
    "can do does please write your me my i we they has but",
    "de": "der die das und ist nicht ein eine ich zu den mit von auf für im dem sich auch es an werden aus er hat dass "
    "wie was bitte wir sind sie oder einen wird warum kann schreibe mir mein über",
    "fr": "le la les de des et est un une que en du pour dans qui pas sur au avec ce il je vous nous sont plus par "
    "quel quelle mais ou où être comment elle cette mon écris",
    "es": "el la los las de que y en un una es por con para no se del al lo como más pero su sus le está qué cuál "
    "cómo yo mi son escribe este esta hay",
    "it": "il lo la gli le di che e un una è per con non si del della dei nel sono come più ma anche questo questa "
    "cosa io mi scrivi qual ha alla al",
    "pt": "o a os as de que e em um uma é por com para não se do da dos das no na como mais mas ao qual são você eu "
    "meu escreva está isso",
    "nl": "de het een en van is dat niet ik te in op met voor zijn er aan maar om ook als bij naar wat hoe dit deze "
    "je wij schrijf kan mijn",
    "pl": "i w nie na się z do jest to że jak co o ale po za od przez czy dla tak są jego który która być napisz mi",
    "sv": "och att det som en på är av för med den till inte har de om ett jag hur vad var kan skriv mig från",
    "da": "og at det som en på er af for med den til ikke har de om et jeg hvordan hvad var kan skriv mig fra",
    "tr": "ve bir bu için ile da de ne çok mi daha olarak gibi ama en nasıl nedir var olan ben yaz bana",
    "cs": "a se na je v že to s z do o jako by ale pro jsou za jak co který která není být mi napiš",
    "fi": "ja on ei että se en hän oli mutta kun niin ovat mitä miten tämä voi myös joka kirjoita minulle",
    "id": "yang dan di untuk dengan ini itu dari pada adalah tidak ke dalam apa bagaimana saya akan bisa tulis",
    "vi": "là của và có không một cho được với các trong này những tôi bạn để như người viết",
}  # fmt: skip
_OF_WORD: dict[str, tuple[str, ...]] = {}
for _language, _words in _SMALL_WORDS.items():
    for _word in set(_words.split()):
        _OF_WORD[_word] = (*_OF_WORD.get(_word, ()), _language)
#: Letters that no other script has. Kana before Han: Japanese writes both; letters of Ukrainian before Russian's.
_SCRIPTS = (
    ("ja", re.compile("[\u3040-\u30ff]")),
    ("ko", re.compile("[\uac00-\ud7af\u1100-\u11ff]")),
    ("zh", re.compile("[\u3400-\u9fff]")),
    ("uk", re.compile("[іїєґІЇЄҐ]")),
    ("ru", re.compile("[\u0400-\u04ff]")),
    ("el", re.compile("[\u0370-\u03ff]")),
    ("he", re.compile("[\u0590-\u05ff]")),
    ("fa", re.compile("[پچژگ]")),
    ("ar", re.compile("[\u0600-\u06ff]")),
    ("hi", re.compile("[\u0900-\u097f]")),
    ("th", re.compile("[\u0e00-\u0e7f]")),
)
KNOWN = tuple(sorted({*_SMALL_WORDS, *(language for language, _ in _SCRIPTS)}))
_WORD = re.compile(r"[^\W\d_]+")


def language(text: str) -> str:
    """The language of most of ``text`` as two letters, or "unknown"."""
    text = text[:MAX_CHARACTERS]
    letters = sum(1 for character in text if character.isalpha())
    if not letters:
        return "unknown"
    for name, script in _SCRIPTS:
        share = len(script.findall(text)) / letters
        # A few kana are enough to tell Japanese from Chinese; a foreign name in a text must not decide it.
        if share > (0.05 if name in ("ja", "uk", "fa") and _has_script(text, name) else 0.4):
            return name
    return _by_words(text)


def _has_script(text: str, name: str) -> bool:
    """Whether most letters are of the script that ``name`` shares with its neighbours."""
    family = {"ja": "[\u3040-\u30ff\u3400-\u9fff]", "uk": "[\u0400-\u04ff]", "fa": "[\u0600-\u06ff]"}[name]
    letters = sum(1 for character in text if character.isalpha())
    return len(re.findall(family, text)) > 0.4 * letters


def _by_words(text: str) -> str:
    counts: dict[str, float] = {}
    for word in _WORD.findall(text.lower()):
        of = _OF_WORD.get(word, ())
        for name in of:
            counts[name] = counts.get(name, 0) + 1 / len(of)
    if not counts:
        return "unknown"
    (first, most), *rest = sorted(counts.items(), key=lambda pair: -pair[1])[:2]
    hits = sum(1 for word in _WORD.findall(text.lower()) if first in _OF_WORD.get(word, ()))
    return first if hits >= 2 and most > (rest[0][1] if rest else 0) * 1.1 else "unknown"
