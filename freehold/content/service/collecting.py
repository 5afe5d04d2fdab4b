"""The collector: what nothing names any more goes, rows first, bytes after a grace.

What a repository *holds* is what a ref of it reaches, and what was claimed lately: an upload claims its files before a
commit names them. What nobody holds loses its rows here; the bytes are doomed then (``dooming``). Every step takes the
repository's lock, or locks the rows it is about and looks again, so that whoever claims the same thing at the same
moment either comes first and keeps it, or comes after and hears that it is gone. docs/decisions, "Rows first".
"""

import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, func, or_, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from freehold.content import queries
from freehold.content.keys import content_key, pack_index_key, pack_key, xorb_index_key, xorb_key
from freehold.content.kit import Kit
from freehold.content.service import dooming, downloads
from freehold.content.service.commits import scratch_directory
from freehold.content.service.erasing import end_recipes
from freehold.content.service.pruning import row_of, was_pruned
from freehold.content.service.publishing import hold, keep_pack, record_pack
from freehold.content.tables import (
    Content,
    Doomed,
    Pack,
    Pruning,
    Push,
    Recipe,
    RecipeXorb,
    Ref,
    RepoContent,
    RepoRecipe,
    RepoXorb,
    UserXorb,
    Xorb,
)
from freehold.core import clock
from freehold.core.database import Database
from freehold.gitkit.errors import FoldFailed, MissingGitObject
from freehold.gitkit.folding import reachable
from freehold.gitkit.large_files import named
from freehold.gitkit.program import can_run
from freehold.repos.tables import Repo
from freehold.stores.keys import is_key

log = logging.getLogger("freehold.content")
#: What nobody names is kept so long: longer than dedup answers (2 days), Xet tokens and signed addresses live.
GRACE = timedelta(days=3)
BATCH = 500
MAX_REPOS = 200
MAX_DRY_REPOS = 100_000
MAX_PUSHES = 10_000
#: Histories left behind of which one is looked at for what was erased; older ones go with it.
MAX_SPARED = 100
MAX_BATCHES = 200
MAX_ORPHANS = 100_000
MAX_KEY_CHARS = 255  # of a row; ours are shorter


@dataclass
class Report:
    """What one turn did, or would do: for each kind of thing how many, and their bytes.

    ``doomed`` are bytes that nothing names from now on, which go after the wait; ``deleted`` went in this turn.
    """

    ended_claims: int = 0
    pruned: list[str] = field(default_factory=list)
    pruned_bytes: int = 0
    doomed: Counter[str] = field(default_factory=Counter)
    doomed_bytes: Counter[str] = field(default_factory=Counter)
    waiting: int = 0
    waiting_bytes: int = 0
    deleted: int = 0
    deleted_bytes: int = 0

    def add(self, kind: str, sizes: dict[str, int]) -> None:
        self.doomed[kind] += len(sizes)
        self.doomed_bytes[kind] += sum(sizes.values())


class Collector:
    """One turn at a time; several processes may run one each."""

    def __init__(self, database: Database, kit: Kit) -> None:
        self._database, self._kit = database, kit

    def turn(self) -> Report:
        """What nothing names is doomed, and what was doomed long enough ago is gone."""
        report = Report()
        for repo_id in self._repos():
            self._look_at(repo_id, report)
        for _ in range(MAX_BATCHES):
            with self._database.write() as db:
                if not self._end_rows(db, report):
                    break
        for sizes in self._orphans():
            with self._database.write() as db:
                report.add("orphans", self._doom(db, sizes))
        deleted = dooming.delete_due(self._database, self._kit)
        report.deleted, report.deleted_bytes = len(deleted), sum(size for _, size in deleted)
        self._count_waiting(report)
        return report

    def dry_run(self) -> Report:
        """What :meth:`turn` would do, done in one transaction that is rolled back. Packs are weighed, not made."""
        report = Report()
        now = clock.now()
        stale = {id_: found for id_ in self._repos(MAX_DRY_REPOS) if (found := self._found(id_, now)) is not None}
        orphans = list(self._orphans())
        try:
            with self._database.write() as db:
                for repo_id, found in stale.items():
                    report.ended_claims += self._end_claims(db, repo_id, found)
                    if found.is_shortened:
                        report.pruned.append(repo_id)
                for _ in range(MAX_BATCHES):
                    if not self._end_rows(db, report):
                        break
                for sizes in orphans:
                    report.add("orphans", self._doom(db, sizes))
                due = db.execute(
                    select(func.count(), func.coalesce(func.sum(Doomed.size_bytes), 0)).where(
                        Doomed.state != "gone", Doomed.at <= clock.now() - dooming.wait(self._kit)
                    )
                ).one()
                report.deleted, report.deleted_bytes = int(due[0]), int(due[1])
                raise _DryRun
        except _DryRun:
            pass
        self._count_waiting(report)
        return report

    # ---- repositories ----------------------------------------------------------------------------------------------

    def _repos(self, limit: int = MAX_REPOS) -> list[str]:
        """Repositories where a claim or the movement of a ref has come of age since they were judged last."""
        before = clock.now() - GRACE
        ripe = [
            select(table.repo_id)
            .where(table.repo_id == Repo.id, moment <= before)
            .where(or_(Pruning.ripe_until.is_(None), moment > Pruning.ripe_until))
            .correlate(Repo, Pruning)
            .exists()
            for table, moment in ((RepoContent, RepoContent.created_at), (Push, Push.at))
        ]
        query = select(Repo.id).outerjoin(Pruning, Pruning.repo_id == Repo.id).where(or_(Pruning.is_wanted, *ripe))
        with self._database.read() as db:
            return list(db.scalars(query.order_by(Repo.id).limit(limit)))

    def _look_at(self, repo_id: str, report: Report) -> None:
        now = clock.now()
        try:
            found = self._found(repo_id, now)
            if found is not None:
                with self._database.write() as db:
                    report.ended_claims += self._end_claims(db, repo_id, found)
                if found.is_shortened:
                    self._prune(repo_id, found, report)
        except MissingGitObject as err:
            log.error("Repository %s is damaged, nothing of it is collected: %s", repo_id, err.message)
        with self._database.write() as db:
            if db.get(Repo, repo_id) is not None:
                row_of(db, repo_id).ripe_until = now - GRACE

    def _found(self, repo_id: str, now: datetime) -> "_Found | None":
        """What the repository has that neither a ref names, nor one did until a moment ago."""
        with self._database.read() as db:
            repo = db.get(Repo, repo_id)
            if repo is None:
                return None
            targets = _targets(db, repo_id)
            objects = queries.objects(db, repo, self._kit)
            query = select(RepoContent.sha256).where(
                RepoContent.repo_id == repo_id, RepoContent.created_at <= now - GRACE
            )
            old = set(db.scalars(query))
            held = set(db.scalars(select(RepoContent.sha256).where(RepoContent.repo_id == repo_id)))
            pushes = list(
                db.execute(
                    select(Push.before, Push.after, Push.at)
                    .where(Push.repo_id == repo_id, Push.before.is_not(None))
                    .order_by(Push.at.desc())
                    .limit(MAX_PUSHES)
                )
            )
            row = db.get(Pruning, repo_id)
            is_wanted, ripe_until = (row.is_wanted, row.ripe_until) if row is not None else (False, None)
        reached = {oid for target in targets.values() for oid in objects.order(target)}
        # Whoever deleted or squashed too much has some days to come back for it.
        recent = [push.before for push in pushes if push.at > now - GRACE and push.before not in reached]
        recent = [oid for oid in dict.fromkeys(recent) if objects.has(oid)]
        if is_wanted:  # large files were erased: what still names one of them goes now, the rest of it as ever
            recent = [oid for oid in recent[:MAX_SPARED] if named(objects, [oid]).keys() <= held]
        ripe = [push for push in pushes if push.at <= now - GRACE and (ripe_until is None or push.at > ripe_until)]
        left_behind = any(push.before not in reached and objects.has(push.before) for push in ripe)
        stale = old - named(objects, [*targets.values(), *recent]).keys() if old else set()
        heads = sorted({*targets.values(), *recent})
        return _Found(now, targets, heads, sorted(stale), is_wanted or left_behind)

    def _end_claims(self, db: Session, repo_id: str, found: "_Found") -> int:
        """Claims on what no ref names are over, unless a ref moved or a claim was made anew since they were found."""
        repo = db.get(Repo, repo_id)
        if repo is None:
            return 0
        hold(db, repo)
        if _targets(db, repo_id) != found.targets:
            return 0
        ended = 0
        for at in range(0, len(found.stale), BATCH):
            some = found.stale[at : at + BATCH]
            old = delete(RepoContent).where(
                RepoContent.repo_id == repo_id, RepoContent.sha256.in_(some), RepoContent.created_at <= found.at - GRACE
            )
            gone = list(db.scalars(old.returning(RepoContent.sha256)))
            files = db.scalars(
                select(Content.file_hash).where(Content.sha256.in_(gone), Content.file_hash.is_not(None))
            )
            end_recipes(db, repo_id, [name for name in files if name])
            ended += len(gone)
        ended += self._end_registrations(db, repo_id, found.at - GRACE)
        if ended:
            was_pruned(db, repo_id)
        return ended

    def _end_registrations(self, db: Session, repo_id: str, before: datetime) -> int:
        """Files registered by Xet hash alone, long ago, that no content of the repository is kept as."""
        used = select(Content.file_hash).join(RepoContent, RepoContent.sha256 == Content.sha256)
        age = func.coalesce(RepoRecipe.claimed_at, Recipe.created_at)
        query = (
            select(RepoRecipe.file_hash)
            .join(Recipe, Recipe.file_hash == RepoRecipe.file_hash)
            .where(RepoRecipe.repo_id == repo_id, age <= before)
            .where(~used.where(RepoContent.repo_id == repo_id, Content.file_hash == RepoRecipe.file_hash).exists())
            .limit(BATCH)
        )
        names = list(db.scalars(query))
        end_recipes(db, repo_id, names)
        return len(names)

    def _prune(self, repo_id: str, found: "_Found", report: Report) -> None:
        """The repository's packs hold what its refs reach, and nothing else."""
        if not can_run():
            return
        with self._database.read() as db:
            repo = db.get(Repo, repo_id)
            if repo is None:
                return
            sizes = {p.name: p.size_bytes for p in db.scalars(select(Pack).where(Pack.repo_id == repo_id))}
        if not found.heads or not sizes:
            return
        with scratch_directory(self._kit) as scratch:
            try:
                files = self._kit.git.pack_files(repo_id, list(sizes))
                new = reachable(files, found.heads, scratch)
            except FoldFailed as err:
                log.error("The packs of repository %s are not pruned: %s", repo_id, err.message)
                return
            keep_pack(self._kit, repo_id, new)
        with self._database.write() as db:
            repo = db.get(Repo, repo_id)
            if repo is None:
                return
            hold(db, repo)
            packs = set(db.scalars(select(Pack.name).where(Pack.repo_id == repo_id)))
            if _targets(db, repo_id) != found.targets or packs != sizes.keys():
                return  # somebody published meanwhile; the next turn looks again
            old = {name: size for name, size in sizes.items() if name != new.name}
            db.execute(delete(Pack).where(Pack.repo_id == repo_id, Pack.name.in_(old)))
            record_pack(db, repo, new)
            was_pruned(db, repo_id)
            row_of(db, repo_id).is_wanted = False
            keys = {pack_key(repo_id, name): size for name, size in old.items()}
            dooming.doom(db, keys | {pack_index_key(repo_id, name): 0 for name in old})
            report.pruned.append(repo_id)
            report.pruned_bytes += sum(sizes.values()) - new.size_bytes
            report.add("packs", keys)
        downloads.forget(repo_id)

    # ---- rows ------------------------------------------------------------------------------------------------------

    def _end_rows(self, db: Session, report: Report) -> bool:
        """Some contents, recipes and xorbs that nobody holds are gone; whether there may be more."""
        before = clock.now() - GRACE
        return any(
            [self._end_contents(db, report), self._end_recipe_rows(db, before), self._end_xorbs(db, before, report)]
        )

    def _end_contents(self, db: Session, report: Report) -> bool:
        unheld = ~select(RepoContent.repo_id).where(RepoContent.sha256 == Content.sha256).exists()
        names = self._locked(db, Content.sha256, unheld)
        rows = db.execute(select(Content.sha256, Content.size_bytes, Content.is_whole).where(Content.sha256.in_(names)))
        sizes = {content_key(row.sha256): row.size_bytes for row in rows if row.is_whole}
        db.execute(delete(Content).where(Content.sha256.in_(names)))
        dooming.doom(db, sizes)
        report.add("large files", sizes)
        return bool(names)

    def _end_recipe_rows(self, db: Session, before: datetime) -> bool:
        unheld = (
            ~select(RepoRecipe.repo_id).where(RepoRecipe.file_hash == Recipe.file_hash).exists()
            & ~select(Content.sha256).where(Content.file_hash == Recipe.file_hash).exists()
            & (Recipe.created_at <= before)
        )
        names = self._locked(db, Recipe.file_hash, unheld)
        # Clients may hold an answer that names the xorbs of a file that was there a moment ago.
        of_files = select(RecipeXorb.xorb_hash).where(RecipeXorb.file_hash.in_(names))
        db.execute(update(Xorb).where(Xorb.xorb_hash.in_(of_files)).values(used_at=clock.now()))
        db.execute(delete(Recipe).where(Recipe.file_hash.in_(names)))
        return bool(names)

    def _end_xorbs(self, db: Session, before: datetime, report: Report) -> bool:
        unused = ~select(RecipeXorb.file_hash).where(RecipeXorb.xorb_hash == Xorb.xorb_hash).exists() & (
            func.coalesce(Xorb.used_at, Xorb.created_at) <= before
        )
        names = self._locked(db, Xorb.xorb_hash, unused)
        rows = db.execute(select(Xorb.xorb_hash, Xorb.stored_bytes).where(Xorb.xorb_hash.in_(names)))
        sizes = {xorb_key(row.xorb_hash): row.stored_bytes for row in rows}
        for table in (RepoXorb, UserXorb):
            db.execute(delete(table).where(table.xorb_hash.in_(names)))
        db.execute(delete(Xorb).where(Xorb.xorb_hash.in_(names)))
        dooming.doom(db, sizes | {xorb_index_key(name): 0 for name in names})
        report.add("xorbs", sizes)
        return bool(names)

    def _locked(self, db: Session, key: InstrumentedAttribute[str], unheld: ColumnElement[bool]) -> list[str]:
        """Some rows that ``unheld`` is true of, locked, and looked at again once they were."""
        query = select(key).where(unheld).limit(BATCH)
        some = list(db.scalars(query.with_for_update(skip_locked=True)))
        if db.get_bind().dialect.name == "sqlite":
            return some  # there is one writer
        return list(db.scalars(select(key).where(key.in_(some), unheld)))

    # ---- the store -------------------------------------------------------------------------------------------------

    def _orphans(self) -> Iterator[dict[str, int]]:
        """Keys of the store that no row names, and that are older than anything still on its way to a row."""
        before = clock.now() - GRACE
        batch: dict[str, int] = {}
        found = 0
        for item in self._kit.store.listed(""):
            if item.modified_at < before and is_key(item.key) and len(item.key) <= MAX_KEY_CHARS:
                batch[item.key] = item.size_bytes
            if len(batch) >= BATCH:
                unnamed, batch = self._unnamed(batch), {}
                found += len(unnamed)
                if unnamed:
                    yield unnamed
                if found >= MAX_ORPHANS:
                    return
        if batch and (unnamed := self._unnamed(batch)):
            yield unnamed

    def _unnamed(self, sizes: dict[str, int]) -> dict[str, int]:
        with self._database.read() as db:
            kept = dooming.named(db, sizes)
            waiting = set(db.scalars(select(Doomed.key).where(Doomed.key.in_(list(sizes)), Doomed.state != "gone")))
        return {key: size for key, size in sizes.items() if key not in kept and key not in waiting}

    def _doom(self, db: Session, sizes: dict[str, int]) -> dict[str, int]:
        kept = dooming.named(db, sizes)  # once more, in the transaction that dooms them
        doomed = {key: size for key, size in sizes.items() if key not in kept}
        dooming.doom(db, doomed)
        return doomed

    def _count_waiting(self, report: Report) -> None:
        query = select(func.count(), func.coalesce(func.sum(Doomed.size_bytes), 0)).where(Doomed.state == "waiting")
        with self._database.read() as db:
            count, size_bytes = db.execute(query).one()
        report.waiting, report.waiting_bytes = int(count), int(size_bytes)


@dataclass(frozen=True)
class _Found:
    """What was found of a repository ``at`` a moment, while its refs had these ``targets``."""

    at: datetime
    targets: dict[str, str]
    heads: Sequence[str]
    stale: Sequence[str]
    is_shortened: bool


class _DryRun(Exception):
    pass


def _targets(db: Session, repo_id: str) -> dict[str, str]:
    return {row.name: row.target for row in db.execute(select(Ref.name, Ref.target).where(Ref.repo_id == repo_id))}
