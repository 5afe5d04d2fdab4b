"""Patterns that an answer is bound to: kept by the engine as they were meant, or refused."""

import re
from typing import Any

import pytest

from freehold.gateway import patterns
from freehold.gateway.patterns import Unknown, plain
from tests.gateway.conftest import Hub

#: Any character that stands in a text of JSON as it is.
ANY = r'[^"\\\x00-\x1f]'


@pytest.mark.rules
@pytest.mark.parametrize(
    ("given", "told"),
    [
        (r"^[A-Z]{2}\d{3}$", "^[A-Z]{2}[0-9]{3}$"),
        ("^.$", f"^{ANY}$"),
        ("^[^a-]{2}$", "^" + ANY.replace("]", "a-]") + "{2}$"),
        ("^[^-a]$", "^" + ANY.replace("]", r"\-a]") + "$"),
        ("^[ -~]$", "^[ -!#-\\x5b\\x5d-~]$"),
        (r'^["x\\\n]+$', "^[x]+$"),
        (r"^\x41[\x20-\x23]$", r"^\x41[ -!#]$"),
        (r"^\w+\s?[\w.-]+$", "^[A-Za-z0-9_]+ ?[A-Za-z0-9_.-]+$"),
        (r"^a\/b\.c\-[\/\.\-\]]$", r"^a/b\.c\-[/.\-\]]$"),
        (r"^[\^a][[:x]$", r"^[a^][\[:x]$"),
        (r"^(?:ab|cd)+?\u0041$", r"^(?:ab|cd)+?\u0041$"),
        (r"^\S\D$", "^" + ANY.replace("]", " ]") + ANY.replace("]", "0-9]") + "$"),
        (r"\d{5}", f"^{ANY}*([0-9]{{5}}){ANY}*$"),
        (r"^ab|cd", f"^(ab|cd){ANY}*$"),
        (r"^5\$", rf"^(5\$){ANY}*$"),
        ("", f"^{ANY}*(){ANY}*$"),
    ],
)
def test_a_pattern_is_put_into_words_that_are_kept(given: str, told: str) -> None:
    assert plain(given) == told
    assert plain(told) == told, "what is kept already stays as it is"


@pytest.mark.rules
@pytest.mark.parametrize(
    "given",
    [
        r'^"$',
        r"^\"$",
        r"^\\$",
        r"^a\n$",
        r"^\x22$",
        r"^\u005c$",
        r"^\xg$",
        r'^["\n]$',
        r"^\bab$",
        r"^(?=a)b$",
        r"^(a)\1$",
        r"^\p{L}$",
        "^(?i)a$",
        "^a$|^b$",
        "^[a",
        "a\\",
        "^[]$",
    ],
)
def test_what_has_no_words_is_said(given: str) -> None:
    with pytest.raises(Unknown):
        plain(given)


@pytest.mark.rules
@pytest.mark.parametrize(
    ("given", "texts"),
    [
        (r"^[A-Z]{2}\d{3}$", ["AB123", "AB12", "xAB123"]),
        (r"\d{2}", ["a12b", "12", "1", "ab"]),
        (r"^\w\s\S$", ["a b", "a  ", "ab"]),
        (r"^[ -~]+.[^-a]$", ["a~[]", "A]^b", "a-a", "ab-"]),
    ],
)
def test_it_means_the_same(given: str, texts: list[str]) -> None:
    assert [bool(re.search(plain(given), text)) for text in texts] == [bool(re.search(given, text)) for text in texts]


@pytest.mark.rules
@pytest.mark.parametrize(
    ("form", "good", "bad"),
    [
        ("email", ["a.b+c@ex-ample.co.uk"], ["a", "a@b", "@b.c"]),
        ("hostname", ["a", "a-b.example.org"], ["-a", "a..b", "a b"]),
        ("ipv4", ["0.0.0.0", "192.168.255.1"], ["256.1.1.1", "1.2.3", "01.2.3.4"]),
        ("uri", ["https://example.org/a?b=c#d"], ["example.org", "https://"]),
        ("duration", ["P3W", "P2DT5H", "PT1H30M", "PT9S"], ["P", "PT", "3 days", "P1H"]),
    ],
)
def test_usual_forms_of_a_text_look_as_they_do(form: str, good: list[str], bad: list[str]) -> None:
    pattern = patterns._FORMATS[form]
    assert plain(pattern) == pattern
    assert [text for text in [*good, *bad] if re.search(pattern, text)] == good


def asked(hub: Hub, pattern: str, model: str = "lab/it") -> Any:
    code = {"type": "string", "pattern": pattern, "examples": [{"pattern": r"\d"}]}
    schema = {"type": "object", "properties": {"pattern": code}, "required": ["pattern"]}
    form = {"type": "json_schema", "json_schema": {"name": "x", "strict": True, "schema": schema}}
    return hub.ask(model=model, response_format=form)


def parameters(pattern: str) -> dict[str, Any]:
    return {"type": "object", "properties": {"code": {"type": "string", "pattern": pattern}}}


def tool(pattern: str) -> dict[str, Any]:
    return {"type": "function", "function": {"name": "look", "parameters": parameters(pattern)}}


def seen(hub: Hub) -> Any:
    return hub.engine.seen[-1]["response_format"]["json_schema"]["schema"]["properties"]["pattern"]


def test_an_answer_is_bound_to_its_pattern_or_refused(hub: Hub) -> None:
    assert asked(hub, r"^\d{3}$").status_code == 200
    assert (seen(hub)["pattern"], seen(hub)["examples"]) == ("^[0-9]{3}$", [{"pattern": r"\d"}])
    mail = {"type": "string", "format": "email"}
    form = {"type": "json_schema", "json_schema": {"schema": {"properties": {"pattern": mail}}}}
    assert hub.ask(response_format=form).status_code == 200
    assert seen(hub) == {**mail, "pattern": patterns._FORMATS["email"]}
    refused = asked(hub, r"^(?=a)b$")
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, "response_format")
    assert 'the pattern "^(?=a)b$": it does not know "(?="' in refused.json()["error"]["message"]
    tools = [tool(r"^\d$"), tool(r"^(?=a)\d$"), {"type": "function", "function": {"name": "bare"}}]
    assert hub.ask(tools=tools, tool_choice="auto").status_code == 200
    told = [one["function"].get("parameters", 0) for one in hub.engine.seen[-1]["tools"]]
    assert told == [parameters("^[0-9]$"), parameters(r"^(?=a)\d$"), 0], "a tool is not refused for it"
    hub.serve("lab/other", engine="vllm")
    assert asked(hub, r"^(?=a)\d$", "lab/other").status_code == 200
    assert seen(hub)["pattern"] == r"^(?=a)\d$", "other engines know more"
