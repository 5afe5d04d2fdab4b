"""Calls of the official client that mean nothing here, or nothing yet: each answers 501 with its own sentence.

501, because clients take it as final: 500, 502, 503 and 504 they repeat for half a minute, and a 404 would say that the
job or the bucket is missing, where the whole kind of thing is. ``docs/compatibility.md`` is made from this table.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from freehold.core.errors import NotHere
from freehold.core.http import PUBLIC, stream_door
from freehold.repos import paths

paths.register()


@dataclass(frozen=True)
class Absent:
    """Every method at these addresses. ``sentence`` says what is not here and what to do instead."""

    name: str
    paths: tuple[str, ...]
    sentence: str


ABSENT = (
    Absent(
        "Jobs",
        ("/api/jobs", "/api/jobs/{rest:rest}", "/jobs/{rest:rest}"),
        "This hub runs no jobs yet. Run the command on a machine of your own and push what it makes.",
    ),
    Absent(
        "Scheduled jobs",
        ("/api/scheduled-jobs", "/api/scheduled-jobs/{rest:rest}"),
        "This hub runs no scheduled jobs yet. Use the scheduler of a machine of your own, such as cron.",
    ),
    Absent(
        "Buckets",
        ("/api/buckets", "/api/buckets/{rest:rest}", "/buckets/{rest:rest}"),
        "This hub has no buckets yet. Keep the files in a dataset repository.",
    ),
    Absent(
        "Inference endpoints",
        ("/v2/endpoint/{rest:rest}", "/v2/provider/{rest:rest}"),
        "There is no provider to choose here: models answer on this hub's own nodes. POST /api/endpoints deploys one, "
        "and /v1 calls it.",
    ),
    Absent(
        "Resource groups",
        (
            "/api/organizations/{organization}/resource-groups",
            "/api/organizations/{organization}/resource-groups/{rest:rest}",
            "/api/{kind:plural}/{namespace}/{name}/resource-group",
            "/api/collections/{namespace}/{slug}/resource-group",
        ),
        "This hub has no resource groups. Give people roles in an organisation, or make an organisation for the group.",
    ),
    Absent(
        "SCIM",
        ("/scim/{rest:rest}", "/api/organizations/{organization}/scim/{rest:rest}"),
        "This hub takes no accounts over SCIM. Make them with `freehold user create`, or connect a sign-in service.",
    ),
    Absent(
        "Billing",
        (
            "/api/settings/billing",
            "/api/settings/billing/{rest:rest}",
            "/api/organizations/{organization}/billing",
            "/api/organizations/{organization}/billing/{rest:rest}",
        ),
        "This hub sells nothing, so there is no bill: what it costs is the machine it runs on.",
    ),
    Absent(
        "Audit log export",
        (
            "/api/organizations/{organization}/audit-log",
            "/api/organizations/{organization}/audit-log/{rest:rest}",
        ),
        "This hub exports no audit log over this call. Whoever runs it reads the pushes and changes in its database.",
    ),
)


def _door(what: Absent) -> Callable[[Request], Awaitable[Response]]:
    @stream_door(PUBLIC)
    async def absent(request: Request) -> Response:
        raise NotHere(what.sentence, code="NotImplemented")

    absent.absent = what  # type: ignore[attr-defined]  # read by scripts/compatibility.py
    return absent


routes: list[BaseRoute] = [Route(path, _door(what), methods=None) for what in ABSENT for path in what.paths]
for _route in routes:
    assert isinstance(_route, Route), "made above"
    _route.methods = None  # every method: Starlette would take GET alone
