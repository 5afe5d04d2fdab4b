"""A card changed in a browser: its metadata by a form or as YAML, its text beside it."""

from collections.abc import Iterable

from sqlalchemy.orm import Session

from freehold.access.rules import Action, Actor
from freehold.cards import drafting, reading
from freehold.cards.drafting import Typed
from freehold.cards.errors import BadCard
from freehold.content.kit import Kit
from freehold.content.service.commits import Done
from freehold.core.database import Database
from freehold.core.errors import HubError
from freehold.discussions.service import editing
from freehold.discussions.service.places import Words
from freehold.repos import service as repos

#: Names of a card that are looked up.
MAX_NAMES = 12


def change_card(
    database: Database,
    kit: Kit,
    actor: Actor,
    path: str,
    *,
    kind: str,
    revision: str,
    typed: Typed,
    words: Words,
) -> Done:
    """The README of ``revision`` says what was typed, by a commit or in a pull request.

    Raises :class:`BadCard` for metadata that may not be published, and as ``editing.change_file`` does.
    """
    with database.read() as db:
        known = editing.draft(db, kit, actor, path, kind=kind, revision=revision, file=reading.README)
    made = drafting.draft(kind, known.text, typed)
    if made.problem:
        raise BadCard(made.problem)
    if not made.may_go:
        raise BadCard("\n".join(["Not every value may be published.", *made.errors]))
    return editing.change_file(
        database,
        kit,
        actor,
        path,
        kind=kind,
        revision=revision,
        file=reading.README,
        text=made.text,
        summary=words.summary or ("Write the card" if known.is_new else "Change the card"),
        description=words.description,
        parent=words.parent,
        opens_pull=words.opens_pull,
    )


def absent(db: Session, actor: Actor, kind: str, names: Iterable[str]) -> list[str]:
    """Those of the first ``names`` under which ``actor`` finds no repository of ``kind`` here."""
    return [name for name in list(names)[:MAX_NAMES] if not _is_here(db, actor, kind, name)]


def _is_here(db: Session, actor: Actor, kind: str, name: str) -> bool:
    try:
        repos.load(db, actor, name, Action.LIST, kind=kind)
    except HubError:
        return False
    return True
