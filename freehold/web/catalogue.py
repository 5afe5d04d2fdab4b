"""The catalogue: every component in every state, made by the macros that pages use, so that it cannot fall behind."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from starlette.responses import Response

from freehold.core import clock
from freehold.core.http import PUBLIC, Ask, door
from freehold.core.routes import Router
from freehold.web.components import RepoHead
from freehold.web.render import render

router = Router(include_in_schema=False)


@dataclass(frozen=True)
class Account:
    """What a picture shows of an account."""

    name: str
    kind: str
    avatar_digest: str


@dataclass(frozen=True)
class CataloguePage:
    """Made-up values for components that show some."""

    title: str
    moment: datetime
    head: RepoHead
    account: Account
    area: str = ""


@router.get("/-/catalogue")
@door(PUBLIC)
def catalogue(ask: Ask) -> Response:
    moment = clock.now() - timedelta(hours=50)
    head = RepoHead(
        plural="models",
        kind_label="Models",
        namespace="lab",
        name="river-tides",
        address="/lab/river-tides",
        owner_is_person=False,
        is_private=True,
        gated="manual",
        updated_at=moment,
        line=("Text classification", "apache-2.0"),
    )
    return render(ask.request, CataloguePage("Catalogue", moment, head, Account("ann", "user", "")))
