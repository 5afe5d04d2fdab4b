"""A card changed in a browser: text, metadata and what they come to side by side; and words of threads, previewed."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Form
from pydantic import ConfigDict
from starlette.requests import Request
from starlette.responses import Response

from freehold.access.rules import Action
from freehold.accounts import csrf
from freehold.cards import drafting, reading, rules
from freehold.cards import form as fields
from freehold.cards.changes import Inside
from freehold.cards.drafting import Draft, Typed
from freehold.cards.form import Field
from freehold.content.rules import MAIN
from freehold.core.http import Ask, door, quoted, unit_of_work
from freehold.core.routes import Router
from freehold.discussions import references, schemas, service
from freehold.discussions.pages import forms
from freehold.discussions.pages.forms import REPO, ChangeForm, Refusal, Said
from freehold.discussions.service import cards, editing, places
from freehold.repos import paths
from freehold.repos import service as repos
from freehold.repos.heads import head
from freehold.repos.rules import page_path
from freehold.web import markdown
from freehold.web.components import RepoHead
from freehold.web.markdown import Links, Rendered
from freehold.web.render import render

paths.register()
router = Router(include_in_schema=False)
CARD = REPO + "/card/edit"
#: Of a comment that is previewed; as many as one may have.
MAX_COMMENT_CHARACTERS = 65_536


@dataclass(frozen=True)
class FieldShown:
    """One field of the form. ``is_held``: it holds what only YAML can say, and stays as it is.

    ``is_folded``: few need it, and nothing is in it.
    """

    field: Field
    value: str
    error: str
    is_held: bool
    is_folded: bool
    options: Mapping[str, str]


@dataclass(frozen=True)
class CardEditPage:
    """A card to change: text and metadata, what they come to, and where the change goes."""

    title: str
    area: str
    head: RepoHead
    form: ChangeForm
    action: str
    fields: Sequence[FieldShown]
    vocabularies: Mapping[str, Mapping[str, str]]  #: what pickers offer, by name
    was: str  #: what the fields hold, as JSON
    configs: Sequence[str]  #: of a data set: the names of its configurations
    yaml: str
    problem: str  #: why the YAML cannot be read
    errors: Sequence[str]  #: what may not be published, beside the fields
    text: str
    card: Rendered
    inside: Inside | None  #: what differs in the metadata
    missing: Sequence[str]  #: what a reader would look for
    is_new: bool
    is_previewed: bool
    as_file: str  #: where the whole README is changed as a file
    max_bytes: int


_KEYS = dict.fromkeys(field.key for kind in fields.FIELDS.values() for field in kind)


class CardSent(Said):
    """Besides these, each field of the form comes as ``m-`` and its key."""

    model_config = ConfigDict(extra="allow")
    text: str = ""
    yaml: str = ""
    was: str = ""

    @property
    def fields(self) -> Mapping[str, str]:
        sent = {key: (self.model_extra or {}).get(f"m-{key}") for key in _KEYS}
        return {key: value for key, value in sent.items() if isinstance(value, str)}

    @property
    def typed(self) -> Typed:
        return Typed(self.yaml, self.text, _was(self.was), self.fields)


def _was(text: str) -> dict[str, str | None]:
    """What the fields held when they were shown; nothing, and so no change by them, where that came back broken."""
    try:
        read = json.loads(text[: len(_KEYS) * fields.MAX_CHARACTERS])
    except (ValueError, RecursionError):
        return {}
    if not isinstance(read, dict):
        return {}
    return {key: value for key, value in read.items() if key in _KEYS and (value is None or isinstance(value, str))}


@router.get(CARD)
@door(Action.READ)
def form(ask: Ask, kind: str, namespace: str, name: str, revision: str = "main") -> Response:
    path = f"{namespace}/{name}"
    repo = repos.load(ask.db, ask.actor, path, Action.READ, kind=kind)
    if ask.actor.is_anonymous:
        return forms.sign_in(ask, _address(head(repo).address, revision))
    return _page(ask, kind, path, revision)


@router.post(CARD)
def change(
    request: Request, kind: str, namespace: str, name: str, said: Annotated[CardSent, Form()], revision: str = "main"
) -> Response:
    """A commit, or a pull request with it, or only a look at what it would be."""
    path, state = f"{namespace}/{name}", request.app.state
    if said.how == "preview":
        csrf.check(request, said.token)
        with unit_of_work(request, reads=True) as ask:
            return _page(ask, kind, path, revision, said)
    return forms.attempt(
        request,
        said,
        lambda actor: service.change_card(
            state.database, state.kit, actor, path, kind=kind, revision=revision, typed=said.typed, words=said.words
        ),
        lambda ask, refusal: _page(ask, kind, path, revision, said, refusal),
        lambda done: _after(page_path(done.kind, done.repo), revision),
    )


# No door: the verb opens its own transactions around the bytes it writes.
change.action = Action.PROPOSE  # type: ignore[attr-defined]


def _page(
    ask: Ask, kind: str, path: str, revision: str, said: CardSent | None = None, refusal: Refusal | None = None
) -> Response:
    place = places.place(ask.db, ask.kit, ask.actor, path, kind=kind, revision=revision, file=reading.README)
    original = service.draft(ask.db, ask.kit, ask.actor, path, kind=kind, revision=revision, file=reading.README)
    made = drafting.draft(kind, original.text, said.typed if said else None)
    repo_head = head(original.repo, actor=ask.actor)
    held = fields.shown(kind, made.data)
    page = CardEditPage(
        title=f"{'Write' if original.is_new else 'Change'} the card of {original.repo.path}",
        area=kind,
        head=repo_head,
        form=forms.change_form(
            ask.db,
            ask.kit,
            place,
            usual="Write the card" if original.is_new else "Change the card",
            cancel=_after(repo_head.address, revision),
            said=said,
            refusal=refusal,
        ),
        action=_address(repo_head.address, revision),
        fields=[_field(field, held, made, said) for field in fields.FIELDS[kind]],
        vocabularies={field.options: fields.OPTIONS[field.options] for field in fields.FIELDS[kind] if field.options},
        was=json.dumps(held),
        configs=_configs(made.data) if kind == "dataset" else (),
        yaml=made.block,
        problem=made.problem,
        errors=made.errors,
        text=made.body,
        card=markdown.render(made.body, _links(repo_head.address, revision)),
        inside=made.inside,
        missing=_missing(ask, kind, made),
        is_new=original.is_new,
        is_previewed=said is not None,
        as_file=forms.at(repo_head.address, "edit", revision, reading.README),
        max_bytes=editing.MAX_TEXT_BYTES,
    )
    return render(ask.request, page, blocks=("preview",), status=refusal.status if refusal else 200)


def _field(field: Field, held: Mapping[str, str | None], made: Draft, said: CardSent | None) -> FieldShown:
    value, error = held[field.key], made.wrong.get(field.key, "")
    typed = said.fields.get(field.key) if said and made.problem else None
    names_licence = field.key.startswith("license_") and held["license"] == "other"
    return FieldShown(
        field=field,
        # What the YAML says; while that cannot be read, what was typed.
        value=value or "" if typed is None else typed,
        error=error,
        is_held=value is None,
        is_folded=field.is_rare and value == "" and not (typed or error or names_licence),
        options=fields.OPTIONS.get(field.options, {}),
    )


def _missing(ask: Ask, kind: str, made: Draft) -> Sequence[str]:
    if made.problem:
        return ()
    named = [("model", rules.words(made.data.get("base_model"))), ("dataset", rules.words(made.data.get("datasets")))]
    absent = [name for of, names in named for name in cards.absent(ask.db, ask.actor, of, names)]
    return fields.missing(kind, made.data, made.body, absent)


def _configs(data: Mapping[str, Any]) -> Sequence[str]:
    found = data.get("configs")
    names = [item.get("config_name") for item in found if isinstance(item, dict)] if isinstance(found, list) else []
    return [name[:80] for name in names if isinstance(name, str)][:50]


def _links(root: str, revision: str) -> Links:
    return Links(page_root=f"{root}/blob/{quoted(revision)}/", file_root=f"{root}/resolve/{quoted(revision)}/")


def _address(root: str, revision: str) -> str:
    return f"{root}/card/edit" + ("" if revision == "main" else f"?revision={quoted(revision)}")


def _after(root: str, revision: str) -> str:
    return root if revision in ("main", MAIN) else forms.at(root, "blob", revision, reading.README)


# ---- words of a thread -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class PreviewPage:
    """Words as a thread of a repository would show them."""

    title: str
    area: str
    head: RepoHead
    html: str


@router.post(REPO + "/preview")
@door(Action.READ)
def preview(
    ask: Ask,
    kind: str,
    namespace: str,
    name: str,
    text: Annotated[str, Form()] = "",
    token: Annotated[str, Form(alias="csrf")] = "",
) -> Response:
    """``text`` with its names linked as far as the reader may know of them; nothing is kept."""
    csrf.check(ask.request, token)
    repo = repos.load(ask.db, ask.actor, f"{namespace}/{name}", Action.READ, kind=kind)
    words = text.replace("\r\n", "\n")[:MAX_COMMENT_CHARACTERS]
    leads = references.resolved(ask.db, ask.kit, ask.actor, repo, [words])
    page = PreviewPage(
        title=f"Preview, {repo.path}",
        area=kind,
        head=head(repo, actor=ask.actor),
        html=schemas.comment_html(words, leads),
    )
    return render(ask.request, page, blocks=("words",))
