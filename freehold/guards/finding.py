"""Where personal data, secrets and rude words stand in a text, in time that grows with the text alone.

Patterns of our own, in the hub: the library known for this (presidio) loads language models of some hundred megabytes,
to find names of people as well, and by chance. What is found here has a checksum or a shape that little else has.
Nothing repeats a repetition, and what is long is walked by hand.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from ipaddress import ip_address

from freehold.guards import words
from freehold.guards.folding import Folded, folded, is_dense

#: A finding that reaches over spaces begins with a word that has a digit, and is at most so long.
MAX_SPACED = 64
PERSONAL = ("mail", "phone", "iban", "card", "national id", "ip address")

_LOCAL = "._%+-'"
_DOMAIN = re.compile(r"(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.){1,5}[^\W\d_]{2,24}(?![\w-])")
_IBAN_HEAD = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{2}[0-9]{2}(?=[ -]?[A-Za-z0-9])")
#: A stretch of digits and what stands between them; of one without an end, so much at a time.
_DIGITS = re.compile(r"(?:\+ ?|\( ?\+?)?[0-9][0-9 \-./()]{0,4000}")
_GROUP = re.compile(r"[0-9]+")
_IPV4 = re.compile(r"(?<![\w.])(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?![\w]|\.[0-9])")
_IPV6 = re.compile(r"(?<![\w:.])[0-9A-Fa-f]{0,4}:[0-9A-Fa-f:.]{1,60}(?![\w:])")
#: Lengths of IBANs by country. Source: the SWIFT registry of IBANs, release 99.
_IBANS = {
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BR": 29, "BY": 28,
    "CH": 21, "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DK": 18, "DO": 28, "EE": 20, "EG": 29, "ES": 24, "FI": 18,
    "FO": 18, "FR": 27, "GB": 22, "GE": 22, "GI": 23, "GL": 18, "GR": 27, "GT": 28, "HR": 21, "HU": 28, "IE": 22,
    "IL": 23, "IQ": 23, "IS": 26, "IT": 27, "JO": 30, "KW": 30, "KZ": 20, "LB": 28, "LC": 32, "LI": 21, "LT": 20,
    "LU": 20, "LV": 21, "LY": 25, "MC": 27, "MD": 24, "ME": 22, "MK": 19, "MR": 27, "MT": 31, "MU": 30, "NL": 18,
    "NO": 15, "PK": 24, "PL": 28, "PS": 29, "PT": 25, "QA": 29, "RO": 24, "RS": 22, "SA": 24, "SC": 31, "SE": 24,
    "SI": 19, "SK": 24, "SM": 27, "ST": 25, "SV": 28, "TL": 23, "TN": 24, "TR": 26, "UA": 29, "VA": 22, "VG": 24,
    "XK": 20,
}  # fmt: skip
#: Beginnings of secrets, and the letters that the rest of one is made of. Sources: each maker's documentation.
_TOKEN_TAIL = re.compile(r"[A-Za-z0-9_\-.=+/]*")
_KEY_TAIL = re.compile(r"[A-Za-z0-9+/=\s:,\\-]*")
_SECRETS = re.compile(
    r"(?<![A-Za-z_])(?:hf_[A-Za-z0-9]{16}"  # ours, and Hugging Face's
    r"|hf_(?:jwt|oauth)_[A-Za-z0-9_-]{8}"
    r"|sk-[A-Za-z0-9_-]{16}|sk_(?:live|test)_[A-Za-z0-9]{10}|rk_(?:live|test)_[A-Za-z0-9]{10}"
    r"|gh[pousr]_[A-Za-z0-9]{20}|github_pat_[A-Za-z0-9_]{20}|glpat-[A-Za-z0-9_-]{16}"
    r"|(?:AKIA|ASIA)[A-Z0-9]{16}|AIza[A-Za-z0-9_-]{30}|ya29\.[A-Za-z0-9_-]{20}"
    r"|xox[abeprs]-[A-Za-z0-9-]{10}|npm_[A-Za-z0-9]{30}|pypi-[A-Za-z0-9_-]{30}|dop_v1_[a-f0-9]{30}"
    r"|SG\.[A-Za-z0-9_-]{16}|eyJ[A-Za-z0-9_-]{12,200}\.)"
)
_PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
_KEY_END = re.compile(r"-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
_NAMED = re.compile(
    r"(?i)(?<![a-z])(?:password|passwd|passwort|pwd|secret|api[_-]?key|access[_-]?token|auth[_-]?token|client[_-]?secret)"
    r"[\"']? {0,2}[:=] {0,2}[\"']?(?=[^\s\"',;<{$\[]{6})"
)
_NAMES = re.compile(r"(?i)pass|pwd|secret|key|token")
_NAMED_TAIL = re.compile(r"[^\s\"',;<]{6,}")


@dataclass(frozen=True)
class Span:
    """One finding: from where to where in the text as it was given."""

    start: int
    end: int
    what: str


Detector = Callable[[str], Iterator[Span]]


def find(text: str, detectors: Iterable[Detector]) -> list[Span]:
    """What the detectors find in ``text``, in order, none over another: the longer of two that touch is kept."""
    form: Folded = folded(text)
    spans = sorted((span for one in detectors for span in one(form.text)), key=lambda span: (span.start, -span.end))
    kept: list[Span] = []
    for span in spans:
        if kept and span.start < kept[-1].end:
            if span.end > kept[-1].end:
                kept[-1] = Span(kept[-1].start, span.end, kept[-1].what)
            continue
        kept.append(span)
    return [Span(form.at(span.start), form.at(span.end - 1) + 1, span.what) for span in kept]


def personal(kinds: Sequence[str] = PERSONAL) -> list[Detector]:
    """Detectors of these kinds of personal data; each looks at a folded text."""
    wanted = set(kinds or PERSONAL)
    found: list[Detector] = [_BY_KIND[kind] for kind in ("mail", "iban", "ip address") if kind in wanted]
    numbers = wanted & {"card", "phone", "national id"}
    if numbers:
        found.append(lambda text: _numbers(text, numbers))
    return found


def secrets(text: str) -> Iterator[Span]:
    """Keys and tokens by how their makers begin them, private keys, and what stands behind ``password=``."""
    yield from _with_tails(text, _SECRETS, _TOKEN_TAIL, "secret")
    yield from _private_keys(text)
    yield from _with_tails(text, _NAMED, _NAMED_TAIL, "password")


def may_name_secret(name: str) -> bool:
    """Whether what stands under ``name`` may be a password by that alone."""
    return len(name) <= MAX_SPACED and _NAMES.search(name) is not None


def _with_tails(text: str, heads: re.Pattern[str], tails: re.Pattern[str], what: str) -> Iterator[Span]:
    """What begins so, with all that can belong to it. A head inside another's tail is not looked at again: a tail
    may be as long as the text, and every place of it a head."""
    at = 0
    while found := heads.search(text, at):
        tail = tails.match(text, found.end())
        at = tail.end() if tail else found.end()
        if tail:
            yield Span(found.end() if what == "password" else found.start(), at, what)


def _private_keys(text: str) -> Iterator[Span]:
    at = 0
    while found := _PRIVATE_KEY.search(text, at):
        end = _KEY_END.search(text, found.end(), found.end() + 20_000)
        tail = _KEY_TAIL.match(text, found.end())
        at = end.end() if end else tail.end() if tail else found.end()
        yield Span(found.start(), at, "private key")


def profanity(languages: Sequence[str], own: Sequence[str]) -> Detector:
    """A detector of rude words of these languages (none: all) and of one's own."""
    known = words.of(tuple(languages), tuple(own))

    def look(text: str) -> Iterator[Span]:
        for start, end in known.find(text):
            yield Span(start, end, "word")

    return look


def _mails(text: str) -> Iterator[Span]:
    at = text.find("@")
    while at >= 0:
        local = 0
        while local < min(64, at) and _is_local(text[at - local - 1]):
            local += 1
        domain = _DOMAIN.match(text, at + 1)
        if local and domain:
            yield Span(at - local, domain.end(), "mail")
        at = text.find("@", at + 1)


def _is_local(character: str) -> bool:
    """Whether it can stand before the @ of an address: letters of scripts that put spaces between words, too."""
    return character in _LOCAL or (character.isalnum() and not is_dense(character))


def _is_word(character: str) -> bool:
    """Whether a number goes on in it. Scripts without spaces are no part of a number beside them."""
    return character.isascii() and (character.isalnum() or character == "_")


def _ibans(text: str) -> Iterator[Span]:
    for found in _IBAN_HEAD.finditer(text):
        length = _IBANS.get(found[0][:2].upper())
        end = _letters(text, found.start(), length) if length else None
        if end is not None:
            plain = re.sub("[ -]", "", text[found.start() : end]).upper()
            if _is_iban(plain) and not _is_word(text[end : end + 1]):
                yield Span(found.start(), end, "iban")


def _letters(text: str, start: int, count: int) -> int | None:
    """Where ``count`` letters and digits end that begin at ``start``, with single spaces between them; or None."""
    at, left = start, count
    while left and at < len(text):
        character = text[at]
        if character.isascii() and character.isalnum():
            left -= 1
        elif character not in " -" or text[at - 1] in " -":
            return None
        at += 1
    return None if left else at


def _is_iban(plain: str) -> bool:
    moved = plain[4:] + plain[:4]
    if not moved.isascii() or not moved.isalnum():
        return False
    return int("".join(str(int(character, 36)) for character in moved)) % 97 == 1


def _addresses(text: str) -> Iterator[Span]:
    for pattern in (_IPV4, _IPV6):
        for found in pattern.finditer(text):
            plain = found[0].rstrip(".")
            if ":" in plain and (plain.count(":") == 1 or not any(character.isdigit() for character in plain)):
                continue  # a time, or names of a programming language
            try:
                ip_address(plain)
            except ValueError:
                continue
            yield Span(found.start(), found.start() + len(plain), "ip address")


def _numbers(text: str, wanted: set[str]) -> Iterator[Span]:
    """Cards, national ids and phones among runs of digits with signs between them."""
    for run in _DIGITS.finditer(text):
        if run.start() and _is_word(text[run.start() - 1]):
            continue
        groups = list(_GROUP.finditer(text, run.start(), run.end()))
        past = 0
        for number, group in enumerate(groups):
            if group.start() < past or (number and group.end() - group.start() < 3):
                continue  # of what stands inside a run, nothing begins with one or two digits
            found = _number_at(text, run, groups, number, wanted)
            if found is not None:
                past = found.end
                yield found


def _number_at(text: str, run: re.Match[str], groups: list[re.Match[str]], first: int, wanted: set[str]) -> Span | None:
    """What begins with this group of digits: the longest number that its checksum or its shape says is one."""
    digits, best = "", None
    start = groups[first].start()
    for group in groups[first : first + 19]:
        digits += group[0]
        if len(digits) > 19 or group.end() - start > MAX_SPACED - 4:
            break
        after = text[group.end() : group.end() + 1]
        if _is_word(after):
            break
        shown = text[start : group.end()]
        if "card" in wanted and len(digits) >= 13 and digits[0] in "23456" and _luhn(digits):
            return Span(start, group.end(), "card")
        if "national id" in wanted and _is_national(digits, shown):
            best = Span(start, group.end(), "national id")
        is_free = "phone" in wanted and first == 0 and (best is None or best.what == "phone")
        if is_free and _is_phone(digits, text[run.start() : group.end()]):
            best = Span(run.start(), group.end(), "phone")
    return best


def _luhn(digits: str) -> bool:
    doubled = [int(digit) for digit in digits[-2::-2]]
    total = sum(int(digit) for digit in digits[-1::-2]) + sum(2 * one - 9 * (one > 4) for one in doubled)
    return total % 10 == 0 and len(set(digits)) > 1


def _is_phone(digits: str, shown: str) -> bool:
    """International with + or 00; national with a leading 0 or an area code in brackets, and something between."""
    if not 7 <= len(digits) <= 15:
        return False
    plain = shown.lstrip("( ")
    if re.fullmatch(r"0\.[0-9]+", plain):
        return False  # a fraction
    if plain.startswith("+"):
        return len(digits) >= 8
    if digits.startswith("00"):
        return len(digits) >= 10 and digits[2] != "0"
    if digits.startswith("0"):
        return 9 <= len(digits) <= 12 and (shown != digits or len(digits) >= 10) and digits[1] != "0"
    grouped = re.fullmatch(r"\(?[2-9][0-9]{2}\)?[ .-][2-9][0-9]{2}[ .-][0-9]{4}", shown.strip())
    return grouped is not None


def _is_national(digits: str, shown: str) -> bool:
    """The few national numbers that have a shape or a checksum of their own."""
    if re.fullmatch(r"(?!000|666|9)[0-9]{3}-(?!00)[0-9]{2}-(?!0000)[0-9]{4}", shown):
        return True  # United States, social security
    if len(digits) == 11 and re.fullmatch(r"[0-9]{3}\.[0-9]{3}\.[0-9]{3}-[0-9]{2}", shown):
        return _is_cpf(digits)  # Brazil
    if len(digits) == 13 and re.fullmatch(r"756\.?[0-9]{4}\.?[0-9]{4}\.?[0-9]{2}", shown):
        return (sum(int(d) * (1 + 2 * (i % 2)) for i, d in enumerate(digits))) % 10 == 0  # Switzerland, AHV
    if len(digits) == 11 and re.fullmatch(r"[1-9][0-9]{10}", shown):
        return _is_german_tax(digits)
    if len(digits) == 15 and digits[0] in "12":
        return int(digits[:13]) % 97 + int(digits[13:]) == 97 and 1 <= int(digits[3:5]) <= 12  # France, NIR
    if len(digits) == 18:  # China, resident identity (those that end with X are not found)
        weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
        sums = sum(int(d) * w for d, w in zip(digits, weights, strict=False)) % 11
        return "10X98765432"[sums] == digits[17] and 1 <= int(digits[10:12]) <= 12
    return False


def _is_cpf(digits: str) -> bool:
    for count in (9, 10):
        total = sum(int(digit) * (count + 1 - place) for place, digit in enumerate(digits[:count]))
        if total * 10 % 11 % 10 != int(digits[count]):
            return False
    return len(set(digits)) > 1


def _is_german_tax(digits: str) -> bool:
    """Germany's tax number: a checksum by ISO 7064, mod 11, 10, and one digit twice or three times among ten."""
    counts = sorted(digits[:10].count(one) for one in set(digits[:10]))
    if counts[-1] not in (2, 3) or counts[-2:].count(counts[-1]) != 1:
        return False
    product = 10
    for digit in digits[:10]:
        total = (int(digit) + product) % 10 or 10
        product = total * 2 % 11
    return (11 - product) % 10 == int(digits[10])


_BY_KIND: dict[str, Detector] = {"mail": _mails, "iban": _ibans, "ip address": _addresses}
