"""Collections as pages: lists, one of them, and the forms that make, fill, order and end them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlencode

from fastapi import Form
from starlette.responses import RedirectResponse, Response

from freehold.access.rules import Action, Thing, decide
from freehold.accounts import csrf
from freehold.accounts.queries import names
from freehold.community import access, rules
from freehold.community.queries import collections as queries
from freehold.community.queries.collections import Item, Listing, Shown
from freehold.community.service import collections, items
from freehold.community.service.collections import Changes
from freehold.community.tables import Collection
from freehold.core.errors import BadRequest, Conflict, Forbidden, NotFound
from freehold.core.http import PUBLIC, Ask, door
from freehold.core.paging import decode, encode
from freehold.core.routes import Router
from freehold.repos.heads import ONE, head
from freehold.web import flash
from freehold.web.render import render

router = Router(include_in_schema=False)
ROWS = 30
OFFERED = 100
HERE = "/collections/{namespace}/{slug}"


@dataclass(frozen=True)
class Row:
    """One item as the page shows it. ``up`` and ``down`` are the places beside its own; None at the ends."""

    id: str
    type: str
    kind_word: str
    name: str
    address: str
    summary: str
    note: str
    likes: int | None
    is_private: bool
    up: int | None
    down: int | None


@dataclass(frozen=True)
class CollectionsPage:
    """Collections that the visitor may know of."""

    title: str
    area: str
    search: str
    sort: str
    owner: str
    collections: Sequence[Shown]
    can_create: bool
    first: str
    next: str


@dataclass(frozen=True)
class CollectionPage:
    """One collection, with forms for those who may change it."""

    title: str
    area: str
    shown: Shown
    address: str
    rows: Sequence[Row]
    can_edit: bool
    can_upvote: bool
    error: str
    typed: str  #: what was typed as a new item
    typed_note: str


@dataclass(frozen=True)
class EditCollectionPage:
    """A new collection, or what an old one says of itself."""

    title: str
    area: str
    address: str  #: where the form goes
    is_new: bool
    namespaces: Sequence[str]
    namespace: str
    subject: str  #: its title, as typed
    description: str
    theme: str
    themes: Sequence[str]
    private: bool
    item: str  #: what to put into a new one
    error: str


@dataclass(frozen=True)
class AddToCollectionPage:
    """Which collection should hold this?"""

    title: str
    area: str
    item: str
    collections: Sequence[tuple[Collection, str, str]]  #: a collection, its slug, the id of its item that this is
    error: str
    note: str


# ---- reading -----------------------------------------------------------------------------------------------


@router.get("/collections")
@door(PUBLIC)
def all_of_them(ask: Ask, search: str = "", owner: str = "", sort: str = "lastModified", cursor: str = "") -> Response:
    sort = sort if sort in rules.SORTS else rules.SORTS[0]
    at = decode(cursor, queries.cursor_kind(sort)) if cursor else None
    owners = [owner[:200]] if owner else []
    page = queries.listed(ask.db, ask.actor, Listing(owners, (), search[:200].strip(), sort, ROWS, at))
    given = (("search", search[:200]), ("owner", owner[:200]), ("sort", sort if sort != rules.SORTS[0] else ""))
    kept = [(name, value) for name, value in given if value]
    shown = CollectionsPage(
        title=f"Collections of {owner[:200]}" if owner else "Collections",
        area="collection",
        search=search[:200],
        sort=sort,
        owner=owner[:200],
        collections=page.collections,
        can_create=not ask.actor.is_anonymous,
        first=_address(kept) if cursor else "",
        next=_address([*kept, ("cursor", encode(page.next))]) if page.next else "",
    )
    return render(ask.request, shown)


@router.get("/collections/new")
@door(Action.CREATE_IN)
def new_page(ask: Ask, owner: str = "", item: str = "") -> Response:
    if ask.actor.is_anonymous:
        return _sign_in("/collections/new")
    return _edit(ask, None, namespace=owner[:96], item=item[:300])


@router.get("/collections/add")
@door(Action.WRITE)
def add_page(ask: Ask, item: str = "") -> Response:
    """Where somebody chooses the collection for what they were looking at."""
    if ask.actor.is_anonymous:
        return _sign_in(f"/collections/add?{urlencode({'item': item[:300]})}")
    return _choose(ask, item)


@router.get(HERE)
@door(Action.READ)
def one(ask: Ask, namespace: str, slug: str) -> Response:
    shown = queries.whole(ask.db, ask.actor, f"{namespace}/{slug}")
    if shown.slug != f"{namespace}/{slug}":
        return RedirectResponse(f"/collections/{shown.slug}", 307)
    return _page(ask, shown)


@router.get(f"{HERE}/edit")
@door(Action.WRITE)
def edit_page(ask: Ask, namespace: str, slug: str) -> Response:
    return _edit(ask, queries.load(ask.db, ask.actor, f"{namespace}/{slug}", Action.WRITE))


# ---- forms -------------------------------------------------------------------------------------------------


@router.post("/collections/new")
@door(Action.CREATE_IN)
def create(
    ask: Ask,
    title: Annotated[str, Form()] = "",
    namespace: Annotated[str, Form()] = "",
    description: Annotated[str, Form()] = "",
    theme: Annotated[str, Form()] = "",
    private: Annotated[bool, Form()] = False,
    item: Annotated[str, Form()] = "",
    token: Annotated[str, Form(alias="csrf")] = "",
) -> Response:
    """A new collection, with ``item`` in it where one was being added."""
    csrf.check(ask.request, token)
    try:
        made = items.begin(
            ask.db,
            ask.actor,
            title,
            namespace=namespace or None,
            description=description,
            private=private,
            theme=theme or None,
            item=item,
        )
    except (BadRequest, Conflict, Forbidden, NotFound) as err:
        typed = {"namespace": namespace, "subject": title, "description": description, "theme": theme, "item": item}
        return _edit(ask, None, **typed, private=private, error=err.message, status=422)
    return RedirectResponse(f"/collections/{queries.slug(made)}", 303)


@router.post("/collections/add")
@door(Action.WRITE)
def add(
    ask: Ask,
    item: Annotated[str, Form()] = "",
    collection: Annotated[str, Form()] = "",
    note: Annotated[str, Form()] = "",
    menu: Annotated[bool, Form()] = False,
    token: Annotated[str, Form(alias="csrf")] = "",
) -> Response:
    """To the collection; from the ``menu`` of a repository back to the choice."""
    csrf.check(ask.request, token)
    try:
        shown = items.add(ask.db, ask.actor, collection, *rules.item_of(item), note=note)
    except (BadRequest, Conflict, NotFound) as err:
        return _choose(ask, item, note=note, error=err.message, status=422)
    if menu:
        return flash.say(ask.request, RedirectResponse(_chosen(item), 303), f"In “{shown.collection.title}” now.")
    return RedirectResponse(f"/collections/{shown.slug}", 303)


@router.post(f"{HERE}/items")
@door(Action.WRITE)
def add_here(
    ask: Ask,
    namespace: str,
    slug: str,
    item: Annotated[str, Form()] = "",
    note: Annotated[str, Form()] = "",
    token: Annotated[str, Form(alias="csrf")] = "",
) -> Response:
    csrf.check(ask.request, token)
    path = f"{namespace}/{slug}"
    try:
        shown = items.add(ask.db, ask.actor, path, *rules.item_of(item), note=note)
    except (BadRequest, Conflict, NotFound) as err:
        shown = queries.whole(ask.db, ask.actor, path)
        return _page(ask, shown, error=err.message, typed=item[:300], note=note[:2000], status=422)
    return RedirectResponse(f"/collections/{shown.slug}", 303)


@router.post(f"{HERE}/items/{{item_id}}")
@door(Action.WRITE)
def change_item(
    ask: Ask,
    namespace: str,
    slug: str,
    item_id: str,
    note: Annotated[str | None, Form()] = None,
    position: Annotated[int | None, Form(ge=0, le=rules.MAX_ITEMS)] = None,
    token: Annotated[str, Form(alias="csrf")] = "",
) -> Response:
    csrf.check(ask.request, token)
    path = f"{namespace}/{slug}"
    try:
        items.change(ask.db, ask.actor, path, item_id, note=note, position=position)
    except BadRequest as err:
        return _page(ask, queries.whole(ask.db, ask.actor, path), error=err.message, status=422)
    return RedirectResponse(f"/collections/{path}#item-{item_id}", 303)


@router.post(f"{HERE}/items/{{item_id}}/remove")
@door(Action.WRITE)
def remove_item(
    ask: Ask,
    namespace: str,
    slug: str,
    item_id: str,
    item: Annotated[str, Form()] = "",
    token: Annotated[str, Form(alias="csrf")] = "",
) -> Response:
    """To the collection; with ``item`` back to the choice of one for it."""
    csrf.check(ask.request, token)
    items.remove(ask.db, ask.actor, f"{namespace}/{slug}", item_id)
    if item:
        return flash.say(ask.request, RedirectResponse(_chosen(item), 303), "Taken out of the collection.")
    return RedirectResponse(f"/collections/{namespace}/{slug}", 303)


@router.post(f"{HERE}/edit")
@door(Action.WRITE)
def edit(
    ask: Ask,
    namespace: str,
    slug: str,
    title: Annotated[str, Form()] = "",
    description: Annotated[str, Form()] = "",
    theme: Annotated[str, Form()] = "",
    private: Annotated[bool, Form()] = False,
    token: Annotated[str, Form(alias="csrf")] = "",
) -> Response:
    csrf.check(ask.request, token)
    path = f"{namespace}/{slug}"
    try:
        found = collections.change(ask.db, ask.actor, path, Changes(title, description, theme or None, private))
    except (BadRequest, Conflict) as err:
        ask.db.rollback()  # the row holds half of what was typed
        found = queries.load(ask.db, ask.actor, path, Action.WRITE)
        typed = {"subject": title, "description": description, "theme": theme}
        return _edit(ask, found, **typed, private=private, error=err.message, status=422)
    return RedirectResponse(f"/collections/{queries.slug(found)}", 303)


@router.post(f"{HERE}/delete")
@door(Action.WRITE)
def remove(ask: Ask, namespace: str, slug: str, token: Annotated[str, Form(alias="csrf")] = "") -> Response:
    csrf.check(ask.request, token)
    collections.remove(ask.db, ask.actor, f"{namespace}/{slug}")
    return RedirectResponse(f"/collections?{urlencode({'owner': namespace})}", 303)


@router.post(f"{HERE}/upvote")
@door(Action.PROPOSE)
def upvote(
    ask: Ask,
    namespace: str,
    slug: str,
    wanted: Annotated[bool, Form()] = True,
    token: Annotated[str, Form(alias="csrf")] = "",
) -> Response:
    csrf.check(ask.request, token)
    verb = collections.upvote if wanted else collections.take_upvote_back
    found = verb(ask.db, ask.actor, f"{namespace}/{slug}")
    return RedirectResponse(f"/collections/{queries.slug(found)}", 303)


# ---- parts -------------------------------------------------------------------------------------------------


def _page(ask: Ask, shown: Shown, *, error: str = "", typed: str = "", note: str = "", status: int = 200) -> Response:
    last = len(shown.items) - 1
    page = CollectionPage(
        title=shown.collection.title,
        area="collection",
        shown=shown,
        address=f"/collections/{shown.slug}",
        rows=[_row(item, at, last) for at, item in enumerate(shown.items)],
        can_edit=bool(access.may(ask.actor, Action.WRITE, shown.collection)),
        can_upvote=not ask.actor.is_anonymous,
        error=error,
        typed=typed,
        typed_note=note,
    )
    return render(ask.request, page, status=status)


def _row(item: Item, at: int, last: int) -> Row:
    repo, member = item.repo, item.member
    if repo is not None:
        word, name, address = ONE[repo.kind], repo.path, head(repo).address
    elif member is not None:
        word, name, address = "collection", member.title, f"/collections/{queries.slug(member)}"
    else:
        word, name, address = "paper", f"arXiv {item.paper}", f"https://arxiv.org/abs/{item.paper}"
    return Row(
        id=item.row.id,
        type=item.type,
        kind_word=word,
        name=name,
        address=address,
        summary=item.card.summary if item.card else member.description if member else "",
        note=item.row.note,
        likes=repo.likes if repo else None,
        is_private=repo.visibility == "private" if repo else bool(member and member.is_private),
        up=at - 1 if at else None,
        down=at + 1 if at < last else None,
    )


def _edit(
    ask: Ask,
    found: Collection | None,
    *,
    namespace: str = "",
    subject: str | None = None,
    description: str | None = None,
    theme: str = "",
    private: bool | None = None,
    item: str = "",
    error: str = "",
    status: int = 200,
) -> Response:
    page = EditCollectionPage(
        title=f"Edit {found.title}" if found else "New collection",
        area="collection",
        address=f"/collections/{queries.slug(found)}" if found else "/collections/new",
        is_new=found is None,
        namespaces=() if found else _namespaces(ask),
        namespace=namespace[:96] or ask.actor.name,
        subject=(found.title if found and subject is None else subject or "")[:500],
        description=(found.description if found and description is None else description or "")[:5000],
        theme=theme if theme in rules.THEMES else found.theme if found else rules.THEMES[0],
        themes=rules.THEMES,
        private=found.is_private if found and private is None else bool(private),
        item=item[:300],
        error=error,
    )
    return render(ask.request, page, status=status)


def _choose(ask: Ask, item: str, *, note: str = "", error: str = "", status: int = 200) -> Response:
    offered = queries.writable(ask.db, ask.actor, OFFERED)
    held = queries.places(ask.db, *rules.item_of(item[:300]), offered)
    page = AddToCollectionPage(
        title="Add to a collection",
        area="collection",
        item=item[:300],
        collections=[(found, queries.slug(found), held.get(found.id, "")) for found in offered],
        error=error,
        note=note[:2000],
    )
    return render(ask.request, page, blocks=("collect_menu",), status=status)


def _chosen(item: str) -> str:
    return f"/collections/add?{urlencode({'item': item[:300]})}"


def _namespaces(ask: Ask) -> Sequence[str]:
    allowed = [org for org in ask.actor.roles if decide(ask.actor, Action.CREATE_IN, Thing(org, "private"))]
    return (ask.actor.name, *names(ask.db, allowed))


def _sign_in(to: str) -> Response:
    return RedirectResponse(f"/login?{urlencode({'next': to})}", 303)


def _address(pairs: Sequence[tuple[str, str]]) -> str:
    return f"/collections?{urlencode(pairs)}" if pairs else "/collections"
