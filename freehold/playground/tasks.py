"""What runs in the background: rows that wait become lines of files in their data set, many by one commit."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from freehold.access import service as access
from freehold.access.rules import Action, Actor
from freehold.accounts.tables import Account
from freehold.content import queries as content
from freehold.content.errors import StaleParent
from freehold.content.kit import Kit
from freehold.content.service import commits
from freehold.content.service.commits import Target
from freehold.content.service.proposals import AddFile, Operation, Proposal
from freehold.core.errors import HubError
from freehold.gitkit.commits import Span
from freehold.gitkit.objects import Objects
from freehold.playground import rules
from freehold.playground.queue import GATHER_S, WRITE
from freehold.playground.tables import WaitingFeedback
from freehold.repos.access import may
from freehold.repos.tables import Repo
from freehold.tasks.queue import enqueue
from freehold.tasks.rules import Kind, TryLater
from freehold.tasks.worker import Body, Turn

#: Rows of one commit, and bytes of them; the rest waits for the next.
AT_ONCE = 1_000
MAX_BYTES = 3 << 20
README = "README.md"


def bodies(kit: Kit) -> dict[Kind, Body]:
    """Each kind with its body, for the worker."""

    def write(turn: Turn, repo_id: str) -> None:
        with turn.database.read() as db:
            plan = _planned(db, kit, repo_id)
        if plan is None:
            with turn.finishing():
                return
        if plan.files:
            _commit(turn, kit, plan)
        with turn.finishing() as db:
            db.execute(delete(WaitingFeedback).where(WaitingFeedback.id.in_(plan.ids)))
            if plan.more:
                enqueue(db, WRITE, key=f"feedback:{repo_id}", once=True, after_s=GATHER_S, repo_id=repo_id)

    return {WRITE: write}


@dataclass(frozen=True)
class _Plan:
    """One commit: in whose name, on which head, which files say what, and the rows that it writes."""

    actor: Actor
    path: str
    head: str
    files: dict[str, bytes]
    ids: Sequence[str]
    more: bool


def _planned(db: Session, kit: Kit, repo_id: str) -> _Plan | None:
    """None: nothing waits, or nobody may write there any more (then it waits until somebody may)."""
    waiting = select(WaitingFeedback).where(WaitingFeedback.repo_id == repo_id).order_by(WaitingFeedback.id)
    rows = db.scalars(waiting.limit(AT_ONCE + 1)).all()
    repo = db.get(Repo, repo_id)
    if not rows or repo is None:
        return None
    account = db.get(Account, rows[0].committed_as)
    if account is None:
        return None
    actor = access.of_user(db, account)
    if not may(actor, Action.WRITE, repo):
        raise TryLater(f"{account.name} may not write to {repo.path} any more: choose the data set anew.", 3600)
    head = content.head(db, repo)
    assert head is not None, "every repository has a first commit"
    mine = _first([row for row in rows[:AT_ONCE] if row.committed_as == account.id])
    objects = content.objects(db, repo, kit)
    files: dict[str, bytes] = {}
    for kind in rules.FOLDERS:
        files |= _grown(objects, head, kind, [row for row in mine if row.kind == kind])
    if files and objects.entry(head, README) is None:
        files[README] = rules.card(f"Feedback kept by {repo.owner.name}").encode()
    return _Plan(actor, repo.path, head, files, [row.id for row in mine], len(rows) > len(mine))


def _first(rows: Sequence[WaitingFeedback]) -> list[WaitingFeedback]:
    """As many as one commit takes: one at least."""
    taken: list[WaitingFeedback] = []
    left = MAX_BYTES
    for row in rows:
        left -= len(rules.line(row.id, row.row))
        if taken and left < 0:
            break
        taken.append(row)
    return taken


def _grown(objects: Objects, head: str, kind: str, rows: Sequence[WaitingFeedback]) -> dict[str, bytes]:
    """The newest file of ``kind`` with ``rows`` behind what it says. Those that stand there already stay out: a commit
    was made, and the hub was ended before it could forget them."""
    if not rows:
        return {}
    folder = rules.FOLDERS[kind]
    found = objects.folder(head, folder, 0, 10_000)
    entries = {one.path.rpartition("/")[2]: one for one in (found[0] if found else []) if one.kind == "file"}
    usable = {name: one for name, one in entries.items() if one.pointer is None}
    newest = max((name for name in usable if name[:-6].isdigit() and name.endswith(".jsonl")), default="")
    path, is_there = rules.next_file(kind, list(entries), usable[newest].size_bytes if newest else rules.MAX_FILE_BYTES)
    known = b""
    if newest:
        known = objects.blob(usable[newest].oid)
    ids = rules.ids_in(known)
    lines = b"".join(rules.line(row.id, row.row) for row in rows if row.id not in ids)
    if not lines:
        return {}
    before = known if is_there and path.endswith(newest) else b""
    return {path: (before if not before or before.endswith(b"\n") else before + b"\n") + lines}


def _commit(turn: Turn, kit: Kit, plan: _Plan) -> None:
    with commits.scratch_directory(kit) as scratch:
        operations: list[Operation] = []
        for number, (path, data) in enumerate(plan.files.items()):
            held = scratch / f"rows-{number}"
            held.write_bytes(data)
            operations.append(AddFile(path, Span(held, 0, len(data))))
        rows = len(plan.ids)
        proposal = Proposal(f"Add {rows} {'row' if rows == 1 else 'rows'} of feedback", "", plan.head, operations)
        try:
            commits.commit(turn.database, kit, plan.actor, Target("dataset", plan.path, "main"), proposal, scratch)
        except StaleParent as err:
            raise TryLater("Somebody else committed meanwhile.", 2) from err
        except HubError as err:
            raise TryLater(err.message, 600) from err
