"""The one place that knows every room: puts them together into an application."""

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial

from fastapi import FastAPI
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

import freehold
from freehold import absent, edge, menus
from freehold.access import api as access_api
from freehold.access.errors import ForeignForm
from freehold.access.rules import Actor
from freehold.access.service import SESSION_COOKIE, UseLog, from_credentials
from freehold.accounts import csrf
from freehold.accounts import pages as accounts_pages
from freehold.accounts.events import AccountDeleted
from freehold.batches import api as batches_api
from freehold.batches import pages as batches_pages
from freehold.batches import tasks as batches_tasks
from freehold.cards import api as cards_api
from freehold.cards import service as cards
from freehold.cards import tasks as cards_tasks
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
from freehold.community.service import departures
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
from freehold.content.kit import Kit
from freehold.content.service import commits, uploads
from freehold.content.service.collecting import Collector
from freehold.content.service.counting import DownloadLog
from freehold.content.service.folding import Folder
from freehold.content.service.foreseeing import Foresight
from freehold.core import disk, http, migrate
from freehold.core.database import Database
from freehold.core.events import Bus
from freehold.core.instance import signing_secret
from freehold.core.outward import Allowed
from freehold.core.routes import Router
from freehold.core.sealing import open_sealer
from freehold.core.settings import Settings, SettingsError
from freehold.core.signing import Signer
from freehold.discover import answering, changes, indexed, trending, warming
from freehold.discover import api as discover_api
from freehold.discover import hot as discover_hot
from freehold.discover import lists as list_pages
from freehold.discover import pages as discover_pages
from freehold.discover import papers as papers_api
from freehold.discover import permits as permits_pages
from freehold.discover import profile as profile_pages
from freehold.discover import repository as repository_pages
from freehold.discover import searching as search_pages
from freehold.discover.index.client import Index
from freehold.discussions import api as discussions_api
from freehold.discussions import pages as discussions_pages
from freehold.discussions import queries as discussions_queries
from freehold.discussions import service as discussions
from freehold.discussions.service import texts as threads_texts
from freehold.engines import service as engines
from freehold.fleet import api as fleet_api
from freehold.fleet import pages as fleet_pages
from freehold.gateway import api as gateway_api
from freehold.gateway import tasking
from freehold.gateway.remembering import Memory
from freehold.gating import api as gating_api
from freehold.gating import pages as gating_pages
from freehold.gating.service import terms as gating_terms
from freehold.gitkit.depot import Depot
from freehold.gitkit.serving import Turns
from freehold.governance import pages as governance_pages
from freehold.governance import tasks as governance_tasks
from freehold.governance.pages import status as status_pages
from freehold.governance.queries import status
from freehold.governance.service import choices as governance_choices
from freehold.governance.service import listening as audit_listening
from freehold.inbox import tasks as inbox_tasks
from freehold.inbox.api import notifications as notifications_api
from freehold.inbox.api import webhooks as webhooks_api
from freehold.inbox.pages import notifications as notifications_pages
from freehold.inbox.pages import webhooks as webhooks_pages
from freehold.inbox.service import budgets as inbox_budgets
from freehold.inbox.service import gatekeeping as inbox_gatekeeping
from freehold.inbox.service import listening as inbox_listening
from freehold.inbox.service import mail, notifying
from freehold.inbox.service import matches as inbox_matches
from freehold.inbox.service import telling as inbox_telling
from freehold.inference import api as endpoints_api
from freehold.inference import assembling as models
from freehold.inference import deploying as deploying_pages
from freehold.inference import pages as endpoints_pages
from freehold.inference import queries as endpoints_queries
from freehold.inference.service import listening as models_listening
from freehold.inference.service import names as served
from freehold.oauth import api as oauth_api
from freehold.oauth import pages as oauth_pages
from freehold.people import api as people_api
from freehold.people.pages import avatars, joining
from freehold.people.pages import members as members_pages
from freehold.people.pages import organizations as organization_pages
from freehold.people.pages import settings as settings_pages
from freehold.pipelines import api as pipelines_api
from freehold.pipelines import pages as pipelines_pages
from freehold.pipelines import service as pipelines
from freehold.playground import api as playground_api
from freehold.playground import pages as playground_pages
from freehold.playground import plain as playground_plain
from freehold.playground import tasks as playground_tasks
from freehold.repos import api as repos_api
from freehold.repos import pages as repos_pages
from freehold.repos import service as repos
from freehold.repos import tokens as tokens_doors
from freehold.repos.events import RepoCreated
from freehold.routing import api as routing_api
from freehold.routing import pages as routing_pages
from freehold.searches import api as searches_api
from freehold.searches import pages as searches_pages
from freehold.searches import tasks as searches_tasks
from freehold.spaces import api as spaces_api
from freehold.spaces import pages as spaces_pages
from freehold.spaces import service as spaces
from freehold.stores.store import open_store
from freehold.tasks.periodic import Periodic
from freehold.tasks.rules import Kind
from freehold.tasks.worker import Body, Worker
from freehold.trends import api as trends_api
from freehold.trends import pages as trends_pages
from freehold.trends import service as trends
from freehold.trends import tasks as trends_tasks
from freehold.usage import api as usage_api
from freehold.usage import pages as usage_pages
from freehold.usage import service as usage
from freehold.usage import tasks as usage_tasks
from freehold.usage.service import pruning as usage_pruning
from freehold.web import api as web_api
from freehold.web import catalogue, failing, render

log = logging.getLogger("freehold")
HOUSEKEEPING_S = 30
FOLDING_S = 60
COLLECTING_S = 3600
FORESIGHT_S = 20
PRUNING_S = 3600
RANKING_S = 3600
STALE_SCRATCH_S = 2 * 86400
STALE_UPLOADS_S = 3600


def build_app(settings: Settings, *, upgrade: Callable[[Database], None] = migrate.upgrade) -> FastAPI:
    """The whole hub as one ASGI application. Opens the database and the store; closes them at shutdown.

    ``upgrade`` brings the database to the newest shape: a process that stays has it done apart.
    """
    bus = Bus()
    uses, downloads = UseLog(), DownloadLog()
    database = open_database(settings, bus=bus, upgrade=upgrade, token_uses=uses)
    kit = build_kit(settings, database)
    _subscribe(bus, kit)

    database.info[served.ANONYMOUS_CALLS] = settings.anonymous_calls
    index = Index(database, settings.index, kit.cache / "index")
    database.info[indexed.INFO] = index
    database.info[answering.INFO] = endpoints_queries.answering_besides
    ledger = usage.Ledger(database, core_watts=settings.core_watts)
    database.info[usage.LEDGER] = ledger
    host = batches_tasks.Host()
    worker = Worker(database, _bodies(kit) | batches_tasks.bodies(kit, host), threads=settings.task_threads)
    app = FastAPI(
        title="Freehold",
        version=freehold.__version__,
        description="The hub's JSON API: the calls of the official clients, and a few of its own.",
        docs_url=None,  # the stock page fetches its scripts from outside; the document itself is at /openapi.json
        redoc_url=None,
        lifespan=_lifespan(database, kit, (uses, downloads), worker, host),
        redirect_slashes=False,
    )
    app.state.database, app.state.kit, app.state.resolve_actor = database, kit, resolve_actor
    app.state.worker, app.state.downloads = worker, downloads
    app.state.index = index
    engines.know(transformers_python=settings.transformers_python, vllm_python=settings.vllm_python)
    models.install(app.state, database, kit)
    app.state.memory = Memory(database)
    app.state.sends_mail = bool(settings.smtp_url)
    edge.add(app)
    _add_rooms(app)
    plain = app.openapi
    app.openapi = lambda: http.described(plain())  # type: ignore[method-assign]
    return app


def open_database(
    settings: Settings,
    *,
    bus: Bus | None = None,
    upgrade: Callable[[Database], None] = migrate.upgrade,
    **info: object,
) -> Database:
    """The database at its newest shape, in a data directory that exists; raises :class:`SettingsError` otherwise."""
    try:
        settings.data.mkdir(parents=True, exist_ok=True)
    except OSError as err:
        raise SettingsError(f"The data directory {settings.data} cannot be made: {err.strerror}.") from err
    if not os.access(settings.data, os.W_OK):
        raise SettingsError(f"The data directory {settings.data} cannot be written: make it writable for this user.")
    database = Database(settings.database, bus=bus, pool_size=settings.threads + 2, **info)
    upgrade(database)
    return database


def build_kit(settings: Settings, database: Database) -> Kit:
    """Stores, scratch and secrets for ``settings``."""
    Allowed.parse(settings.webhook_allow, setting="FREEHOLD_WEBHOOK_ALLOW")  # what cannot work stops the start
    Allowed.parse(settings.remote_allow, setting="FREEHOLD_REMOTE_ALLOW")
    mail.server(settings.smtp_url)
    store = open_store(settings)
    tmp, cache = settings.data / "tmp", settings.data / "cache"
    for directory in (tmp, cache):
        directory.mkdir(parents=True, exist_ok=True)
    depot = Depot(store, cache / "git")
    # For checks inside a transaction that the bytes it is about are still there.
    database.info |= {"depot": depot, "store": store}
    return Kit(
        settings=settings,
        store=store,
        tmp=tmp,
        cache=cache,
        git=depot,
        git_turns=Turns(settings.git_processes),
        signer=Signer(signing_secret(database)),
        sealer=open_sealer(settings, database),
    )


def resolve_actor(db: Session, request: Request) -> Actor:
    """Who asks. A browser's cookie counts for a change only when the change was asked from one of our own pages."""
    authorization = request.headers.get("authorization")
    cookie = request.cookies.get(SESSION_COOKIE)
    if (
        cookie
        and not authorization
        and request.method not in ("GET", "HEAD", "OPTIONS")
        and not _from_own_page(request)
    ):
        raise ForeignForm
    actor = from_credentials(db, authorization, cookie)
    if http.wants_page(request):
        request.state.hub = governance_choices.shown(db)
    if cookie and actor.kind == "user" and request.method == "GET" and http.wants_page(request):
        request.state.unread = notifying.unread(db, actor)  # while the transaction is open: pages have none
    return actor


def _from_own_page(request: Request) -> bool:
    origin = request.headers.get("origin")
    if origin is None:
        return request.headers.get("sec-fetch-site") == "same-origin"
    return http.is_own_origin(request, origin)


def _subscribe(bus: Bus, kit: Kit) -> None:
    """Who hears what: the rooms above listen to the rooms below."""
    audit_listening.subscribe(bus)  # before anybody who takes rows away that an entry names
    inbox_telling.subscribe(bus, kit)
    inbox_gatekeeping.subscribe(bus, kit)
    inbox_matches.subscribe(bus, kit)
    inbox_budgets.subscribe(bus, kit)
    usage_pruning.subscribe(bus)
    inbox_listening.subscribe(bus)  # first, so that a repository is told before its first commit
    bus.subscribe(AccountDeleted, repos.on_account_deleted)
    bus.subscribe(RepoCreated, commits.on_repo_created(kit))
    cards.subscribe(bus, kit)
    spaces.subscribe(bus, kit)
    gating_terms.subscribe(bus, kit)
    pipelines.subscribe(bus)
    departures.subscribe(bus)
    trending.subscribe(bus)
    trends.subscribe(bus)
    discussions.subscribe(bus, kit)
    models_listening.subscribe(bus)


def _bodies(kit: Kit) -> dict[Kind, Body]:
    """What each kind of background task does (docs/how-to/add-a-task.md)."""
    rooms = (inbox_tasks.bodies(kit), searches_tasks.bodies(), cards_tasks.bodies(kit), governance_tasks.bodies(kit))
    return {kind: body for room in (*rooms, playground_tasks.bodies(kit)) for kind, body in room.items()}


def _add_rooms(app: FastAPI) -> None:
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
    for room in apis:
        _take(app, room.router)
    _take(app, gating_api.router)
    _take(app, tokens_doors.api)
    _take(app, listings_api.router)
    _take(app, papers_api.router)
    overviews_api.install(app, {"numDiscussions": discussions_queries.opened_by})
    _take(app, webhooks_api.router)
    _take(app, notifications_api.router)
    _take(app, trends_api.router)
    _take(app, endpoints_api.router)
    _take(app, usage_api.router)
    _take(app, playground_api.router)
    _take(app, batches_api.router)
    _take(app, one_segment_api.router)
    _add_pages(app)


def _take(app: FastAPI, router: Router) -> None:
    """The routes of ``router`` as they stand; FastAPI's own way makes each of them anew at the first request."""
    app.router.routes.extend(router.routes)


def _add_pages(app: FastAPI) -> None:
    """Pages and the shell around them: the one place that knows every room's menu entries."""
    _include_pages(app)
    app.state.csrf_token, app.state.error_page = csrf.token, failing.error_page
    render.install(
        app,
        menus.slots(),
    )


def _include_pages(app: FastAPI) -> None:
    """The pages of every room, the widest addresses last."""
    for router in (*governance_pages.ROUTERS, *usage_pages.ROUTERS):
        _take(app, web_api.answering_head(router))
    for plain in (status_pages, catalogue, permits_pages, compare_pages, lineage_pages, similar_pages, choose_pages):
        _take(app, web_api.answering_head(plain.router))
    for inbox_page in (notifications_pages, webhooks_pages):
        _take(app, web_api.answering_head(inbox_page.router))
    for community_page in (collections_pages, marks_pages):
        _take(app, web_api.answering_head(community_page.router))
    for run_page in (routing_pages, pipelines_pages):
        _take(app, web_api.answering_head(run_page.router))
    people_pages = (
        batches_pages,
        accounts_pages,
        settings_pages,
        joining,
        organization_pages,
        members_pages,
        fleet_pages,
        searches_pages,
        deploying_pages,
        endpoints_pages,
        avatars,
        oauth_pages,
        tokens_doors,
    )
    rooms = (
        gating_pages,
        repos_pages,
        spaces_pages,
        content_pages,
        discussions_pages,
        discover_pages,
        list_pages,
        search_pages,
        trends_pages,
        playground_pages,
        repository_pages,
    )
    for room in (*people_pages, *rooms):
        _take(app, web_api.answering_head(room.router))
    _take(app, web_api.answering_head(profile_pages.router))  # the widest address of all


@http.door(http.PUBLIC)
def health(ask: http.Ask) -> Response:
    """Answers 200 while the database answers."""
    return JSONResponse({"status": "ok", "version": freehold.__version__})


# ---- life and housekeeping ---------------------------------------------------------------------------------


def _lifespan(  # type: ignore[no-untyped-def]  # Starlette's own protocol
    database: Database, kit: Kit, logs: tuple[UseLog, DownloadLog], worker: Worker, host: batches_tasks.Host
):
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        disk.sweep(kit.tmp, older_than_s=STALE_SCRATCH_S)
        housekeeping = Periodic("housekeeping", HOUSEKEEPING_S, lambda: _keep_house(app, database, kit, logs))
        stale = Periodic("stale uploads", STALE_UPLOADS_S, lambda: uploads.drop_stale(database, kit))
        folding = Periodic("folding of packs", FOLDING_S, Folder(database, kit).turn)
        foresight = Periodic("histories", FORESIGHT_S, Foresight(database, kit).turn)
        collecting = Periodic("collecting", COLLECTING_S, Collector(database, kit).turn)
        pruning = Periodic("old news", PRUNING_S, lambda: _prune(database))
        ranking = Periodic("trending", RANKING_S, lambda: trending.refresh_all(database))
        app.state.periodics = periodics = (  # for who looks at how they go
            *(housekeeping, stale, folding, foresight, collecting, pruning, ranking),
            *cards_tasks.periodics(database),
            *trends_tasks.periodics(database),
            *searches_tasks.periodics(database),
            *governance_tasks.periodics(database),
            *batches_tasks.periodics(database, kit),
            *usage_tasks.periodics(database, database.info[usage.LEDGER], kit.settings.meter_days),
            Periodic("words of older threads", threads_texts.BACKFILL_S, threads_texts.Backfill(database).turn),
        )
        for periodic in periodics:
            periodic.start()
        host.begin(asyncio.get_running_loop(), lambda: getattr(app.state, "runtime", None), app.state.memory)
        worker.start()
        app.state.index.start(partial(warming.warm, app, asyncio.get_running_loop()))
        app.state.following.start()
        try:
            yield
        finally:
            host.end()
            await asyncio.to_thread(worker.stop)  # batches end in this loop, and models after them
            await models.close(app.state)
            app.state.index.stop()
            for periodic in periodics:
                periodic.stop()
            _flush(database, logs)
            database.info[usage.LEDGER].flush()
            database.close()

    return lifespan


def _keep_house(app: FastAPI, database: Database, kit: Kit, logs: tuple[UseLog, DownloadLog]) -> None:
    _flush(database, logs)
    status.look(app.state, database, kit.store)


def _flush(database: Database, logs: tuple[UseLog, DownloadLog]) -> None:
    """What reads left in memory is written down."""
    for kept in logs:
        kept.flush(database)


def _prune(database: Database) -> None:
    """Old news, old notifications and old changes of lists are gone, a batch at a time."""
    with database.write() as db:
        notifying.prune(db)
    changes.prune(database)
