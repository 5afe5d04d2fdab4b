"""One repository as a page: its card, what is known of it, and how to use it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC

from starlette.responses import Response

from freehold.access.rules import Action
from freehold.accounts.tables import Account
from freehold.cards import chains, inspecting, links, memory, reading, showing
from freehold.cards.facts import Facts as Computed
from freehold.cards.naming import Finder
from freehold.cards.openness import keeping
from freehold.community.queries import collections, marks
from freehold.content import queries as content
from freehold.content.rules import MAIN
from freehold.core import clock
from freehold.core.errors import Unavailable
from freehold.core.http import Ask, door, int_between
from freehold.core.lru import Lru
from freehold.core.routes import Router
from freehold.discover import facts, fitting, lineage, machines, openness, panels, queries, subsets, uses
from freehold.discover.kinship import Tree, Whose, kin, tree
from freehold.discover.licensing import Licensing, licensing
from freehold.discover.lineage import Origins
from freehold.discover.openness import Openness
from freehold.discover.pages import refuse_reserved
from freehold.fleet import queries as fleet
from freehold.gating import panels as gates
from freehold.repos import service as repos
from freehold.repos.access import may
from freehold.repos.heads import ONE, head
from freehold.repos.rules import page_path
from freehold.repos.tables import Repo
from freehold.spaces import queries as spaces
from freehold.web import markdown
from freehold.web.components import RepoHead
from freehold.web.render import render

router = Router(include_in_schema=False)
KEPT_CARD_CHARACTERS = 16_000_000
#: Kinds whose licence is followed along what they were made from.
JUDGED = ("model", "dataset")
SHOWN_COLLECTIONS, SHOWN_LIKERS, SHOWN_SMALLER = 5, 8, 3

_cards: Lru[tuple[str, str], markdown.Rendered] = Lru(KEPT_CARD_CHARACTERS, lambda card: len(card.html) + 500)


@dataclass(frozen=True)
class Rights:
    """What the visitor may do here."""

    is_signed_in: bool
    writes: bool
    proposes: bool


@dataclass(frozen=True)
class Company:
    """Who and what keeps a repository company, as far as the visitor may know: the first few, and how many in all."""

    collections: Sequence[tuple[str, str]]  #: title and address
    collections_total: int
    likers: Sequence[Account]


@dataclass(frozen=True)
class RepoPage:
    """A repository: its card, and what its files say."""

    title: str
    area: str
    kind: str
    kind_word: str
    head: RepoHead
    hub: str
    rights: Rights
    is_disabled: bool  #: by an administrator
    is_empty: bool  #: nothing but what the hub put there, or nothing at all
    card: markdown.Rendered | None
    facts: Sequence[panels.Fact]
    fit: fitting.Fit | None  #: whether it fits on the visitor's machine; None: its files are no model that is loaded
    smaller: Sequence[tuple[str, str]]  #: where it does not: models made from it that do, and their pages
    downloads: panels.Downloads | None  #: of a Space nobody counts any
    licensing: Licensing | None  #: of a model or a data set: may one use it commercially
    openness: Openness | None  #: of a model or a data set: how open it is, dimension by dimension
    tree: Tree | None  #: where a model comes from and what came of it
    whose: Sequence[Whose]  #: other repositories that it names or that name it
    subsets: Sequence[subsets.Subset]
    stage: str  #: of a Space: ``STOPPED``, or ``NO_APP_FILE``
    company: Company
    tags: Sequence[tuple[str, str]]  #: a tag and the list that has it
    uses: Sequence[uses.Use]
    needs_token: bool  #: whether those ask for one
    gate: gates.Gate | None  #: what stands before its files; None: it is not gated


@router.get("/{kind:prefix}{namespace}/{name}")
@door(Action.LIST)
def repo(ask: Ask, kind: str, namespace: str, name: str) -> Response:
    refuse_reserved(namespace)
    found = repos.load(ask.db, ask.actor, f"{namespace}/{name}", Action.LIST, kind=kind)
    commit = content.head(ask.db, found, MAIN)
    known = facts.of_commit(ask.db, found, ask.kit, commit) if commit else None
    is_shut = found.is_disabled and not ask.actor.is_admin
    answer = render(ask.request, _page(ask, found, None if is_shut else known), blocks={"fit"})
    machines.remember(answer, ask.request)
    return answer


def _page(ask: Ask, found: Repo, known: facts.Facts | None) -> RepoPage:
    computed = _computed(ask, found, known.commit) if known else Computed()
    data = known.card.data if known else None
    named = links.read(found.kind, data, known.card.words.tags) if known else ()
    finder = Finder(ask.db, ask.actor)
    origins = lineage.origins(ask.db, finder, found, named)
    naming = lineage.naming(ask.db, ask.actor, found)
    parts = subsets.read(data) if found.kind == "dataset" else ()
    fit = _fit(ask, found, computed)
    chain = _chain(ask, finder, found, known, computed) if known and found.kind in JUDGED else None
    shown = head(found, panels.line(known, computed) if known else (), actor=ask.actor)
    text = card(ask, found, known.commit) if known else None
    return RepoPage(
        title=found.path,
        area=found.kind,
        kind=found.kind,
        kind_word=ONE[found.kind],
        head=shown,
        hub=ask.base_url,
        rights=_rights(ask, found),
        is_disabled=found.is_disabled,
        is_empty=known is None or all(_is_ours(entry.path) for entry in known.files),
        card=text,
        facts=panels.facts(found, known, computed, content.used_storage(ask.db, found)) if known else (),
        fit=fit,
        smaller=_smaller(ask, found, fit),
        downloads=_downloads(ask, found) if found.kind != "space" else None,
        licensing=licensing(chain) if chain else None,
        openness=_openness(ask, found, known, computed, chain, shown.address, text) if known and chain else None,
        tree=tree(found, origins, naming) if found.kind == "model" else None,
        whose=kin(found, origins, naming),
        subsets=parts,
        stage=spaces.runtime(ask.db, ask.kit, found).stage if found.kind == "space" else "",
        company=_company(ask, found),
        tags=panels.tags(found.kind, known),
        uses=uses.lines(_given(ask, found, known, origins, computed.adapter_base or "", subsets.to_load(parts))),
        needs_token=_needs_token(found),
        gate=gates.of(ask.db, ask.kit, ask.actor, found),
    )


def line(ask: Ask, head: RepoHead) -> Sequence[str]:
    """Fills the short facts under the name, on every page of a repository alike."""
    found = ask.db.get_one(Repo, head.repo_id)
    commit = content.head(ask.db, found, MAIN)
    if commit is None or (found.is_disabled and not ask.actor.is_admin):
        return ()
    return panels.line(facts.in_short(ask.db, found, ask.kit, commit), _computed(ask, found, commit))


def _computed(ask: Ask, found: Repo, commit: str) -> Computed:
    """What the files tell; nothing while too many others are looked into."""
    try:
        return inspecting.facts_at(ask.db, ask.kit, found, commit)
    except Unavailable:
        return Computed()


def _fit(ask: Ask, found: Repo, computed: Computed) -> fitting.Fit | None:
    loads = computed.details.get("loads", ()) if found.kind == "model" else ()
    return fitting.of([memory.load_of(one) for one in loads], fit_asked(ask)) if loads else None


def fit_asked(ask: Ask) -> fitting.Asked:
    """What the address asks, else the question of lists on the visitor's own machine, or the one they chose last."""
    query, fleets = ask.request.query_params, fleet.known(ask.db, ask.actor)
    asked, remembered = query.get("machine"), ask.request.cookies.get(machines.COOKIE)
    chosen = machines.chosen(machines.own(fleets), fleet.preferred(fleets), asked, remembered)
    return fitting.Asked(
        machine=chosen.address,
        users=int_between(query, "users", memory.USERS, 1, memory.MAX_USERS),
        tokens=int_between(query, "tokens", memory.TOKENS, 1, memory.MAX_TOKENS),
        choice=chosen,
        options=machines.options(fleets),
    )


def _smaller(ask: Ask, found: Repo, fit: fitting.Fit | None) -> Sequence[tuple[str, str]]:
    if fit is None or fit.best.verdict == "yes":
        return ()
    made = queries.quantised(ask.db, ask.actor, found, memory.room_for_lists(fit.machine), SHOWN_SMALLER)
    return [(one.path, page_path("model", one.path) + fitting.address(fit.asked)) for one in made]


def _rights(ask: Ask, found: Repo) -> Rights:
    return Rights(
        is_signed_in=not ask.actor.is_anonymous,
        writes=bool(may(ask.actor, Action.WRITE, found)),
        proposes=bool(may(ask.actor, Action.PROPOSE, found)) and not found.discussions_disabled,
    )


def _chain(ask: Ask, finder: Finder, found: Repo, known: facts.Facts, computed: Computed) -> chains.Chain:
    source = chains.Source(known.card.data, known.card.words.tags, computed.adapter_base or "")
    return chains.of(ask.db, finder, found, source)


def _openness(
    ask: Ask,
    found: Repo,
    known: facts.Facts,
    computed: Computed,
    chain: chains.Chain,
    address: str,
    text: markdown.Rendered | None,
) -> Openness:
    data, tags = known.card.data, known.card.words.tags
    read = keeping.as_seen(ask.db, ask.kit, found, known.commit, computed, data, tags, chain)
    return openness.panel(found.kind, address, read, text.headings if text else ())


def _is_ours(path: str) -> bool:
    """What every new repository has from the hub."""
    return path == ".gitattributes"


def _downloads(ask: Ask, found: Repo) -> panels.Downloads:
    if not found.downloads_all_time:
        return panels.Downloads(0, 0, None, None)
    days, months = content.downloads_by_day(ask.db, found.id), content.downloads_by_month(ask.db, found.id)
    return panels.downloads(found, days, months, clock.now().astimezone(UTC).date())


def _company(ask: Ask, found: Repo) -> Company:
    held, total = collections.holding(ask.db, ask.actor, found.id, SHOWN_COLLECTIONS)
    return Company(
        collections=[(one.title, f"/collections/{collections.slug(one)}") for one in held],
        collections_total=total,
        likers=marks.newest_likers(ask.db, found.id, SHOWN_LIKERS) if found.likes else (),
    )


def _given(ask: Ask, found: Repo, known: facts.Facts | None, origins: Origins, adapts: str, subset: str) -> uses.Given:
    nearest = origins.bases[0] if origins.bases else ()
    base = next((one for one in nearest if one.path.lower() == adapts.lower()), None)
    return uses.Given(
        repo=found,
        known=known,
        hub=ask.base_url,
        needs_token=_needs_token(found),
        base=adapts,
        has_base=base is not None and bool(base.address),
        subset=subset,
    )


def _needs_token(found: Repo) -> bool:
    return found.visibility == "private" or bool(found.gated)


def card(ask: Ask, found: Repo, commit: str) -> markdown.Rendered:
    return _cards.of((f"{found.kind}/{found.path}", commit), lambda: _rendered(ask, found, commit))


def _rendered(ask: Ask, found: Repo, commit: str) -> markdown.Rendered:
    text = reading.card_text(content.objects(ask.db, found, ask.kit), commit)
    root = head(found).address
    links = markdown.Links(page_root=f"{root}/blob/main/", file_root=f"{root}/resolve/main/")
    return showing.shown(text, links)
