"""Which refs a push may move, and who may: decided before its bytes are looked at, and again when they are in.

Writers make, move and delete branches and tags, and may rewrite a branch of theirs. ``main`` is what everyone builds
on: only administrators of the repository rewrite it, and nobody deletes it. A pull request's ref moves for its author
and for writers. ``refs/for/<branch>`` is no ref: a push to it opens a pull request.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy.orm import Session

from freehold.access.rules import Action, Actor
from freehold.content import rules
from freehold.content.errors import BadRef
from freehold.content.service.commits import opened
from freehold.content.tables import Ref
from freehold.gitkit.receiving import Command
from freehold.repos.access import may
from freehold.repos.tables import Repo

FOR = "refs/for/"
_PULL = re.compile(rules.PULLS + r"[1-9][0-9]{0,8}")
HOW_TO_PROPOSE = "To propose a change: git push origin HEAD:refs/for/main"


class PushRefused(Exception):
    """``reason`` stands beside the ref in git's report; ``advice`` says the rest, line by line."""

    def __init__(self, reason: str, advice: str = "") -> None:
        super().__init__(reason)
        self.reason, self.advice = reason, advice


@dataclass(frozen=True)
class Move:
    """A command that may be carried out: ``ref`` from ``old`` to ``new`` (None: nowhere).

    ``base`` is the branch that a new pull request goes to. ``may_rewrite``: the history need not go on.
    """

    ref: str
    old: str | None
    new: str | None
    base: str | None = None
    may_rewrite: bool = True


def allowed(db: Session, actor: Actor, repo: Repo, command: Command, refs: Mapping[str, Ref]) -> Move:
    """What ``command`` comes to for ``actor``, where ``refs`` are the repository's. Raises :class:`PushRefused`."""
    ref = command.ref
    if ref.startswith(FOR):
        return _proposal(command, refs)
    row = refs.get(ref)
    at = row.target if row is not None else None
    if ref.startswith(rules.PULLS):
        _check_pull(db, actor, repo, command, exists=row is not None)
    elif ref.startswith((rules.BRANCHES, rules.TAGS)):
        _check_name(ref, exists=row is not None)
        if not may(actor, Action.WRITE, repo):
            raise PushRefused(
                "you may not write here", f"You may read {repo.path}, but not move its refs. {HOW_TO_PROPOSE}"
            )
    else:
        raise PushRefused("no ref of this hub", "Push to branches (refs/heads/...), tags, or refs/for/<branch>.")
    if command.new is None and ref == rules.MAIN:
        raise PushRefused("main cannot be deleted", "Every repository keeps its main branch.")
    if command.old != at:
        raise lost_race(ref)
    if command.new is None and at is None:
        raise PushRefused("there is no such ref")
    may_rewrite = ref != rules.MAIN or bool(may(actor, Action.ADMIN, repo))
    return Move(ref, at, command.new, may_rewrite=may_rewrite)


def lost_race(ref: str) -> PushRefused:
    return PushRefused(
        "fetch first", f"{ref} moved since you fetched it. Run git pull (or git fetch), then push again."
    )


def no_rewrite(ref: str) -> PushRefused:
    return PushRefused(
        "main keeps its history",
        "This push would drop commits of main; only an administrator of the repository may do that. "
        f"Push to another branch, or propose it. {HOW_TO_PROPOSE}",
    )


def _check_name(ref: str, *, exists: bool) -> None:
    if exists:
        return
    try:
        if ref.startswith(rules.BRANCHES):
            rules.checked_branch(ref.removeprefix(rules.BRANCHES))
        else:
            rules.checked_tag(ref.removeprefix(rules.TAGS))
    except BadRef as err:
        raise PushRefused("not a possible name", err.message) from err


def _check_pull(db: Session, actor: Actor, repo: Repo, command: Command, *, exists: bool) -> None:
    if not exists or not _PULL.fullmatch(command.ref):
        raise PushRefused("no such pull request", f"Its number is given when it is opened. {HOW_TO_PROPOSE}")
    if command.new is None:
        raise PushRefused("a pull request stays", "Close it on its page instead.")
    if not may(actor, Action.WRITE, repo) and not opened(db, repo, command.ref, actor):
        raise PushRefused("not your pull request", f"Its author and those who may write add to it. {HOW_TO_PROPOSE}")


def _proposal(command: Command, refs: Mapping[str, Ref]) -> Move:
    """Whoever may propose, which the door has asked for, may open a pull request to any branch."""
    name = command.ref.removeprefix(FOR).removeprefix(rules.BRANCHES)
    base = rules.BRANCHES + name
    if command.new is None:
        raise PushRefused("nothing to delete", f"{FOR}{name} opens pull requests. Close one on its page.")
    if base not in refs:
        raise PushRefused("no such branch", f"There is no branch {name[:200]!r} to propose to. {HOW_TO_PROPOSE}")
    return Move(command.ref, None, command.new, base=base)
