"""Questions, answers and terms. Pure: a card and a licence in, a form and a text out.

The metadata is the public hub's: ``extra_gated_heading``, ``_description``, ``_prompt``, ``_fields`` and
``_button_content``. Source: hub-docs models-gated.md.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from freehold.gating.countries import COUNTRIES
from freehold.gating.errors import BadAnswer

TYPES = ("text", "checkbox", "date_picker", "country", "select", "ip_location")
MAX_QUESTIONS = 50
MAX_OPTIONS = 500
MAX_LABEL_CHARACTERS = 2_000
MAX_OPTION_CHARACTERS = 200
MAX_ANSWER_CHARACTERS = 2_000
MAX_ANSWERS_CHARACTERS = 32_000
MAX_PROMPT_CHARACTERS = 100_000
MAX_WORDS_CHARACTERS = 2_000
MAX_REASON_CHARACTERS = 200
TICKED = frozenset({"on", "true", "1", "yes"})

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")


@dataclass(frozen=True)
class Question:
    """One question: ``options`` (value, what is shown) are a select's."""

    label: str
    type: str
    is_required: bool = True
    options: tuple[tuple[str, str], ...] = ()

    @property
    def is_asked(self) -> bool:
        """Where somebody's address lies on the map is asked of nobody: this hub does not look it up."""
        return self.type != "ip_location"


@dataclass(frozen=True)
class Form:
    """What whoever asks for access sees. Empty words: the page says its own."""

    heading: str = ""
    description: str = ""
    prompt: str = ""
    button: str = ""
    questions: tuple[Question, ...] = ()


@dataclass(frozen=True)
class Licence:
    """What a repository is given under: the card's words, and the licence file with the SHA-256 of its bytes.

    ``text`` is None where the file is too large to be shown here; its digest still names it.
    """

    words: str = ""
    path: str = ""
    sha256: str = ""
    text: str | None = None


@dataclass(frozen=True)
class Terms:
    """What one agrees to. ``sha256`` is that of ``text``, so anybody can check it."""

    text: str
    sha256: str
    licence: Licence


# ---- the form ----------------------------------------------------------------------------------------------


def form(data: Mapping[str, Any]) -> Form:
    """The form that a card's metadata asks for. What is not as it should be is read as the nearest thing that is."""
    return Form(
        heading=_words(data.get("extra_gated_heading"), MAX_WORDS_CHARACTERS),
        description=_words(data.get("extra_gated_description"), MAX_PROMPT_CHARACTERS),
        prompt=_words(data.get("extra_gated_prompt"), MAX_PROMPT_CHARACTERS),
        button=_words(data.get("extra_gated_button_content"), 200),
        questions=tuple(_questions(data.get("extra_gated_fields"))),
    )


def _questions(fields: Any) -> Iterator[Question]:
    pairs: list[tuple[Any, Any]] = []
    if isinstance(fields, dict):
        pairs = list(fields.items())
    elif isinstance(fields, list):  # written as a list of single pairs, which the documentation's words suggest too
        pairs = [pair for item in fields if isinstance(item, dict) for pair in item.items()]
    seen: set[str] = set()
    for label, given in pairs:
        label = _words(label, MAX_LABEL_CHARACTERS)
        if label and label not in seen and len(seen) < MAX_QUESTIONS:
            seen.add(label)
            yield _question(label, given)


def _question(label: str, given: Any) -> Question:
    said = given if isinstance(given, dict) else {"type": given}
    type_ = next((known for known in TYPES if known == said.get("type")), "text")
    options = tuple(_options(said.get("options"))) if type_ == "select" else ()
    if type_ == "select" and not options:
        type_ = "text"
    return Question(label, type_, said.get("required", True) is not False, options)


def _options(given: Any) -> Iterator[tuple[str, str]]:
    seen: set[str] = set()
    for item in given[:MAX_OPTIONS] if isinstance(given, list) else []:
        label = item.get("label") if isinstance(item, dict) else item
        value = item.get("value", label) if isinstance(item, dict) else item
        shown, kept = _words(label, MAX_OPTION_CHARACTERS), _words(value, MAX_OPTION_CHARACTERS)
        if kept and kept not in seen:
            seen.add(kept)
            yield kept, shown or kept


def _words(value: Any, most: int) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    return _CONTROL.sub("", str(value).replace("\r\n", "\n")).strip()[:most]


# ---- answers -----------------------------------------------------------------------------------------------


def checked(form: Form, given: Mapping[str, Any]) -> dict[str, Any]:
    """The answers by question, as they are kept: text, ``YYYY-MM-DD``, a country's code, an option's value, True.

    Raises :class:`BadAnswer` naming the question that was not answered as it asks; also for answers to none.
    """
    questions = {question.label: question for question in form.questions}
    foreign = next((label for label in given if label not in questions), None)
    if foreign is not None:
        raise BadAnswer(foreign[:80], "is not asked here. The form may have changed: open the page again")
    answers: dict[str, Any] = {}
    for label, question in questions.items():
        if question.is_asked:
            answer = _answer(question, given.get(label))
            if answer is not None:
                answers[label] = answer
    if sum(len(str(answer)) for answer in answers.values()) > MAX_ANSWERS_CHARACTERS:
        raise BadAnswer(
            form.questions[0].label, f"and the others together have over {MAX_ANSWERS_CHARACTERS:,} characters"
        )
    return answers


def _answer(question: Question, given: Any) -> Any:
    if question.type == "checkbox":
        is_ticked = given is True or (isinstance(given, str) and given.strip().lower() in TICKED)
        if question.is_required and not is_ticked:
            raise BadAnswer(question.label, "has to be ticked")
        return True if is_ticked else None
    if given is not None and not isinstance(given, str):
        raise BadAnswer(question.label, "takes a text")
    text = (given or "").replace("\r\n", "\n").strip()
    if len(text) > MAX_ANSWER_CHARACTERS:
        raise BadAnswer(question.label, f"takes at most {MAX_ANSWER_CHARACTERS:,} characters")
    if not text:
        if question.is_required:
            raise BadAnswer(question.label, "has to be answered")
        return None
    return _CHECKS[question.type](question, text)


def _text(question: Question, text: str) -> str:
    if _CONTROL.search(text):
        raise BadAnswer(question.label, "holds characters that are not text")
    return text


def _date(question: Question, text: str) -> str:
    try:
        if _DATE.fullmatch(text):
            return date.fromisoformat(text).isoformat()
    except ValueError:
        pass
    raise BadAnswer(question.label, "takes a date as YYYY-MM-DD")


def _country(question: Question, text: str) -> str:
    if text.upper() in COUNTRIES:
        return text.upper()
    named = next((code for code, name in COUNTRIES.items() if name.lower() == text.lower()), None)
    if named is None:
        raise BadAnswer(question.label, "takes a country by its two-letter code (ISO 3166-1)")
    return named


def _option(question: Question, text: str) -> str:
    for value, shown in question.options:
        if text in (value, shown):
            return value
    raise BadAnswer(question.label, "takes one of its options")


_CHECKS = {"text": _text, "date_picker": _date, "country": _country, "select": _option}


def checked_reason(reason: str | None) -> str:
    """Why a request is rejected, in one line that the asker reads. Source: huggingface_hub, reject_access_request."""
    text = _CONTROL.sub(" ", reason or "").strip()
    if len(text) > MAX_REASON_CHARACTERS:
        raise BadAnswer("The reason", f"has at most {MAX_REASON_CHARACTERS} characters")
    return text


# ---- terms -------------------------------------------------------------------------------------------------


def terms(form: Form, licence: Licence) -> Terms:
    """The text that is agreed to, and its name.

    It holds, in this order and only where there is something: the prompt; the statements to tick, since they are what
    one puts one's name to; the licence as the card words it; the licence file, or its digest where it is too large to
    be shown. Nothing of the repository's name or revision is in it: it changes when what is agreed to changes.
    """
    parts = []
    if form.prompt:
        parts.append(f"Prompt\n\n{form.prompt}")
    statements = [question.label for question in form.questions if question.type == "checkbox" and question.is_required]
    if statements:
        parts.append("Statements\n\n" + "\n".join(f"- {statement}" for statement in statements))
    if licence.words:
        parts.append(f"Licence\n\n{licence.words}")
    if licence.path:
        text = licence.text if licence.text is not None else "(not shown here: too large)"
        parts.append(f"File {licence.path}, SHA-256 {licence.sha256}\n\n{text.strip()}")
    text = "\n\n\n".join(parts or ["There is no text to agree to: contact details are shared with the owner."]) + "\n"
    return Terms(text, hashlib.sha256(text.encode()).hexdigest(), replace(licence, text=None))


def licence_words(data: Mapping[str, Any]) -> str:
    """``license``, ``license_name`` and ``license_link`` of a card, in one line."""
    given = data.get("license")
    names = [word for word in (given if isinstance(given, list) else [given]) if isinstance(word, str)]
    said = [", ".join(names), *(data.get(key) for key in ("license_name", "license_link"))]
    return "; ".join(_words(word, MAX_WORDS_CHARACTERS) for word in said if isinstance(word, str) and word)
