"""What is found in a text, what is not, and that it takes no longer for who wants it to."""

import json
import random

import pytest

from freehold.guards import finding, words
from freehold.guards.errors import BadGuard, Blocked
from freehold.guards.finding import find
from freehold.guards.linear import compiled
from freehold.guards.rules import Finding, Guard
from freehold.guards.sieve import Holder, Placed, Sieve

pytestmark = pytest.mark.rules
PERSONAL = finding.personal()


def whats(text: str) -> list[str]:
    return [f"{one.what}: {text[one.start : one.end]}" for one in find(text, [*PERSONAL, finding.secrets])]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Write to bob.o'hara+x@mail.example.co.uk, or not", ["mail: bob.o'hara+x@mail.example.co.uk"]),
        ("<jürgen@müller.de>", ["mail: jürgen@müller.de"]),
        ("ｂｏｂ＠ｅｘａｍｐｌｅ．ｃｏｍ", ["mail: ｂｏｂ＠ｅｘａｍｐｌｅ．ｃｏｍ"]),
        ("bo\u200bb@exa\u00admple.com.", ["mail: bo\u200bb@exa\u00admple.com"]),
        ("IBAN DE89 3704 0044 0532 0130 00 and", ["iban: DE89 3704 0044 0532 0130 00"]),
        ("gb29nwbk60161331926819", ["iban: gb29nwbk60161331926819"]),
        ("card 4111 1111 1111 1111, 12/28", ["card: 4111 1111 1111 1111"]),
        ("٤١١١١١١١١١١١١١١١", ["card: ٤١١١١١١١١١١١١١١١"]),
        ("5555-5555-5555-4444", ["card: 5555-5555-5555-4444"]),
        ("call +49 30 901820 now", ["phone: +49 30 901820"]),
        ("call (030) 901 820-11", ["phone: (030) 901 820-11"]),
        ("555-223-4567 or (415) 555-2671", ["phone: 555-223-4567", "phone: (415) 555-2671"]),
        ("SSN 078-05-1120", ["national id: 078-05-1120"]),
        ("CPF 529.982.247-25", ["national id: 529.982.247-25"]),
        ("AHV 756.9217.0769.85", ["national id: 756.9217.0769.85"]),
        ("from 192.168.7.1:8080 and ::1 and 2001:db8::8a2e:370:7334",
         ["ip address: 192.168.7.1", "ip address: ::1",
          "ip address: 2001:db8::8a2e:370:7334"]),
        ("hf_abcdefghijABCDEFGHIJabcd is mine", ["secret: hf_abcdefghijABCDEFGHIJabcd"]),
        ("AKIAIOSFODNN7EXAMPLE", ["secret: AKIAIOSFODNN7EXAMPLE"]),
        ('{"password": "hunter2hunter"}', ["password: hunter2hunter"]),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIE\nabc=\n-----END RSA PRIVATE KEY-----!",
         ["private key: -----BEGIN RSA PRIVATE KEY-----\nMIIE\nabc=\n-----END RSA PRIVATE KEY-----"]),
    ],
)  # fmt: skip
def test_what_is_personal_or_secret_is_found(text: str, found: list[str]) -> None:
    assert whats(text) == found


@pytest.mark.parametrize(
    "text",
    [
        "On 2026-11-26 at 12:30:15 there were 1,234,567 rows in 16 files of v1.2.3.",
        "DE89 3704 0044 0532 0130 01", "4111 1111 1111 1112", "0000 0000 0000 0000",
        "256.1.1.1 and 1.2.3 and 10:30", "user@localhost", "@here", "a @ b.com", "std::vector and a::b",
        "password: short", "SmolLM2-135M has 134515008 parameters and 0.5 of 100", "000-12-3456", "sk-", "hf_short",
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    ],
)  # fmt: skip
def test_what_only_looks_like_it_is_not(text: str) -> None:
    assert whats(text) == []


def test_rude_words_are_found_whole_and_disguised() -> None:
    look = [finding.profanity((), ("project x",))]
    for text in ("this is SHIT", "sh1t", "ѕһіt", "fuuuck", "what a f\u200buck", "Scheiße!", "他妈的", "on Project X"):
        assert len(find(text, look)) == 1, text
    for text in ("Scunthorpe", "a classic shitake", "Dickens", "passiert"):
        assert find(text, look) == [], text
    assert find("merde", [finding.profanity(("en",), ())]) == []
    assert all(words.WORDS.values())


@pytest.mark.parametrize("text", ["a", "@", "1 ", "4111 ", "a@a.", "-----BEGIN PRIVATE KEY-----", "DE89", "password=",
                                  "::", "fuuu ", "-hf_abcdefghijABCDEFGHIJ", "+4", "1.", "eyJ"])  # fmt: skip
def test_time_grows_with_the_text_alone(text: str) -> None:
    """What patterns like least, for long: one that goes back and forth would take hours, and run into the limit."""
    long = text * ((1 << 18) // len(text))
    for detector in (*PERSONAL, finding.secrets, finding.profanity((), ("a b",))):
        for span in detector(long):
            assert span.start < span.end


def test_megabytes_of_prose_are_looked_at() -> None:
    long = "The quick brown fox, 12 of them in 2026, jumps over it. " * 36_000 + "bob@example.com"
    assert [one.what for one in find(long, [*PERSONAL, finding.secrets])] == ["mail"]


def test_patterns_of_owners_cannot_take_for_ever() -> None:
    assert not compiled(r"(a+)+$").is_in("a" * 100_000 + "b")
    assert compiled("^yes").is_in("yes, so")
    for bad in (r"(a)\1", "(?<=a)b", "(", "", "x" * 501):
        with pytest.raises(BadGuard):
            compiled(bad)


# ---- sieves ------------------------------------------------------------------------------------------------


def sieve(*guards: Guard) -> tuple[Sieve, list[Finding]]:
    findings: list[Finding] = []
    return Sieve([Placed(one, "r") for one in guards], "output", findings), findings


MASK = (
    Guard("personal", "output", "mask"),
    Guard("secrets", "output", "mask"),
    Guard("profanity", "output", "mask"),
)
TEXT = (
    "Dear Bob, your card 4111 1111 1111 1111 and IBAN DE89 3704 0044 0532 0130 00 are with bob@example.com; call "
    "+49 30 901820 or 10.0.0.1. Key hf_abcdefghijABCDEFGHIJabcd, token eyJhbGciOiJIUzI1NiJ9.eyJz" + "A" * 2000 + ".x "
    "shit. -----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBg\nkqhkiG9w0BAQ\n-----END PRIVATE KEY----- "
    "密码 他妈的 In 2026 all is well. "
)  # fmt: skip


def test_a_text_is_the_same_whole_and_by_any_pieces() -> None:
    whole, findings = sieve(*MASK)
    expected = whole.clean(TEXT, "answer")
    assert expected == (
        "Dear Bob, your card [card] and IBAN [iban] are with [mail]; call [phone] or [ip address]. Key [secret], token "
        "[secret] [...]. [secret] 密码 [...] In 2026 all is well. "
    )
    assert sum(one.count for one in findings) == 10
    order = random.Random(7)
    for most in (1, 2, 3, 7, 40, 400):
        holder, out, at = Holder(sieve(*MASK)[0], "answer"), "", 0
        while at < len(TEXT):
            size = order.randint(1, most)
            out += holder.take(TEXT[at : at + size])
            assert "4111 1" not in out and "bob@" not in out and "hf_" not in out and "MIIE" not in out
            at += size
        assert out + holder.end() == expected, most


def test_prose_is_held_by_a_word_only() -> None:
    holder, out = Holder(sieve(*MASK)[0], "answer"), ""
    for word in ("The ", "capital ", "of ", "France ", "is "):
        out += holder.take(word)
    assert out == "The capital of France is "


def test_blocking_lets_nothing_of_it_out() -> None:
    holder, out = Holder(sieve(Guard("secrets", "output", "block"))[0], "answer"), ""
    text, is_refused = "It is hf_abcdefghijABCDEFGHIJabcd and more", False
    for character in text:
        try:
            out += holder.take(character)
        except Blocked:
            is_refused = True
            break
    assert out == "It is " and is_refused


def test_json_stays_json() -> None:
    cleaned, _ = sieve(*MASK)
    said = cleaned.clean_json(
        '{"to": "bob\\u0040example.com", "card": 4111111111111111, "n": [1, true, null]}', "tool call"
    )
    assert json.loads(said) == {"to": "[mail]", "card": "[card]", "n": [1, True, None]}
    assert cleaned.clean_json('{"a": 1}', "tool call") == '{"a": 1}'
