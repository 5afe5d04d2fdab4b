"""What goes on while a hub runs, and how it ends: periodic work, background tasks, models and batches."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from fastapi import FastAPI

from freehold.access.service import UseLog
from freehold.batches import tasks as batches_tasks
from freehold.cards import tasks as cards_tasks
from freehold.content.kit import Kit
from freehold.content.service import uploads
from freehold.content.service.collecting import Collector
from freehold.content.service.counting import DownloadLog
from freehold.content.service.folding import Folder
from freehold.content.service.foreseeing import Foresight
from freehold.core import disk
from freehold.core.database import Database
from freehold.discover import changes, trending, warming
from freehold.discussions.service import texts as threads_texts
from freehold.governance import tasks as governance_tasks
from freehold.governance.queries import status
from freehold.inbox.service import notifying
from freehold.inference import assembling as models
from freehold.searches import tasks as searches_tasks
from freehold.tasks.periodic import Periodic
from freehold.tasks.worker import Worker
from freehold.trends import tasks as trends_tasks
from freehold.usage import service as usage
from freehold.usage import tasks as usage_tasks

HOUSEKEEPING_S = 30
FOLDING_S = 60
COLLECTING_S = 3600
FORESIGHT_S = 20
PRUNING_S = 3600
RANKING_S = 3600
STALE_SCRATCH_S = 2 * 86400
STALE_UPLOADS_S = 3600


def lifespan_of(  # type: ignore[no-untyped-def]  # Starlette's own protocol
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
