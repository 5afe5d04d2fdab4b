"""Batches as pages: one's own, one of them with its progress, and a new one over a data set with what it will take."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated
from urllib.parse import quote

from fastapi import Depends, Form
from starlette.responses import RedirectResponse, Response

from freehold.accounts import csrf
from freehold.accounts import queries as accounts
from freehold.batches import forecast, formats, rules
from freehold.batches.errors import BadBatch
from freehold.batches.forecast import Expected
from freehold.batches.service import jobs
from freehold.batches.service.jobs import FromDataset
from freehold.batches.tables import Batch
from freehold.core.errors import HubError
from freehold.core.http import Ask, door
from freehold.core.routes import Router
from freehold.gateway import service as gateway
from freehold.web import flash
from freehold.web.forms import FINE, Wrong, wrong
from freehold.web.render import render

router = Router(include_in_schema=False)
OWN = "own"
ROOT = "/batches"
SHOWN = 50
Text = Annotated[str, Form()]
Csrf = Annotated[str, Form(alias="csrf")]


@dataclass(frozen=True)
class BatchesPage:
    """Somebody's own batches, the newest first."""

    title: str
    batches: Sequence[Batch]


@dataclass(frozen=True)
class BatchPage:
    """One batch: how far it is, why it waits, what can be done. ``file``: the one that it reads; '' of several."""

    title: str
    batch: Batch
    file: str
    is_ended: bool
    error: str


@dataclass(frozen=True)
class Typed:
    """The form of a new batch as it came."""

    dataset: str = ""
    path: str = ""
    model: str = ""
    template: str = ""
    system: str = ""
    parameters: str = '{"max_tokens": 64}'
    into: str = ""
    bill_to: str = ""
    rows: str = ""


@dataclass(frozen=True)
class NewBatchPage:
    """The form for a batch over a data set; once it was looked at, what it will take."""

    title: str
    typed: Typed
    expected: Expected | None
    currency: str
    formats: Sequence[str]
    names: Sequence[str]  #: that the visitor may call, to choose from
    payers: Sequence[str]  #: organisations that may pay for it
    wrong: Wrong


@router.get(ROOT)
@door(OWN)
def batches_page(ask: Ask) -> Response:
    if not csrf.is_in_person(ask):
        return RedirectResponse(f"/login?next={ROOT}", 303)
    return render(ask.request, BatchesPage("Batches", jobs.listed(ask.db, ask.actor, limit=SHOWN)))


def _typed(
    dataset: Text = "",
    path: Text = "",
    model: Text = "",
    template: Text = "",
    system: Text = "",
    parameters: Text = "",
    into: Text = "",
    bill_to: Text = "",
    rows: Text = "",
) -> Typed:
    most = rules.MAX_TEMPLATE_CHARS + 1
    return Typed(
        dataset.strip()[:200], path.strip()[:1000], model.strip()[:400], template[:most], system[:most],
        parameters[:10_000], into.strip()[:200], bill_to.strip()[:96], rows.strip()[:20],
    )  # fmt: skip


@router.get(ROOT + "/new")
@door(OWN)
def new_page(ask: Ask) -> Response:
    if not csrf.is_in_person(ask):
        return RedirectResponse(f"/login?next={ROOT}/new", 303)
    given = ask.request.query_params
    typed = replace(Typed(), dataset=given.get("dataset", "")[:200], model=given.get("model", "")[:400])
    return _new(ask, typed)


@router.post(ROOT + "/new")
@door(OWN)
def begin(
    ask: Ask, typed: Annotated[Typed, Depends(_typed)], verb: Annotated[str, Form(alias="do")] = "", token: Csrf = ""
) -> Response:
    """Looked at first, with what it will take; begun by the button that is there then."""
    csrf.check_in_person(ask, token)
    try:
        typed = replace(typed, into=typed.into or _beside(ask, typed.dataset))
        asked = _asked(typed)
        if verb != "begin":
            told = forecast.of_dataset(ask.db, ask.request.app.state.database, ask.kit, ask.actor, asked)
            return _new(ask, typed, expected=told)
        batch = jobs.from_dataset(ask.db, ask.kit, ask.actor, asked)
    except HubError as err:
        ask.db.rollback()
        return _new(ask, typed, at=wrong(err, "dataset", "path", "model", "template", "parameters", "into", "rows"))
    return RedirectResponse(f"{ROOT}/{batch.id}", 303)


@router.get(ROOT + "/{batch_id}")
@door(OWN)
def batch_page(ask: Ask, batch_id: str) -> Response:
    if not csrf.is_in_person(ask):
        return RedirectResponse(f"/login?next={ROOT}/{quote(batch_id)}", 303)
    return _one(ask, batch_id)


@router.post(ROOT + "/{batch_id}/{verb}")
@door(OWN)
def change(ask: Ask, batch_id: str, verb: str, token: Csrf = "") -> Response:
    csrf.check_in_person(ask, token)
    try:
        jobs.change(ask.db, ask.actor, batch_id, verb)
    except BadBatch as err:
        ask.db.rollback()
        return _one(ask, batch_id, err.message)
    except HubError as err:
        if err.status != 409:
            raise
        ask.db.rollback()
        return _one(ask, batch_id, err.message)
    said = {
        "pause": "It is paused: what is in flight is still answered.",
        "resume": "It goes on.",
        "retry": "It goes on with the rows that failed.",
        "finish": "What was answered is put together.",
        "cancel": "It is cancelled.",
    }[verb]
    return flash.say(ask.request, RedirectResponse(f"{ROOT}/{batch_id}", 303), said)


def _asked(typed: Typed) -> FromDataset:
    try:
        parameters = json.loads(typed.parameters) if typed.parameters.strip() else {}
    except (ValueError, RecursionError) as err:
        raise BadBatch('Parameters are JSON, such as {"max_tokens": 64}.', field="parameters") from err
    return FromDataset(
        typed.dataset, "main", typed.path, typed.model, typed.template, typed.into, typed.system, parameters,
        typed.bill_to, _whole(typed.rows),
    )  # fmt: skip


def _whole(said: str) -> int | None:
    """A number as people write it, ``1,000`` too; None: nothing was said."""
    digits = said.replace(",", "")
    # What is no number is as wrong as a number that there cannot be.
    return None if not said else int(digits) if digits.isascii() and digits.isdigit() else 0


def _beside(ask: Ask, dataset: str) -> str:
    """Where answers go when nobody says: to a data set of the visitor's, named after what was asked about."""
    return f"{ask.actor.name}/{dataset.rpartition('/')[2]}-answered"


def _new(ask: Ask, typed: Typed, *, expected: Expected | None = None, at: Wrong = FINE) -> Response:
    names = [one.name for one in gateway.models(ask.db, ask.actor)]
    payers = accounts.names(ask.db, list(ask.actor.roles))
    page = NewBatchPage("New batch", typed, expected, ask.kit.settings.currency, formats.FORMATS, names, payers, at)
    return render(ask.request, page, status=422 if at.text else 200)


def _one(ask: Ask, batch_id: str, error: str = "") -> Response:
    batch = jobs.load(ask.db, ask.actor, batch_id)
    files = batch.given.get("files") or [batch.given.get("path", "")]
    file = files[0] if len(files) == 1 else ""
    page = BatchPage(f"Batch of {batch.served_name or batch.path}", batch, file, batch.state in rules.ENDED, error)
    return render(ask.request, page, blocks={"batch"}, status=422 if error else 200)
