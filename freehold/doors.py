"""Every room's doors, in the order in which their addresses are tried."""

from fastapi import FastAPI
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

import freehold
from freehold import absent, menus
from freehold.access import api as access_api
from freehold.accounts import csrf
from freehold.accounts import pages as accounts_pages
from freehold.batches import api as batches_api
from freehold.batches import pages as batches_pages
from freehold.cards import api as cards_api
from freehold.choosing import api as choosing_api
from freehold.choosing.pages import choose as choose_pages
from freehold.choosing.pages import compare as compare_pages
from freehold.choosing.pages import lineage as lineage_pages
from freehold.choosing.pages import similar as similar_pages
from freehold.community.api import collections as collections_api
from freehold.community.api import likes as likes_api
from freehold.community.api import overviews as overviews_api
from freehold.community.pages import collections as collections_pages
from freehold.community.pages import marks as marks_pages
from freehold.content import pages as content_pages
from freehold.content.api import archives as archives_api
from freehold.content.api import attachments as attachments_api
from freehold.content.api import commits as commits_api
from freehold.content.api import duplicates as duplicates_api
from freehold.content.api import git as git_api
from freehold.content.api import lfs as lfs_api
from freehold.content.api import listings as listings_api
from freehold.content.api import locks as locks_api
from freehold.content.api import one_segment as one_segment_api
from freehold.content.api import refs as refs_api
from freehold.content.api import resolve as resolve_api
from freehold.content.api import storage as storage_api
from freehold.content.api import trees as trees_api
from freehold.content.api import uploads as uploads_api
from freehold.content.api import xet as xet_api
from freehold.core import http
from freehold.core.routes import Router
from freehold.discover import api as discover_api
from freehold.discover import hot as discover_hot
from freehold.discover import lists as list_pages
from freehold.discover import pages as discover_pages
from freehold.discover import papers as papers_api
from freehold.discover import permits as permits_pages
from freehold.discover import profile as profile_pages
from freehold.discover import repository as repository_pages
from freehold.discover import searching as search_pages
from freehold.discussions import api as discussions_api
from freehold.discussions import pages as discussions_pages
from freehold.discussions import queries as discussions_queries
from freehold.fleet import api as fleet_api
from freehold.fleet import pages as fleet_pages
from freehold.gateway import api as gateway_api
from freehold.gateway import tasking
from freehold.gating import api as gating_api
from freehold.gating import pages as gating_pages
from freehold.governance import pages as governance_pages
from freehold.governance.pages import status as status_pages
from freehold.inbox.api import notifications as notifications_api
from freehold.inbox.api import webhooks as webhooks_api
from freehold.inbox.pages import activity as activity_pages
from freehold.inbox.pages import notifications as notifications_pages
from freehold.inbox.pages import webhooks as webhooks_pages
from freehold.inference import api as endpoints_api
from freehold.inference import deploying as deploying_pages
from freehold.inference import pages as endpoints_pages
from freehold.oauth import api as oauth_api
from freehold.oauth import pages as oauth_pages
from freehold.people import api as people_api
from freehold.people.pages import avatars, joining
from freehold.people.pages import members as members_pages
from freehold.people.pages import organizations as organization_pages
from freehold.people.pages import settings as settings_pages
from freehold.pipelines import api as pipelines_api
from freehold.pipelines import pages as pipelines_pages
from freehold.playground import api as playground_api
from freehold.playground import pages as playground_pages
from freehold.playground import plain as playground_plain
from freehold.repos import api as repos_api
from freehold.repos import pages as repos_pages
from freehold.repos import tokens as tokens_doors
from freehold.routing import api as routing_api
from freehold.routing import pages as routing_pages
from freehold.searches import api as searches_api
from freehold.searches import pages as searches_pages
from freehold.spaces import api as spaces_api
from freehold.spaces import pages as spaces_pages
from freehold.trends import api as trends_api
from freehold.trends import pages as trends_pages
from freehold.usage import api as usage_api
from freehold.usage import pages as usage_pages
from freehold.web import api as web_api
from freehold.web import catalogue, failing, render


def add(app: FastAPI) -> None:
    """Byte doors first, then the JSON API, then pages, whose addresses are the widest."""
    routes: list[BaseRoute] = [
        *spaces_api.fixed_routes,  # before repositories: /api/spaces/zero-gpu/quota reads as one of them
        *resolve_api.routes,  # the two that clients call most come first: a router tries its routes in order
        *discover_hot.routes,
        *xet_api.routes,
        *lfs_api.routes,
        *locks_api.routes,
        *git_api.routes,
        *batches_api.routes,  # before the widest address below /v1
        *gateway_api.routes,
        *tasking.routes,
        *playground_plain.routes,
        Route("/health", health, methods=["GET"]),
        *web_api.routes,
        *attachments_api.routes,
        *archives_api.routes,
        *absent.routes,
    ]
    app.router.routes.extend(routes)
    apis = (
        *(access_api, repos_api, commits_api, uploads_api, duplicates_api, people_api, fleet_api, searches_api),
        *(oauth_api, trees_api, refs_api, storage_api, xet_api, cards_api, spaces_api, discussions_api, likes_api),
        *(collections_api, overviews_api, choosing_api, discover_api, routing_api, pipelines_api),
    )
    routers = (
        *(room.router for room in apis),
        *(gating_api.router, tokens_doors.api, listings_api.router, papers_api.router, webhooks_api.router),
        *(notifications_api.router, trends_api.router, endpoints_api.router, usage_api.router),
        *(playground_api.router, batches_api.router, one_segment_api.router),
    )
    for router in routers:
        _take(app, router)
    overviews_api.install(app, {"numDiscussions": discussions_queries.opened_by})
    _add_pages(app)


def _take(app: FastAPI, router: Router) -> None:
    """The routes of ``router`` as they stand; FastAPI's own way makes each of them anew at the first request."""
    app.router.routes.extend(router.routes)


def _add_pages(app: FastAPI) -> None:
    """The pages of every room, the widest addresses last, and the shell around them."""
    rooms = (
        *(status_pages, catalogue, permits_pages, compare_pages, lineage_pages, similar_pages, choose_pages),
        *(
            notifications_pages,
            activity_pages,
            webhooks_pages,
            collections_pages,
            marks_pages,
            routing_pages,
            pipelines_pages,
        ),
        *(batches_pages, accounts_pages, settings_pages, joining, organization_pages, members_pages, fleet_pages),
        *(searches_pages, deploying_pages, endpoints_pages, avatars, oauth_pages, tokens_doors, gating_pages),
        *(repos_pages, spaces_pages, content_pages, discussions_pages, discover_pages, list_pages, search_pages),
        *(trends_pages, playground_pages, repository_pages, profile_pages),  # the last has the widest address of all
    )
    for router in (*governance_pages.ROUTERS, *usage_pages.ROUTERS, *(room.router for room in rooms)):
        _take(app, web_api.answering_head(router))
    app.state.csrf_token, app.state.error_page = csrf.token, failing.error_page
    render.install(app, menus.slots())


@http.door(http.PUBLIC)
def health(ask: http.Ask) -> Response:
    """Answers 200 while the database answers."""
    return JSONResponse({"status": "ok", "version": freehold.__version__})
