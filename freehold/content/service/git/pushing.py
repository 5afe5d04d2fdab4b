"""A push: taken apart, its pack put to the proof in quarantine, then made visible by one transaction, ref by ref."""

import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy.orm import Session

from freehold.access.rules import Action, Actor
from freehold.content import queries, rules
from freehold.content.events import CommitProposed, PullRequestPushed
from freehold.content.kit import Kit
from freehold.content.service import locks, objects
from freehold.content.service.commits import README
from freehold.content.service.git import rights
from freehold.content.service.git.checking import (
    MAX_NEW_COMMITS,
    MAX_NEW_PATHS,
    Checker,
    check_spelling,
    unknown_large_files,
)
from freehold.content.service.git.rights import Move, PushRefused
from freehold.content.service.numbers import next_number
from freehold.content.service.publishing import LostRace, hold, keep_pack, move_ref, record_pack
from freehold.content.service.refs import create
from freehold.content.tables import Content, Ref
from freehold.core import events
from freehold.core.database import Database
from freehold.core.errors import HubError
from freehold.gitkit.errors import GitRefused, MissingGitObject
from freehold.gitkit.objects import Objects
from freehold.gitkit.pointers import Pointer
from freehold.gitkit.program import Limits
from freehold.gitkit.receiving import MAX_COMMANDS, Command, Quarantine, Request
from freehold.gitkit.reports import Outcome, Report
from freehold.repos import service as repos
from freehold.repos.rules import page_path
from freehold.repos.tables import Repo

log = logging.getLogger("freehold.content")
MAX_OBJECTS = 10_000_000
#: A pack is worth this much processor time, and more by its size: a small one that unpacks for minutes is a bomb.
LEAST_CPU_S = 60
BYTES_A_CPU_S = 1 << 20
#: Of one file that is written while a pack is unpacked: the pack again, and the bases that it left out.
MORE_FILE_BYTES = 1 << 30

Say = Callable[[str], None]


@dataclass(frozen=True)
class Target:
    """The repository that is pushed to. ``site`` is the address that pages are shown under."""

    kind: str
    repo: str
    site: str


@dataclass
class _Push:
    """What is known of a push so far: plain values that outlive the transaction that read them."""

    repo_id: str
    known: Objects
    refs: dict[str, Ref]
    moves: dict[Command, Move] = field(default_factory=dict)
    refused: dict[Command, PushRefused] = field(default_factory=dict)


@dataclass
class _Brought:
    """What its pack brings: where each new target leads to, and large files to be granted or known."""

    commits: dict[str, str] = field(default_factory=dict)
    forced: set[str] = field(default_factory=set)  # refs whose history does not go on
    pointers: dict[str, tuple[Pointer, str]] = field(default_factory=dict)


def admitted(db: Session, actor: Actor, path: str, *, kind: str) -> Repo:
    """The repository, for whoever may push something to it: those who may propose a change at least."""
    return repos.load(db, actor, path, Action.PROPOSE, kind=kind)


def push(
    database: Database, kit: Kit, actor: Actor, target: Target, request: Request, pack: Path, scratch: Path, say: Say
) -> Report:
    """What came of each command. Opens its own transactions, because bytes are written between them.

    ``pack`` is the file that the pack was put in; ``say`` tells the user something while they wait.
    """
    with database.read() as db:
        push = _planned(db, kit, actor, target, request)
    report = Report()
    if push.moves and not (push.refused and request.is_atomic):
        try:
            _receive(database, kit, actor, target, request, push, pack, scratch, say)
        except PushRefused as err:
            push.refused |= dict.fromkeys(push.moves, err)
        except GitRefused as err:
            report.unpack = err.message
            push.refused |= dict.fromkeys(push.moves, PushRefused("the pack cannot be taken", err.message))
        except HubError as err:
            log.info("A push to %s was refused: %s", target.repo, err.message)
            push.refused |= dict.fromkeys(push.moves, _refusal(err))
    _tell(report, request, push, say)
    return report


# ---- before the bytes --------------------------------------------------------------------------------------


def _planned(db: Session, kit: Kit, actor: Actor, target: Target, request: Request) -> _Push:
    repo = admitted(db, actor, target.repo, kind=target.kind)
    refs = {ref.name: ref for ref in queries.refs(db, repo)}
    push = _Push(repo.id, queries.objects(db, repo, kit), refs)
    for command in request.commands:
        try:
            push.moves[command] = rights.allowed(db, actor, repo, command, refs)
        except PushRefused as err:
            push.refused[command] = err
    return push


# ---- the bytes ---------------------------------------------------------------------------------------------


def _receive(
    database: Database,
    kit: Kit,
    actor: Actor,
    target: Target,
    request: Request,
    push: _Push,
    pack: Path,
    scratch: Path,
    say: Say,
) -> None:
    quarantine = Quarantine(scratch / "quarantine", push.repo_id, push.known)
    brought = _Brought()
    if any(move.new for move in push.moves.values()):
        limits = Limits(
            cpu_s=LEAST_CPU_S + request.pack_bytes // BYTES_A_CPU_S,
            file_bytes=request.pack_bytes + MORE_FILE_BYTES,
            wall_s=kit.settings.git_s,
        )
        if request.problem:
            raise GitRefused(request.problem)
        if request.pack_bytes:
            quarantine.index(pack, max_objects=MAX_OBJECTS, limits=limits)
        pack.unlink(missing_ok=True)
        brought = _checked(database, kit, actor, target, push, quarantine)
    if not push.moves or (push.refused and request.is_atomic):
        return
    keep_pack(kit, push.repo_id, quarantine.pack)
    try:
        with database.write() as db:
            told, refused = _publish(db, actor, target, request, push, quarantine, brought)
    except _NothingMoves as err:
        told, refused = [], err.refused
    push.refused |= refused
    for line in told:
        say(line)


class _NothingMoves(Exception):
    """Every ref was refused, or one of an atomic push was: the transaction is taken back."""

    def __init__(self, refused: dict[Command, PushRefused]) -> None:
        super().__init__()
        self.refused = refused


def _checked(
    database: Database, kit: Kit, actor: Actor, target: Target, push: _Push, quarantine: Quarantine
) -> _Brought:
    """Every new object that the refs lead to obeys the rules. Raises :class:`PushRefused` for the whole push."""
    brought = _Brought()
    found = quarantine.objects
    for command, move in push.moves.items():
        if move.new is not None:
            brought.commits[move.new] = _commit_of(found, command)
    new, old = set(brought.commits.values()), {ref.commit for ref in push.refs.values()}
    commits, others = _new_commits(quarantine, new, old)
    checker = Checker(found, max_inline_bytes=kit.settings.max_inline_bytes, limit_s=kit.settings.git_s)
    if commits:
        findings = checker.check(quarantine.changes(commits, limit=MAX_NEW_PATHS))
        check_spelling(found, new | others, findings.folders)
        brought.pointers = findings.pointers
    for command, move in list(push.moves.items()):
        try:
            _check_move(database, actor, target, push, quarantine, move, brought)
        except PushRefused as err:
            del push.moves[command]
            push.refused[command] = err
    return brought


def _new_commits(quarantine: Quarantine, new: set[str], old: set[str]) -> tuple[list[tuple[str, str | None]], set[str]]:
    """Every commit that was not here, with its first parent; and the heads of those that no ref of the push leads to.

    A branch could be made at any commit that is here, so none may come in unseen.
    """
    commits = quarantine.new_commits(sorted(new - old), sorted(old), limit=MAX_NEW_COMMITS) if new - old else []
    seen = {oid for oid, _ in commits}
    beside = [oid for oid in quarantine.packed_commits() if oid not in seen]
    if not beside:
        return commits, set()
    others = quarantine.new_commits(beside, sorted(new | old), limit=MAX_NEW_COMMITS)
    heads = {oid for oid, _ in others} - {parent for _, parent in others if parent}
    if len(heads) > MAX_COMMANDS:
        raise GitRefused("the pack has commits that no ref of the push leads to")
    return [*commits, *others], heads


def _commit_of(found: Objects, command: Command) -> str:
    """The commit that a command's new target leads to: itself, or through annotated tags."""
    assert command.new is not None, "a deletion leads nowhere"
    try:
        if found.kind(command.new) == "commit" or command.ref.startswith(rules.TAGS):
            return found.commit(command.new).oid
    except MissingGitObject as err:
        raise PushRefused("no commit", f"{command.ref} would not lead to a commit that was sent.") from err
    raise PushRefused("no commit", f"{command.ref} can only point to a commit.")


def _check_move(
    database: Database, actor: Actor, target: Target, push: _Push, quarantine: Quarantine, move: Move, brought: _Brought
) -> None:
    if move.new is None:
        return
    new = brought.commits[move.new]
    old = push.refs[move.ref].commit if move.old else None
    if old is not None and old != new and not quarantine.is_ancestor(old, new):
        if not move.may_rewrite:
            raise rights.no_rewrite(move.ref)
        brought.forced.add(move.ref)
    if move.base is not None and quarantine.is_ancestor(new, push.refs[move.base].commit):
        raise PushRefused("nothing to propose", f"{move.base} holds every commit of this push already.")
    if move.ref.startswith(rules.TAGS):
        return
    with database.read() as db:
        repo = admitted(db, actor, target.repo, kind=target.kind)
        if move.ref.startswith(rules.BRANCHES):
            _check_locks(db, actor, repo, quarantine, old, new)
        _check_card(db, actor, repo, push.known, quarantine.objects, new)


def _check_locks(db: Session, actor: Actor, repo: Repo, quarantine: Quarantine, old: str | None, new: str) -> None:
    if old is None or old == new or not locks.of_others(db, actor, repo):
        return
    changed = quarantine.changes([(new, old)], limit=MAX_NEW_PATHS)
    try:
        locks.refuse_locked(db, actor, repo, {change.path.decode("utf-8", "replace") for change in changed})
    except HubError as err:
        raise PushRefused("locked by somebody else", err.message) from err


def _check_card(db: Session, actor: Actor, repo: Repo, known: Objects, found: Objects, new: str) -> None:
    """A README that was not here before passes the rules of the rooms above, as one that a commit carries does."""
    entry = found.entry(new, README)
    if entry is None or entry.kind != "file" or entry.pointer is not None or known.has(entry.oid):
        return
    try:
        events.publish(db, CommitProposed(repo, actor, {README: found.blob(entry.oid)}))
    except HubError as err:
        raise PushRefused("its README cannot be published", err.message) from err


# ---- the publishing transaction ----------------------------------------------------------------------------


def _publish(
    db: Session,
    actor: Actor,
    target: Target,
    request: Request,
    push: _Push,
    quarantine: Quarantine,
    brought: _Brought,
) -> tuple[list[str], dict[Command, PushRefused]]:
    """What to tell the user, and what was refused of what was planned.

    Looked at again: rights, names and what the repository holds may have changed while the bytes were checked.
    """
    repo = admitted(db, actor, target.repo, kind=target.kind)
    if repo.id != push.repo_id:
        raise PushRefused("another repository", "Another repository has this name now.")
    hold(db, repo)
    _grant(db, actor, repo, brought)
    record_pack(db, repo, quarantine.pack)
    told: list[str] = []
    refused: dict[Command, PushRefused] = {}
    refs = {ref.name: ref for ref in queries.refs(db, repo)}
    for command, planned in push.moves.items():
        try:
            move = rights.allowed(db, actor, repo, command, refs)
            if planned.may_rewrite and not move.may_rewrite:
                raise rights.no_rewrite(move.ref)
            with events.savepoint(db):
                told += _carry_out(db, actor, target, repo, request, quarantine.objects, move, brought)
        except LostRace:
            refused[command] = rights.lost_race(command.ref)
        except PushRefused as err:
            refused[command] = err
        except HubError as err:
            refused[command] = _refusal(err)
    if refused and (request.is_atomic or len(refused) == len(push.moves)):
        raise _NothingMoves(refused)
    return told, refused


def _grant(db: Session, actor: Actor, repo: Repo, brought: _Brought) -> None:
    """Every large file that the commits name is the repository's, or is now, where the pusher could read it already."""
    held = queries.contents(db, repo, brought.pointers.keys())
    missing = sorted(brought.pointers.keys() - held.keys())
    elsewhere: dict[str, Content] = {}
    for at in range(0, len(missing), queries.BATCH):
        elsewhere |= objects.held_elsewhere(db, actor, missing[at : at + queries.BATCH])
    known = held | elsewhere
    unknown = [
        (pointer, path)
        for sha256, (pointer, path) in brought.pointers.items()
        if sha256 not in known or known[sha256].size_bytes != pointer.size_bytes
    ]
    if unknown:
        raise unknown_large_files(unknown)
    objects.grant(db, repo.id, list(elsewhere.values()))


def _carry_out(
    db: Session,
    actor: Actor,
    target: Target,
    repo: Repo,
    request: Request,
    found: Objects,
    move: Move,
    brought: _Brought,
) -> Collection[str]:
    """The ref is moved; what the user should hear of it."""
    page = target.site + page_path(repo.kind, repo.path)
    if move.base is not None:
        assert move.new is not None, "a proposal of nothing"
        number = _propose(db, actor, repo, request, found, move.base, brought.commits[move.new])
        return (
            f"Pull request {number}: {page}/discussions/{number}",
            f"To add commits to it: git push origin HEAD:{rules.PULLS}{number}",
        )
    peeled = brought.commits.get(move.new) if move.new is not None else None
    peeled = None if peeled == move.new else peeled
    if move.old is not None or move.new is None:
        is_forced = move.new is not None and move.ref in brought.forced
        move_ref(db, actor, repo, move.ref, move.old, move.new, peeled, is_forced=is_forced)
    else:
        create(db, actor, repo, move.ref, move.new, peeled)
    if move.ref.startswith(rules.PULLS):
        return (f"Pull request: {page}/discussions/{move.ref.removeprefix(rules.PULLS)}",)
    if move.old is None and move.ref.startswith(rules.BRANCHES):
        name = move.ref.removeprefix(rules.BRANCHES)
        return (f"New branch {name}. To propose it for main: git push origin {name}:{rights.FOR}main",)
    return ()


def _propose(db: Session, actor: Actor, repo: Repo, request: Request, found: Objects, base: str, commit: str) -> int:
    """A new pull request, as ``create_pr=1`` of the API opens one; its number.

    The words are those of the last commit, unless the push says ``-o title=...`` or ``-o description=...``.
    """
    said = dict(option.split("=", 1) for option in request.options if "=" in option)
    title, _, body = found.commit(commit).message.strip().partition("\n")
    title = said.get("title", title).strip()[: rules.MAX_SUMMARY_CHARS] or "Proposal"
    description = said.get("description", body).strip()[: rules.MAX_DESCRIPTION_CHARS]
    number = next_number(db, repo)
    move_ref(db, actor, repo, f"{rules.PULLS}{number}", None, commit)
    events.publish(db, PullRequestPushed(repo, number, base, commit, title, description, actor))
    return number


# ---- words -------------------------------------------------------------------------------------------------


def _tell(report: Report, request: Request, push: _Push, say: Say) -> None:
    advice = dict.fromkeys(err.advice for err in push.refused.values() if err.advice)
    if advice:
        say("\n" + "\n\n".join(advice) + "\n")
    for command in request.commands:
        refused = push.refused.get(command)
        if refused is not None:
            reason: str | None = refused.reason
        else:
            reason = "another ref of this push was refused" if push.refused and request.is_atomic else None
        report.outcomes.append(Outcome(command.ref, reason))


def _refusal(err: HubError) -> PushRefused:
    first = err.message.split("\n", 1)[0]
    return PushRefused(first if len(first) <= 80 else "refused", err.message)
