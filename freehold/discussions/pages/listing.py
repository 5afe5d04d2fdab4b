"""The threads of a repository as a list: by kind, by where they stand, by who began them, by words of their titles."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from starlette.responses import Response

from freehold.access.rules import Action
from freehold.core.http import Ask, door, int_between
from freehold.core.routes import Router
from freehold.discussions import queries, rules
from freehold.discussions.pages import shown
from freehold.discussions.queries import Listing
from freehold.discussions.tables import Discussion
from freehold.repos import paths
from freehold.repos.access import may
from freehold.repos.heads import head
from freehold.web.components import RepoHead
from freehold.web.render import render

paths.register()
router = Router(include_in_schema=False)
KINDS = (("all", "Everything"), ("discussion", "Discussions"), ("pull_request", "Pull requests"))
STATUSES = (("open", "Open"), ("draft", "Drafts"), ("merged", "Merged"), ("closed", "Closed"), ("all", "All"))
SORTS = (("new", "Newest"), ("old", "Oldest"), ("busy", "Most in it"))
#: What the address leaves out, because it is so without.
_USUAL = {"status": "open", "type": "all", "sort": "new", "author": "", "search": "", "p": 0}
MAX_PAGES = 100_000
MAX_WORDS_CHARS = 200


@dataclass(frozen=True)
class Row:
    """A thread of the list."""

    address: str
    num: int
    subject: str
    status: str
    is_pull_request: bool
    by: str
    at: datetime
    spoken: int  #: comments and reviews
    is_pinned: bool
    is_locked: bool


@dataclass(frozen=True)
class Choice:
    """One way to narrow or order the list."""

    word: str
    label: str
    address: str
    number: int | None = None


@dataclass(frozen=True)
class DiscussionsPage:
    """The threads of a repository."""

    title: str
    area: str
    head: RepoHead
    address: str
    pinned: Sequence[Row]
    rows: Sequence[Row]
    total: int  #: that match
    every: int  #: that there are
    status: str
    type: str
    sort: str
    author: str
    search: str
    statuses: Sequence[Choice]
    kinds: Sequence[Choice]
    sorts: Sequence[Choice]
    is_narrowed: bool  #: by more than where they stand
    previous: str
    next: str
    may_open: bool


@router.get("/{kind:prefix}{namespace}/{name}/discussions")
@door(Action.READ)
def discussions(
    ask: Ask,
    kind: str,
    namespace: str,
    name: str,
    status: str = "open",
    type: str = "all",
    sort: str = "new",
    author: str = "",
    search: str = "",
) -> Response:
    wanted = Listing(
        kind=type if type in dict(KINDS) else "all",
        status=status if status in rules.STATUSES else "open",
        author=author.strip()[:96],
        page=int_between(ask.request.query_params, "p", 0, 0, MAX_PAGES),
        words=search.replace("\x00", "")[:MAX_WORDS_CHARS].strip(),
        sort=sort if sort in dict(SORTS) else "new",
    )
    found = queries.listed(ask.db, ask.actor, f"{namespace}/{name}", wanted, kind=kind)
    return render(ask.request, _page(ask, found, wanted), blocks=("threads",))


def _page(ask: Ask, found: queries.Found, wanted: Listing) -> DiscussionsPage:
    root = f"{head(found.repo).address}/discussions"
    asked = {"status": wanted.status, "type": wanted.kind, "sort": wanted.sort}
    asked |= {"author": wanted.author, "search": wanted.words}

    def address(**changed: str | int) -> str:
        query = {key: value for key, value in {**asked, **changed}.items() if value != _USUAL[key]}
        return f"{root}?{urlencode(query)}" if query else root

    is_narrowed = wanted.kind != "all" or bool(wanted.author or wanted.words)
    pinned = [] if wanted.page or is_narrowed else queries.pinned(ask.db, found.repo)
    above = {item.id for item in pinned}
    listed = [item for item in found.discussions if item.id not in above]
    spoken = queries.spoken(ask.db, [*pinned, *listed])
    numbers = queries.by_status(ask.db, found.repo, wanted)
    more = found.start + len(found.discussions) < found.total
    return DiscussionsPage(
        title=f"Community of {found.repo.path}",
        area=found.repo.kind,
        head=head(found.repo, actor=ask.actor),
        address=root,
        pinned=[_row(root, item, spoken.get(item.id, 0)) for item in pinned],
        rows=[_row(root, item, spoken.get(item.id, 0)) for item in listed],
        total=found.total,
        every=queries.counts(ask.db, found.repo)[1],
        status=wanted.status,
        type=wanted.kind,
        sort=wanted.sort,
        author=wanted.author,
        search=wanted.words,
        statuses=[Choice(word, label, address(status=word), numbers[word]) for word, label in STATUSES],
        kinds=[Choice(word, label, address(type=word)) for word, label in KINDS],
        sorts=[Choice(word, label, address(sort=word)) for word, label in SORTS],
        is_narrowed=is_narrowed,
        previous=address(p=0) if wanted.page else "",
        next=address(p=wanted.page + 1) if more else "",
        may_open=bool(may(ask.actor, Action.PROPOSE, found.repo)),
    )


def _row(root: str, item: Discussion, spoken: int) -> Row:
    return Row(
        address=f"{root}/{item.num}",
        num=item.num,
        subject=item.title,
        status=item.status,
        is_pull_request=item.is_pull_request,
        by=item.author.name if item.author else shown.GONE,
        at=item.created_at,
        spoken=spoken,
        is_pinned=item.is_pinned,
        is_locked=item.is_locked,
    )
