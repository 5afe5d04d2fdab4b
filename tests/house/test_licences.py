"""The licence check refuses what it should: it is worth nothing if everything passes."""

from email.message import Message

import pytest

from scripts import licences

pytestmark = pytest.mark.rules


def said(**fields: str | list[str]) -> Message:
    message = Message()
    for name, value in fields.items():
        for line in [value] if isinstance(value, str) else value:
            message[name.replace("_", "-")] = line
    return message


@pytest.mark.parametrize(
    "fields",
    [
        {"License_Expression": "GPL-3.0-or-later"},
        {"License_Expression": "MIT AND AGPL-3.0-only"},
        {"License": "GPL"},
        {"License": "Business Source License 1.1"},
        {"Classifier": ["License :: OSI Approved :: GNU General Public License v3 (GPLv3)"]},
        {"Classifier": ["License :: OSI Approved :: MIT License", "License :: OSI Approved :: GNU Affero GPL"]},
        {"Classifier": ["Programming Language :: Python"]},
        {},
    ],
)
def test_refuses(fields: dict[str, str | list[str]]) -> None:
    assert licences.refusal("fake", said(**fields))


@pytest.mark.parametrize(
    "fields",
    [
        {"License_Expression": "MIT"},
        {"License_Expression": "GPL-2.0-only OR (Apache-2.0 AND BSD-3-Clause)"},
        {"License_Expression": "Apache-2.0 WITH LLVM-exception"},
        {"License": "BSD 2-Clause License"},
        {"License": "Dual License", "Classifier": ["License :: OSI Approved :: BSD License"]},
        {"License": "Copyright somebody\n" * 50, "Classifier": ["License :: OSI Approved :: MIT License"]},
    ],
)
def test_allows(fields: dict[str, str | list[str]]) -> None:
    assert licences.refusal("fake", said(**fields)) is None


def test_a_name_on_the_list_does_not_excuse_another_licence() -> None:
    assert licences.refusal("pygit2", said(License="GPLv2 with linking exception")) is None
    assert licences.refusal("pygit2", said(License_Expression="GPL-3.0-only"))
    assert licences.refusal("other", said(License="GPLv2 with linking exception"))


@pytest.mark.parametrize("broken", ["", "(MIT", "MIT)", "MIT OR", "MIT MIT", "AND MIT"])
def test_a_broken_expression_is_refused(broken: str) -> None:
    assert not licences.allowed(broken)


def test_everything_locked_is_allowed(capsys: pytest.CaptureFixture[str]) -> None:
    assert licences.main() == 0, capsys.readouterr().err
