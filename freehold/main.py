"""The one place that knows every room: puts them together into an application."""

import os
from collections.abc import Callable

from fastapi import FastAPI
from sqlalchemy.orm import Session
from starlette.requests import Request

import freehold
from freehold import doors, edge, life
from freehold.access.errors import ForeignForm
from freehold.access.rules import Actor
from freehold.access.service import SESSION_COOKIE, UseLog, from_credentials
from freehold.accounts.events import AccountDeleted
from freehold.batches import tasks as batches_tasks
from freehold.cards import service as cards
from freehold.cards import tasks as cards_tasks
from freehold.community.service import departures
from freehold.content.kit import Kit
from freehold.content.service import commits
from freehold.content.service.counting import DownloadLog
from freehold.core import http, migrate
from freehold.core.database import Database
from freehold.core.events import Bus
from freehold.core.instance import signing_secret
from freehold.core.outward import Allowed
from freehold.core.sealing import open_sealer
from freehold.core.settings import Settings, SettingsError
from freehold.core.signing import Signer
from freehold.discover import answering, indexed, trending
from freehold.discover.index.client import Index
from freehold.discussions import service as discussions
from freehold.engines import service as engines
from freehold.gateway.remembering import Memory
from freehold.gating.service import terms as gating_terms
from freehold.gitkit.depot import Depot
from freehold.gitkit.serving import Turns
from freehold.governance import tasks as governance_tasks
from freehold.governance.service import choices as governance_choices
from freehold.governance.service import listening as audit_listening
from freehold.inbox import tasks as inbox_tasks
from freehold.inbox.service import budgets as inbox_budgets
from freehold.inbox.service import gatekeeping as inbox_gatekeeping
from freehold.inbox.service import listening as inbox_listening
from freehold.inbox.service import mail, notifying
from freehold.inbox.service import matches as inbox_matches
from freehold.inbox.service import telling as inbox_telling
from freehold.inference import assembling as models
from freehold.inference import queries as endpoints_queries
from freehold.inference.service import listening as models_listening
from freehold.inference.service import names as served
from freehold.pipelines import service as pipelines
from freehold.playground import tasks as playground_tasks
from freehold.repos import service as repos
from freehold.repos.events import RepoCreated
from freehold.searches import tasks as searches_tasks
from freehold.spaces import service as spaces
from freehold.stores.store import open_store
from freehold.tasks.rules import Kind
from freehold.tasks.worker import Body, Worker
from freehold.trends import service as trends
from freehold.usage import service as usage
from freehold.usage.service import pruning as usage_pruning


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
        lifespan=life.lifespan_of(database, kit, (uses, downloads), worker, host),
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
    doors.add(app)
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
