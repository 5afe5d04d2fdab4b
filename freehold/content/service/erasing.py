"""Large files taken out of a repository for good: its claim ends, and where asked, its history never had them."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from freehold.access.rules import Action, Actor
from freehold.content import queries
from freehold.content.errors import ObjectUnknown
from freehold.content.events import LargeFilesErased
from freehold.content.kit import Kit
from freehold.content.service.commits import scratch_directory
from freehold.content.service.pruning import want_pruning
from freehold.content.service.publishing import MAX_ATTEMPTS, LostRace, hold, keep_pack, move_ref, record_pack
from freehold.content.tables import Content, RecipeXorb, Ref, RepoContent, RepoRecipe, RepoXorb
from freehold.core import events
from freehold.core.database import Database
from freehold.core.errors import Unavailable
from freehold.gitkit.large_files import pointer_blobs
from freehold.gitkit.rewriting import Rewritten, without_blobs
from freehold.repos import service as repos
from freehold.repos.tables import Repo

#: Below every database's limit on parameters.
BATCH = 500


@dataclass(frozen=True)
class Erased:
    """``commits`` has the new id of every commit that had to change, by its old one."""

    digests: Sequence[str]
    commits: Mapping[str, str] = field(default_factory=dict)


def erase(
    database: Database, kit: Kit, actor: Actor, path: str, digests: Sequence[str], *, kind: str, rewrite_history: bool
) -> Erased:
    """The repository holds none of ``digests`` any more, through any door.

    With ``rewrite_history`` no commit of any branch, tag or pull request has the files that were kept as them; the
    commits keep authors, dates and messages, and get new ids where they change. Without it the pointers stay, and lead
    nowhere. Opens its own transactions, because bytes are written between them; a commit that comes meanwhile is taken
    along. Raises :class:`ObjectUnknown` for what the repository does not hold; then nothing is done.
    """
    digests = list(dict.fromkeys(digests))
    for attempt in range(MAX_ATTEMPTS):
        with database.read() as db:
            repo = repos.load(db, actor, path, Action.ADMIN, kind=kind)
            held = queries.contents(db, repo, digests)
            if missing := [sha256 for sha256 in digests if sha256 not in held]:
                raise ObjectUnknown(missing[0])
            repo_id, targets, objects = repo.id, _targets(db, repo), queries.objects(db, repo, kit)
        rewritten = Rewritten({}, {}, None)
        if rewrite_history:
            with scratch_directory(kit) as scratch:
                doomed = pointer_blobs(objects, targets.values(), digests)
                rewritten = without_blobs(objects, targets.values(), doomed, scratch)
                keep_pack(kit, repo_id, rewritten.pack)
        try:
            with database.write() as db:
                repo = repos.load(db, actor, path, Action.ADMIN, kind=kind)
                hold(db, repo)
                if repo.id != repo_id or (rewrite_history and _targets(db, repo) != targets):
                    raise LostRace
                _publish(db, actor, repo, targets, rewritten)
                _end_claims(db, repo, digests)
                events.publish(db, LargeFilesErased(repo, actor, tuple(digests), rewritten.commits))
                return Erased(digests, rewritten.commits)
        except LostRace:
            time.sleep(0.01 * attempt)
    raise Unavailable("Too many commits to this repository at once; repeat the call.", headers={"Retry-After": "2"})


def _targets(db: Session, repo: Repo) -> dict[str, str]:
    rows = db.execute(select(Ref.name, Ref.target).where(Ref.repo_id == repo.id))
    return {row.name: row.target for row in rows}


def _publish(db: Session, actor: Actor, repo: Repo, targets: Mapping[str, str], rewritten: Rewritten) -> None:
    if not rewritten.commits and not rewritten.tags:
        return
    record_pack(db, repo, rewritten.pack)
    peeled = {row.name: row.peeled for row in queries.refs(db, repo)}
    for ref, target in targets.items():
        if rewritten.target(target) != target:
            commit = peeled[ref]
            new = rewritten.commits.get(commit, commit) if commit is not None else None
            move_ref(db, actor, repo, ref, target, rewritten.target(target), new, is_rewrite=True)
    want_pruning(db, repo)


def _end_claims(db: Session, repo: Repo, digests: Sequence[str]) -> None:
    """Neither by digest nor by Xet hash, nor for deduplication, does the repository lead to these files any more."""
    for at in range(0, len(digests), BATCH):
        some = digests[at : at + BATCH]
        files = list(
            db.scalars(select(Content.file_hash).where(Content.sha256.in_(some), Content.file_hash.is_not(None)))
        )
        db.execute(delete(RepoContent).where(RepoContent.repo_id == repo.id, RepoContent.sha256.in_(some)))
        end_recipes(db, repo.id, [name for name in files if name])


def end_recipes(db: Session, repo_id: str, files: Sequence[str]) -> None:
    """The repository's claim on these recipes is over, and on xorbs that no other file of it is made of."""
    db.execute(delete(RepoRecipe).where(RepoRecipe.repo_id == repo_id, RepoRecipe.file_hash.in_(files)))
    still = (
        select(RecipeXorb.xorb_hash)
        .join(RepoRecipe, RepoRecipe.file_hash == RecipeXorb.file_hash)
        .where(RepoRecipe.repo_id == repo_id)
    )
    also = (
        select(RecipeXorb.xorb_hash)
        .join(Content, Content.file_hash == RecipeXorb.file_hash)
        .join(RepoContent, RepoContent.sha256 == Content.sha256)
        .where(RepoContent.repo_id == repo_id)
    )
    of_files = select(RecipeXorb.xorb_hash).where(RecipeXorb.file_hash.in_(files))
    ended = delete(RepoXorb).where(RepoXorb.repo_id == repo_id, RepoXorb.xorb_hash.in_(of_files))
    db.execute(ended.where(RepoXorb.xorb_hash.not_in(still), RepoXorb.xorb_hash.not_in(also)))
