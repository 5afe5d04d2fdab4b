"""Pull requests as pages: their commits, the files they change, what they clash with, and the verbs of their own."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Form
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from freehold.access.rules import Action, Actor
from freehold.accounts import csrf
from freehold.content.errors import BadDecision, MergeConflict, StaleParent
from freehold.content.service.merging import Decision
from freehold.core.errors import HubError
from freehold.core.http import Ask, door, int_between, unit_of_work
from freehold.core.routes import Router
from freehold.discussions import comparisons, queries, service
from freehold.discussions.comparisons import Conflicts
from freehold.discussions.errors import NotPossibleNow
from freehold.discussions.pages import shown
from freehold.discussions.pages.shown import Entry, FileShown, Rights, ThreadHead, View
from freehold.discussions.service.reviews import Remark
from freehold.gitkit.conflicts import Agreed, Clash
from freehold.gitkit.objects import CommitInfo
from freehold.repos import paths
from freehold.repos.heads import head
from freehold.repos.rules import page_path
from freehold.web.components import RepoHead
from freehold.web.render import render

paths.register()
router = Router(include_in_schema=False)
ONE = "/{kind:prefix}{namespace}/{name}/discussions/{num:int}"
MAX_FORM_FIELDS = 20_000
#: A file with more clashes than this is decided as a whole, and a longer one is not offered for editing.
MAX_CLASHES_SHOWN, MAX_WHOLE_CHARS, CONTEXT_LINES = 100, 200_000, 3


@dataclass(frozen=True)
class PullCommitsPage:
    """The commits that a pull request brings, newest first."""

    title: str
    area: str
    head: RepoHead
    thread: ThreadHead
    commits: Sequence[CommitInfo]
    total: int


@dataclass(frozen=True)
class Spot:
    """A line that the visitor is about to say something about."""

    path: str
    side: str
    line: int


@dataclass(frozen=True)
class PullFilesPage:
    """What a pull request changes, with the remarks that stand on its lines."""

    title: str
    area: str
    head: RepoHead
    thread: ThreadHead
    files: Sequence[FileShown]
    left_out: int
    summary: str
    patch: str
    view: View
    remarks: Mapping[tuple[str, str, int], Sequence[Entry]]
    order: Sequence[str]  #: ids of the remarks on the lines shown, as they come on the page
    elsewhere: Sequence[Entry]  #: remarks on lines that are not shown, or that changed since
    spot: Spot | None
    oid: str
    rights: Rights
    may_judge: bool
    edit: str  #: where its files are changed by hand, or empty
    typed: str  #: words that were not taken
    error: str


@dataclass(frozen=True)
class Piece:
    """Part of a file on the page of conflicts: what stands, or a clash with a number."""

    text: str
    number: int | None
    ours: str = ""
    theirs: str = ""


@dataclass(frozen=True)
class ClashingFile:
    """A file that both sides changed. ``pieces`` is None where one side is taken whole; ``whole`` can be edited."""

    number: int
    path: str
    reason: str
    pieces: Sequence[Piece] | None
    whole: str
    can_choose: bool
    is_gone_here: bool
    is_gone_there: bool


@dataclass(frozen=True)
class ConflictsPage:
    """What a pull request and its branch clash about, and the form that decides it."""

    title: str
    area: str
    head: RepoHead
    thread: ThreadHead
    proposal: str
    base: str
    files: Sequence[ClashingFile]
    left_out: int
    rights: Rights
    is_behind: bool
    error: str


# ---- commits and files -------------------------------------------------------------------------------------


@router.get(ONE + "/commits")
@door(Action.READ)
def commits(ask: Ask, kind: str, namespace: str, name: str, num: int) -> Response:
    repo, found = queries.pull(ask.db, ask.actor, f"{namespace}/{name}", num, kind=kind)
    listed, total = comparisons.commits_of_pull(ask.db, ask.kit, repo, found)
    title = f"Commits of {found.title} (#{num})"
    thread = shown.thread_head(ask, repo, found)
    return render(ask.request, PullCommitsPage(title, repo.kind, head(repo, actor=ask.actor), thread, listed, total))


@router.get(ONE + "/files")
@door(Action.READ)
def files(ask: Ask, kind: str, namespace: str, name: str, num: int) -> Response:
    """The files; ``?path=&side=&line=`` opens a form below that line."""
    query = ask.request.query_params
    spot = None
    if query.get("path"):
        side = "before" if query.get("side") == "before" else "after"
        spot = Spot(query["path"][:5_000], side, int_between(query, "line", 1, 1, 10_000_000))
    return _files(ask, kind, f"{namespace}/{name}", num, spot)


def _files(
    ask: Ask, kind: str, path: str, num: int, spot: Spot | None, *, typed: str = "", error: str = "", status: int = 200
) -> Response:
    thread = queries.remarks(ask.db, ask.kit, ask.actor, path, num, kind=kind)
    repo, found = thread.repo, thread.discussion
    compared = comparisons.of_pull(ask.db, ask.kit, repo, found, bounds=shown.PAGE)
    entries = list(zip(thread.events, shown.entries(thread, ask.actor), strict=True))
    rights = shown.rights(ask.actor, repo, found)
    root, view = head(repo).address, shown.view(ask.request)
    listed = shown.files(compared, in_columns=view.in_columns)
    remarks = shown.listed_by_line(entries)
    order, lost = shown.order_of(listed, remarks)
    if spot is not None and not shown.has_line(listed, spot.path, spot.side, spot.line):
        spot = None  # what was said about it is kept in the field for the whole
    page = PullFilesPage(
        title=f"Files of {found.title} (#{num})",
        area=repo.kind,
        head=head(repo, actor=ask.actor),
        thread=shown.thread_head(ask, repo, found),
        files=listed,
        left_out=compared.files.total - len(compared.files.files),
        summary=shown.summary_of(compared),
        patch=shown.patch_address(compared),
        view=view,
        remarks=remarks,
        order=order,
        elsewhere=[*lost, *(one for _, one in entries if one.place and one.place.is_outdated and one.html)],
        spot=spot if rights.speaks and found.status != "merged" else None,
        oid=compared.after,
        rights=rights,
        may_judge=rights.speaks and found.status != "merged" and found.author_id != ask.actor.id,
        edit=f"{root}/edit/refs%2Fpr%2F{num}" if rights.leads and found.status != "merged" else "",
        typed=typed,
        error=error,
    )
    return render(ask.request, page, status=status)


@router.post(ONE + "/review")
@door(Action.PROPOSE)
def review(
    ask: Ask,
    kind: str,
    namespace: str,
    name: str,
    num: int,
    verdict: Annotated[str, Form()] = "commented",
    text: Annotated[str, Form()] = "",
    path: Annotated[str, Form()] = "",
    side: Annotated[str, Form()] = "after",
    line: Annotated[int, Form()] = 1,
    oid: Annotated[str, Form()] = "",
    token: Annotated[str, Form(alias="csrf")] = "",
) -> Response:
    """A verdict; with a path, words about one line instead."""
    csrf.check(ask.request, token)
    repo_path, said = f"{namespace}/{name}", text.replace("\r\n", "\n")
    try:
        if path:
            remark = Remark(path, line, said, side, oid)
            service.remark(ask.db, ask.kit, ask.actor, repo_path, num, kind=kind, remark=remark)
        else:
            service.review(ask.db, ask.kit, ask.actor, repo_path, num, kind=kind, verdict=verdict, text=said)
    except HubError as err:
        if err.status not in (400, 409):
            raise
        ask.db.rollback()
        spot = Spot(path[:5_000], "before" if side == "before" else "after", line) if path else None
        return _files(ask, kind, repo_path, num, spot, typed=text, error=err.message, status=422)
    repo, _ = queries.pull(ask.db, ask.actor, repo_path, num, kind=kind)
    where = f"/files#{shown.anchor(path)}-{'L' if side == 'before' else 'R'}{line}" if path else ""
    return RedirectResponse(f"{head(repo).address}/discussions/{num}{where}", 303)


# ---- draft, base, update, merge ----------------------------------------------------------------------------


@router.post(ONE + "/draft")
@door(Action.PROPOSE)
def draft(
    ask: Ask,
    kind: str,
    namespace: str,
    name: str,
    num: int,
    value: Annotated[str, Form()] = "",
    token: Annotated[str, Form(alias="csrf")] = "",
) -> Response:
    csrf.check(ask.request, token)
    path = f"{namespace}/{name}"
    service.change_draft(ask.db, ask.actor, path, num, kind=kind, is_draft=value == "on")
    return _back(ask, kind, path, num)


@router.post(ONE + "/base")
@door(Action.PROPOSE)
def change_base(
    ask: Ask,
    kind: str,
    namespace: str,
    name: str,
    num: int,
    base: Annotated[str, Form()] = "",
    token: Annotated[str, Form(alias="csrf")] = "",
) -> Response:
    csrf.check(ask.request, token)
    path = f"{namespace}/{name}"
    service.change_base(ask.db, ask.kit, ask.actor, path, num, kind=kind, base=base or "?")
    return _back(ask, kind, path, num)


@router.post(ONE + "/merge")
def merge(
    request: Request,
    kind: str,
    namespace: str,
    name: str,
    num: int,
    text: Annotated[str, Form()] = "",
    token: Annotated[str, Form(alias="csrf")] = "",
) -> Response:
    """The pull request is in its branch; back to it, where a refusal says why."""
    actor = _who_asks(request, token)
    path, state = f"{namespace}/{name}", request.app.state
    try:
        service.merge(state.database, state.kit, actor, path, num, kind=kind, comment=text.replace("\r\n", "\n"))
    except MergeConflict:
        return RedirectResponse(f"{page_path(kind, path)}/discussions/{num}/conflicts", 303)
    return RedirectResponse(f"{page_path(kind, path)}/discussions/{num}", 303)


# No door: the verb opens its own transactions around the bytes it writes.
merge.action = Action.WRITE  # type: ignore[attr-defined]


@router.get(ONE + "/conflicts")
@door(Action.READ)
def conflicts(ask: Ask, kind: str, namespace: str, name: str, num: int) -> Response:
    return _conflicts(ask, kind, f"{namespace}/{name}", num)


def _conflicts(ask: Ask, kind: str, path: str, num: int, *, error: str = "", status: int = 200) -> Response:
    found = comparisons.of_conflicts(ask.db, ask.kit, ask.actor, path, num, kind=kind)
    page = ConflictsPage(
        title=f"Conflicts of {found.discussion.title} (#{num})",
        area=found.repo.kind,
        head=head(found.repo, actor=ask.actor),
        thread=shown.thread_head(ask, found.repo, found.discussion),
        proposal=found.proposal,
        base=found.base,
        files=_clashing(found),
        left_out=found.total - len(found.files),
        rights=shown.rights(ask.actor, found.repo, found.discussion),
        is_behind=found.is_behind,
        error=error,
    )
    return render(ask.request, page, status=status)


def _clashing(found: Conflicts) -> list[ClashingFile]:
    files = []
    for number, item in enumerate(found.files):
        pieces, whole = None, ""
        if item.pieces is not None:
            texts = (p.text if isinstance(p, Agreed) else _marked(p.ours, p.theirs) for p in item.pieces)
            whole = "".join(texts)
            pieces = list(_pieces(item.pieces)) if len(item.clashes) <= MAX_CLASHES_SHOWN else None
        gone = item.ours is None, item.theirs is None
        whole = whole if len(whole) <= MAX_WHOLE_CHARS else ""
        files.append(ClashingFile(number, item.path, item.reason, pieces, whole, item.is_of_files, *gone))
    return files


def _pieces(found: Sequence[Agreed | Clash]) -> Iterator[Piece]:
    """Clashes with a few of the lines around them."""
    number = 0
    for piece in found:
        if isinstance(piece, Clash):
            yield Piece("", number, piece.ours, piece.theirs)
            number += 1
            continue
        lines = piece.text.splitlines()
        if len(lines) > 2 * CONTEXT_LINES + 1:
            left_out = f"… {len(lines) - 2 * CONTEXT_LINES:,} lines on which both agree …"
            lines = [*lines[:CONTEXT_LINES], left_out, *lines[-CONTEXT_LINES:]]
        yield Piece("\n".join(lines), None)


def _marked(ours: str, theirs: str) -> str:
    """Both texts between the marks that people know from git."""
    return f"<<<<<<< this pull request\n{_ended(ours)}=======\n{_ended(theirs)}>>>>>>> the branch\n"


def _ended(text: str) -> str:
    return text if not text or text.endswith("\n") else text + "\n"


async def _form(request: Request) -> FormData:
    """The fields of a form that grows with what it is about."""
    return await request.form(max_files=0, max_fields=MAX_FORM_FIELDS)


@router.post(ONE + "/conflicts")
def decide(
    request: Request, kind: str, namespace: str, name: str, num: int, form: Annotated[FormData, Depends(_form)]
) -> Response:
    """The pull request takes up what its branch has since, with what the form decides."""
    actor = _who_asks(request, _said(form, "csrf"))
    path, state = f"{namespace}/{name}", request.app.state
    ends = _said(form, "proposal"), _said(form, "base")
    decisions, seen = _decisions(form), ends if all(ends) else None
    try:
        service.take_up(state.database, state.kit, actor, path, num, kind=kind, decisions=decisions, seen=seen)
    except (MergeConflict, BadDecision, StaleParent, NotPossibleNow) as err:
        with unit_of_work(request, reads=True) as ask:
            return _conflicts(ask, kind, path, num, error=err.message, status=422)
    return RedirectResponse(f"{page_path(kind, path)}/discussions/{num}", 303)


decide.action = Action.PROPOSE  # type: ignore[attr-defined]


def _decisions(form: FormData) -> dict[str, Decision]:
    """Fields by the file's number: ``path-0``, ``how-0`` (ours, theirs, clashes or text), ``clash-0-0``, ``text-0``."""
    decisions = {}
    for key in form:
        if not key.startswith("path-"):
            continue
        number, how = key.removeprefix("path-"), _said(form, f"how-{key.removeprefix('path-')}")
        if how == "text":
            made = Decision(text=_said(form, f"text-{number}").replace("\r\n", "\n"))
        elif how == "clashes":
            words: list[str] = []
            while (word := _said(form, f"clash-{number}-{len(words)}")) and len(words) < MAX_FORM_FIELDS:
                words.append(word)
            made = Decision(clashes=words)
        else:
            made = Decision(side=how)
        decisions[_said(form, key)] = made
    return decisions


def _said(form: FormData, name: str) -> str:
    value = form.get(name, "")
    return value if isinstance(value, str) else ""


def _who_asks(request: Request, token: str) -> Actor:
    """For verbs that open their own transactions: the actor, once the form is known to be ours."""
    csrf.check(request, token)
    with unit_of_work(request, reads=True) as ask:
        actor: Actor = ask.actor
        return actor


def _back(ask: Ask, kind: str, path: str, num: int) -> Response:
    return RedirectResponse(f"{page_path(kind, path)}/discussions/{num}", 303)
