"""What the text of a card says about how a model or a data set was made: sections, settings, links, refusals. Pure.

Words are weighed with care. A statement against one's own openness ("the training data is proprietary") is believed;
one in its favour is not: that needs something one can go to. What nobody filled in ("More information needed") is
nothing.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

MAX_CHARACTERS, MAX_LINE_CHARACTERS = 200_000, 1_000
MAX_SECTIONS, MAX_LINKS, MAX_SENTENCES = 300, 12, 4_000
MAX_SENTENCE_CHARACTERS = 400

#: What a section is about, by its heading; the first that fits.
_TOPICS: Mapping[str, re.Pattern[str]] = {
    topic: re.compile(pattern, re.IGNORECASE)
    for topic, pattern in {
        "origin": r"data ?set creation|data (collection|curation|processing|creation)|source data|provenance"
        r"|collection process|curation|annotation|how (it|this data ?set|the data) was (made|collected|gathered)",
        "data": r"(training|pre-?training|fine-?tuning)( (and|&) evaluation)? (data|corpus|corpora|mixture|sets?)"
        r"|^(training )?data(sets?)?( used)?$|data ?(set)? (sources?|mix|composition)|^corp(us|ora)$",
        "recipe": r"hyper-?parameter|training (procedure|recipe|details|setup|configuration|arguments|regime|process)"
        r"|^training$|^(fine-?tuning|pre-?training)( procedure| details)?$|how (it|this model) was (made|trained)"
        r"|axolotl config|merge (details|method|configuration)|^configuration$",
        "evaluation": r"evaluation|benchmark|^results?$|performance|^metrics$",
    }.items()
}
_HEADING = re.compile(r" {0,3}(#{1,6})[ \t]+(.{1,200})")
_NOTHING = re.compile(
    r"\[?more information (needed|to come)\]?|\bto be (added|done|filled in)\b|\b(tbd|todo|n/a)\b", re.I
)
_LINK = re.compile(r"https?://[^\s)>\]\"'|]{3,300}")
_WORD = re.compile(r"[^\W\d_]{2,}")
_ROW = re.compile(r"\|.{0,200}?\d")
_CODE_HOST = re.compile(
    r"https?://(?:www\.)?(?:github\.com|gitlab\.com|codeberg\.org|bitbucket\.org|git\.sr\.ht)/[\w.~-]+/[\w.-]+", re.I
)
_OF_TRAINING = re.compile(r"\b(pre-?)?train|fine-?tun|\bsource code\b|\breproduc", re.IGNORECASE)
#: Settings of a training, each with its value.
_SETTINGS: Mapping[str, re.Pattern[str]] = {
    name: re.compile(pattern, re.IGNORECASE)
    for name, pattern in {
        "learning rate": r"(?:learning[ _-]?rate|\blr\b)[^\n\d]{0,40}\d",
        "batch size": r"batch[ _-]?size[^\n\d]{0,40}\d",
        "epochs": r"epochs?\b[^\n\d]{0,20}\d|\d[\d,.]{0,12}k? epochs?\b",
        "steps": r"(?:training|train|max|total|num)[ _-]?(?:training[ _-])?steps[^\n\d]{0,20}\d|"
        r"\d[\d,.]{0,12}k? (?:training |optimi[sz]ation )?(?:steps|iterations)\b",
        "optimiser": r"optim(?:i[sz]er)?\b[^\n]{0,40}?(?:adam|sgd|lion|adafactor|muon|lamb|rmsprop)",
        "schedule": r"schedul(?:er?|e)\b[^\n]{0,40}?(?:linear|cosine|constant|polynomial|wsd|inverse)",
        "warm-up": r"warm[ _-]?up[^\n\d]{0,30}\d",
        "weight decay": r"weight[ _-]?decay[^\n\d]{0,30}\d",
        "sequence length": r"(?:sequence|seq|context)[ _-]?len(?:gth)?[^\n\d]{0,30}\d",
        "rank of the adapter": r"lora[ _-]?(?:r|rank|alpha)\b[^\n\d]{0,20}\d",
        "merge method": r"merge_method[^\n]{0,5}?: ?\w",
    }.items()
}
_TRIGGERS = re.compile(
    r"proprietary|undisclosed|confidential|in-house|internal|withheld|closed|\bnot\b|n't\b|\bnever\b|cannot|only", re.I
)
_SECRET = re.compile(r"\b(?:proprietary|undisclosed|confidential|in-house|withheld)\b|\binternal (?:data|corp)", re.I)
_REFUSED = re.compile(
    r"(?:\bnot\b|n't\b|\bnever\b|cannot)(?:\W+\w+){0,3}?\W+(?:releas|disclos|publish|public|shar(?:e|ed|ing)\b|provid"
    r"|ma(?:d|k)e (?:\w+ )?available|available|open)",
    re.IGNORECASE,
)
_GUARD = re.compile(
    r"\b(?:no|not|without|never|remov\w{0,5}|filter\w{0,5}|exclud\w{0,5}|any|free of|avoid\w{0,4}|instead of|unlike)\b"
    r"[^.]{0,25}\b(?:proprietary|confidential|internal|undisclosed|in-house)",
    re.IGNORECASE,
)
_DATA = re.compile(r"\b(?:data|data ?sets?|corpus|corpora)\b", re.IGNORECASE)
_TRAINED = re.compile(r"train|fine-?tun|instruction", re.IGNORECASE)
_SUBJECTS: Mapping[str, re.Pattern[str]] = {
    "code": re.compile(r"\btraining (?:code|scripts?|pipeline|framework)\b", re.I),
    "recipe": re.compile(r"\b(?:training (?:details|procedure|recipe)|hyper-?parameters?)\b", re.I),
    "evaluation": re.compile(r"\b(?:evaluation|benchmark) (?:results?|scores?|data)\b", re.I),
    "weights": re.compile(r"\bweights\b|\bcheckpoints?\b", re.I),
}
_ONLY_API = re.compile(
    r"\bonly (?:be )?(?:available|accessible|offered|used) (?:through|via|by|over) .{0,30}\bAPI\b", re.I
)


@dataclass(frozen=True)
class Section:
    """One section of a card. ``words`` are its own, placeholders left out; ``has_figures``: a table with numbers."""

    heading: str
    words: int
    links: Sequence[str] = ()
    has_figures: bool = False


@dataclass(frozen=True)
class Saying:
    """``sections`` by topic; ``settings`` of a training with a value; ``code``: links to where source code is kept;
    ``refusals``: by dimension, the sentence that says it is not given."""

    sections: Mapping[str, Section] = field(default_factory=dict)
    settings: Sequence[str] = ()
    code: Sequence[str] = ()
    refusals: Mapping[str, str] = field(default_factory=dict)

    def plain(self) -> dict[str, Any]:
        return {
            "sections": {
                topic: [one.heading, one.words, list(one.links), one.has_figures]
                for topic, one in self.sections.items()
            },
            "settings": list(self.settings),
            "code": list(self.code),
            "refusals": dict(self.refusals),
        }

    @classmethod
    def of_plain(cls, plain: Mapping[str, Any]) -> "Saying":
        sections = {topic: Section(*one) for topic, one in plain["sections"].items()}
        return cls(sections, plain["settings"], plain["code"], plain["refusals"])


def read(text: str) -> Saying:
    """What a card's text (without its front matter) says. Linear in the text, of which the first part is read."""
    lines = [line[:MAX_LINE_CHARACTERS] for line in _without_comments(text[:MAX_CHARACTERS]).splitlines()]
    settings = "\n".join(lines)
    return Saying(
        sections=_sections(lines),
        settings=[name for name, pattern in _SETTINGS.items() if pattern.search(settings)],
        code=_code(lines),
        refusals=_refusals(lines),
    )


def _without_comments(text: str) -> str:
    kept, at = [], 0
    while (start := text.find("<!--", at)) >= 0:
        kept.append(text[at:start])
        end = text.find("-->", start)
        at = end + 3 if end >= 0 else len(text)
    return "".join(kept) + text[at:]


def _headings(lines: Sequence[str]) -> list[tuple[int, int, str]]:
    """(line, level, text) of each; a fence of code has none."""
    found: list[tuple[int, int, str]] = []
    fence = ""
    for at, line in enumerate(lines):
        bare = line.lstrip()
        if bare.startswith(("```", "~~~")):
            fence = "" if fence and bare.startswith(fence) else fence or bare[:3]
        elif not fence and (heading := _HEADING.match(line)) and len(found) < MAX_SECTIONS:
            found.append((at, len(heading[1]), heading[2].strip(" #*_:")))
    return found


def _sections(lines: Sequence[str]) -> dict[str, Section]:
    """Of each topic the section with the most words; one ends where a heading of its rank or above begins."""
    headings = _headings(lines)
    found: dict[str, Section] = {}
    for place, (at, level, heading) in enumerate(headings):
        topic = next((topic for topic, pattern in _TOPICS.items() if pattern.search(heading)), "")
        if not topic:
            continue
        end = next((line for line, other, _ in headings[place + 1 :] if other <= level), len(lines))
        section = _section(heading, lines[at + 1 : end])
        if topic not in found or section.words > found[topic].words:
            found[topic] = section
    return {topic: one for topic, one in found.items() if one.words or one.has_figures}


def _section(heading: str, lines: Sequence[str]) -> Section:
    text = _NOTHING.sub("", "\n".join(line for line in lines if not _HEADING.match(line)))
    links = list(dict.fromkeys(_LINK.findall(text)))[:MAX_LINKS]
    has_figures = sum(bool(_ROW.match(line.lstrip())) for line in lines[:2_000]) > 0
    return Section(heading[:120], len(_WORD.findall(_LINK.sub("", text))), links, has_figures)


def _code(lines: Sequence[str]) -> list[str]:
    found: dict[str, None] = {}
    for line in lines:
        if _OF_TRAINING.search(line):
            found |= dict.fromkeys(_CODE_HOST.findall(line))
    return [link.rstrip(".") for link in list(found)[:MAX_LINKS]]


def _sentences(lines: Sequence[str]) -> Iterator[tuple[str, str]]:
    """(topic of the section, sentence), bounded; nothing of what is code."""
    topic, fence, number = "", False, 0
    for line in lines:
        if line.lstrip().startswith(("```", "~~~")):
            fence = not fence
        if fence:
            continue
        if heading := _HEADING.match(line):
            topic = next((one for one, pattern in _TOPICS.items() if pattern.search(heading[2])), "")
            continue
        for sentence in re.split(r"(?<=[.!?])\s|;", line):
            if number >= MAX_SENTENCES:
                return
            if sentence.strip():
                number += 1
                yield topic, sentence.strip()[:MAX_SENTENCE_CHARACTERS]


def _refusals(lines: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for topic, sentence in _sentences(lines):
        if not _TRIGGERS.search(sentence):
            continue
        is_secret = bool(_SECRET.search(sentence)) and not _GUARD.search(sentence)
        is_refused = bool(_REFUSED.search(sentence))
        if (is_secret or is_refused) and _DATA.search(sentence) and (topic == "data" or _TRAINED.search(sentence)):
            found.setdefault("data", sentence)
        for dimension, subject in _SUBJECTS.items():
            if subject.search(sentence) and (is_refused or (is_secret and dimension != "weights")):
                found.setdefault(dimension, sentence)
        if _ONLY_API.search(sentence):
            found.setdefault("weights", sentence)
    return found
