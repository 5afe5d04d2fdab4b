"""How a replica comes to life on this node: rows, then files on disk, then a process of its engine."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from freehold.compute import service as compute
from freehold.compute.cluster import Cluster, Place
from freehold.compute.rules import Given, Running
from freehold.content.kit import Kit
from freehold.core.database import Database
from freehold.engines.rules import Engine
from freehold.inference import files, plans
from freehold.inference.errors import LoadFailed
from freehold.inference.files import ModelFiles
from freehold.inference.plans import Plan, Wish


class NodeStarter:
    """``inference.store.Starter`` of a real node. ``engine``: by name; raises ``LookupError`` for one that is none."""

    def __init__(self, database: Database, kit: Kit, engine: Callable[[str], Engine]) -> None:
        self.database, self.kit, self._engine = database, kit, engine
        self.files = ModelFiles(database, kit)
        self.cluster = Cluster(_place(kit)) if kit.settings.ray_address else None
        self.files.sweep()

    def wish(self, endpoint_id: str) -> Wish | None:
        with self.database.read() as db:
            return plans.wish(db, endpoint_id)

    def plan(self, endpoint_id: str) -> Plan | None:
        with self.database.read() as db:
            return plans.plan(db, self.kit, endpoint_id)

    def begin(self, plan: Plan, limit_bytes: int, given: Given | None) -> Running:
        try:
            engine = self._engine(plan.engine)
        except LookupError as err:
            raise LoadFailed(f"This node has no engine called {plan.engine}.", reason="not_installed") from err
        if why := engine.missing():
            raise LoadFailed(why, reason="not_installed")
        folder = self.files.folder_of(plan.files) if plan.files else self.kit.tmp
        adapters = {name: self._adapter(one) for name, one in plan.adapters.items()}
        there = None if engine.is_remote else self.cluster
        setup = plan.setup if there is None else replace(plan.setup, threads=self.kit.settings.ray_cpus)
        job = replace(
            engine.job(plan.offer, setup, folder, adapters),
            name=plan.wish.name,
            memory_bytes=limit_bytes,
            card_needs=plan.reckoned_on_cards(),
            given=given,
        )
        if there is not None:
            job = replace(job, files=self._files(plan), reserved_bytes=plan.need_bytes, cpus=float(setup.threads))
        return compute.begin(job, there)

    def ready(self, running: Running) -> None:
        compute.ready(running)

    def body(self, plan: Plan, adapter: str) -> Mapping[str, Any]:
        return self._engine(plan.engine).worded({}, adapter, list(plan.adapters))

    def keep_files(self, plan: Plan) -> None:
        for wanted in [plan.files, *(one.wanted for one in plan.adapters.values())]:
            if wanted is not None:
                files.use(self.files.folder / wanted.key)

    def stop(self) -> None:
        self.files.is_stopping = True
        if self.cluster is not None:
            self.cluster.close()

    def _files(self, plan: Plan) -> list[Path]:
        """All that must be where the replica runs."""
        wanted = [plan.files] if plan.files else []
        return [
            self.files.folder_of(one) / file.entry.path
            for one in [*wanted, *(beside.wanted for beside in plan.adapters.values())]
            for file in one.files
        ]

    def _adapter(self, beside: plans.Beside) -> Path:
        return self.files.folder_of(beside.wanted) / beside.file


def _place(kit: Kit) -> Place:
    settings = kit.settings
    return Place(
        address=settings.ray_address,
        root=kit.cache,
        made=kit.made_weights,
        python=settings.ray_python,
        cache=settings.ray_cache,
        cache_bytes=settings.cache_bytes,
    )
