"""The form and the terms of one commit, read from git. Immutable, so kept by commit id."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from freehold.cards import reading
from freehold.cards import rules as cards
from freehold.content import queries as content
from freehold.content.kit import Kit
from freehold.content.rules import MAIN
from freehold.core.lru import Lru
from freehold.gating import rules
from freehold.gating.rules import Form, Licence, Terms
from freehold.gitkit.objects import Entry, Objects
from freehold.repos.tables import Repo

#: Where a licence is looked for, the first that is there counts; what the card's ``license_link`` names comes before.
LICENCE_NAMES = tuple(
    f"{name}{ending}"
    for name in ("LICENSE", "LICENCE", "License", "license", "COPYING")
    for ending in ("", ".md", ".txt")
)
MAX_LICENCE_BYTES = 512 << 10
KEPT_CHARACTERS = 8_000_000


@dataclass(frozen=True)
class Gateway:
    """What stands before a gated repository at one commit."""

    form: Form
    terms: Terms


_kept: Lru[tuple[str, str], Gateway] = Lru(KEPT_CHARACTERS, lambda gateway: len(gateway.terms.text) * 2 + 2_000)


def now(db: Session, repo: Repo, kit: Kit) -> tuple[Gateway, str | None]:
    """What stands before ``repo`` as ``main`` is now, and the commit that says so (None: there is no ``main``)."""
    commit = content.head(db, repo, MAIN)
    if commit is None:
        return Gateway(Form(), rules.terms(Form(), Licence())), None
    return _kept.of((repo.id, commit), lambda: _read(content.objects(db, repo, kit), commit, repo.kind)), commit


def _read(objects: Objects, commit: str, kind: str) -> Gateway:
    data = cards.validate(reading.card_text(objects, commit), kind).data
    form = rules.form(data)
    return Gateway(form, rules.terms(form, _licence(objects, commit, data)))


def _licence(objects: Objects, commit: str, data: Mapping[str, Any]) -> Licence:
    words = rules.licence_words(data)
    for path in _candidates(data):
        entry = objects.entry(commit, path)
        if entry is not None and entry.kind == "file":
            sha256, text = _content(objects, entry)
            return Licence(words, path, sha256, text)
    return Licence(words)


def _candidates(data: Mapping[str, Any]) -> Iterator[str]:
    link = data.get("license_link")
    if isinstance(link, str) and len(link) <= 255 and "://" not in link and not link.startswith(("/", "..", "#")):
        yield link.removeprefix("./").strip()
    yield from LICENCE_NAMES


def _content(objects: Objects, entry: Entry) -> tuple[str, str | None]:
    """The digest of a file's bytes, and its text where it can be shown."""
    if entry.pointer is not None:
        return entry.pointer.sha256, None
    data = objects.blob(entry.oid)
    text = data.decode("utf-8", "replace").replace("\r\n", "\n").replace("\x00", "\ufffd")
    return hashlib.sha256(data).hexdigest(), text if len(data) <= MAX_LICENCE_BYTES else None
