"""What can be done with repositories. Loading is checking: nothing private is had without an actor and an action."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, delete, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value

from freehold.access.rules import Action, Actor, Thing, decide
from freehold.accounts.errors import SignInNeeded
from freehold.accounts.events import AccountDeleted
from freehold.accounts.tables import Account, TokenRepo
from freehold.core import clock, events, instance
from freehold.core.errors import BadRequest, HubError
from freehold.core.ids import new_id
from freehold.repos import admissions, rules
from freehold.repos.access import may, standing_of, thing
from freehold.repos.errors import (
    DiscussionsDisabled,
    RepoDisabled,
    RepoExists,
    RepoForbidden,
    RepoGated,
    RepoGatedToAnonymous,
    RepoMoved,
    SignInToWrite,
    StillOwns,
    repo_not_found,
)
from freehold.repos.events import FirstCard, RepoCreated, RepoDeleted, RepoSettingsChanged, SpaceOptions
from freehold.repos.events import RepoMoved as RepoMovedEvent
from freehold.repos.rules import Standing
from freehold.repos.tables import Repo, RepoAlias

#: Repositories named in one message.
MAX_NAMED = 10


@dataclass(frozen=True)
class Changes:
    """Settings to change; None leaves one as it is."""

    visibility: str | None = None
    gated: str | None = None
    sdk: str | None = None
    gate: rules.GateChanges | None = None
    discussions_disabled: bool | None = None


def load(db: Session, actor: Actor, path: str, action: Action, *, kind: str = "model") -> Repo:
    """The repository ``ns/name`` (any case) of ``kind``, if ``actor`` may do ``action`` to it.

    Raises the coded not-found error when it is absent or not to be known, :class:`RepoMoved` when it has another name
    now, :class:`RepoGated` when the gate is shut, :class:`RepoForbidden` or :class:`SignInToWrite` otherwise.
    """
    repo = db.scalar(select(Repo).where(Repo.kind == kind, Repo.path_key == path.lower()))
    if repo is None:
        repo = _by_old_name(db, actor, path, kind)
        raise _moved(path, repo) if repo else repo_not_found(anonymous=actor.is_anonymous)
    refusal = refused(actor, action, repo)
    if refusal is not None:
        raise refusal
    return repo


def refused(actor: Actor, action: Action, repo: Repo) -> HubError | None:
    """Why ``actor`` may not do ``action`` to ``repo``, as the answer to give; None when it may."""
    decision = may(actor, action, repo)
    if decision and action is Action.PROPOSE and repo.discussions_disabled and not may(actor, Action.WRITE, repo):
        return DiscussionsDisabled(repo.path)
    if decision and not (repo.is_disabled and action is not Action.LIST and not actor.is_admin):
        return None
    if not may(actor, Action.LIST, repo):
        return repo_not_found(anonymous=actor.is_anonymous)
    if decision:
        return RepoDisabled()
    is_shut = repo.gated and (action is Action.READ or (action is Action.PROPOSE and not may(actor, Action.READ, repo)))
    if is_shut and (action is Action.READ or not actor.is_anonymous):
        return _gated(actor, repo)
    if actor.is_anonymous:
        return SignInToWrite(f"Sign in to {action} {repo.path}.")
    instead = ""
    if action is Action.WRITE and not repo.discussions_disabled and may(actor, Action.PROPOSE, repo):
        instead = " To change its files, propose it: hf upload --create-pr, or git push origin HEAD:refs/for/main."
    return RepoForbidden(f"You may read {repo.path}, but not {action} it ({decision.reason}).{instead}")


def _gated(actor: Actor, repo: Repo) -> HubError:
    # The first sentence is a contract (hub-api.md 0.4); the second says what to do next.
    what = f"Access to {repo.kind} {repo.path} is restricted and you are not in the authorized list."
    page = rules.page_path(repo.kind, repo.path)
    if actor.is_anonymous:
        return RepoGatedToAnonymous(f"{what} Sign in and ask for access on its page, {page}.", place=("Its page", page))
    if decide(actor, Action.READ, thing(repo, is_granted=True)):
        standing = standing_of(actor, repo)
        place = (_PLACES.get(standing, "Its page"), f"{page}#access")
        return RepoGated(f"{what} {_NEXT[standing].format(page=page)}", place=place)
    return RepoGated(f"{what} This token does not reach it: take one that does.")


_NEXT = {
    Standing.STRANGER: "Ask for access on its page, {page}.",
    Standing.PENDING: "Your request waits for its owner's answer.",
    Standing.LAPSED: "Its terms changed and were not agreed to anew in time: read and accept them on its page, {page}.",
    Standing.REJECTED: "Its owner has rejected your request; the reason, if one was given, is on its page, {page}.",
    Standing.THROUGH: "Ask again: access was given just now.",
}
_PLACES = {Standing.STRANGER: "Ask for access", Standing.LAPSED: "Read its terms"}


def create(
    db: Session,
    actor: Actor,
    name: str,
    *,
    namespace: str | None = None,
    kind: str = "model",
    visibility: str | None = None,
    sdk: str | None = None,
    repo_id: str | None = None,
    has_history: bool = False,
    space: SpaceOptions | None = None,
    gated: str = "",
    card: FirstCard | None = None,
) -> Repo:
    """A new repository with its first commit. ``visibility`` None: the namespace's default, else the hub's.

    ``has_history``: the caller puts the first commits there itself, under ``repo_id``. ``space``: what a Space asks
    for besides. ``gated``: what its gate is from the start, of a copy for instance. ``card``: what it starts with.
    Raises :class:`RepoExists`, whose answer carries the ``url`` path of what is there (hub-api.md 2).
    """
    kind = rules.checked_kind(kind)
    owner = owner_of_new(db, actor, name, namespace=namespace, kind=kind)
    sdk, path = _checked_sdk(kind, sdk), f"{owner.name}/{name}"
    usual = "private" if owner.private_by_default else instance.chosen(db, "new_repos", "public")
    chosen = _checked_visibility(visibility or usual)
    now = clock.now()
    repo = Repo(
        id=repo_id or new_id(),
        kind=kind,
        owner_id=owner.id,
        creator_id=actor.id,
        name=name,
        path_key=path.lower(),
        visibility=chosen,
        gated=gated,
        sdk=sdk,
        is_disabled=False,
        discussions_disabled=False,
        downloads=0,
        downloads_all_time=0,
        likes=0,
        created_at=now,
        updated_at=now,
    )
    repo.owner = owner
    db.execute(delete(RepoAlias).where(RepoAlias.kind == kind, RepoAlias.path_key == repo.path_key))
    db.add(repo)
    try:
        db.flush()
    except IntegrityError as err:  # lost a race for the name
        raise RepoExists(_exists_text(kind, path), extra={"url": rules.page_path(kind, path)}) from err
    events.publish(db, RepoCreated(repo, actor, has_history, space if kind == "space" else None, card))
    return repo


def owner_of_new(db: Session, actor: Actor, name: str, *, namespace: str | None, kind: str) -> Account:
    """The account that a new repository called ``name`` would belong to. Raises :class:`RepoExists`, as the rest of
    :func:`create` would."""
    owner = namespace_for(db, actor, namespace)
    path = f"{owner.name}/{rules.checked_name(name)}"
    existing = db.scalar(select(Repo).where(Repo.kind == kind, Repo.path_key == path.lower()))
    if existing is not None:
        raise exists_already(existing)
    return owner


def namespace_for(db: Session, actor: Actor, namespace: str | None) -> Account:
    """The account called ``namespace`` (None: the actor's own), if ``actor`` may create in it."""
    if actor.is_anonymous:
        raise SignInNeeded("Sign in to create a repository.")
    account = db.scalar(select(Account).where(Account.key == (namespace or actor.name).lower()))
    if account is None:
        raise RepoForbidden(f"There is no namespace {namespace!r} that you may create in.")
    decision = decide(actor, Action.CREATE_IN, Thing(owner_id=account.id, visibility="private"))
    if not decision:
        raise RepoForbidden(f"You may not create repositories under {account.name!r} ({decision.reason}).")
    return account


def delete_repo(db: Session, actor: Actor, path: str, *, kind: str) -> None:
    """The repository is gone, with its refs and its claims on content; bytes go with the collector."""
    repo = load(db, actor, path, Action.ADMIN, kind=kind)
    events.publish(db, RepoDeleted(repo, actor))
    db.execute(delete(TokenRepo).where(TokenRepo.repo_id == repo.id))
    db.execute(delete(RepoAlias).where(RepoAlias.repo_id == repo.id))
    db.execute(delete(Repo).where(Repo.id == repo.id))
    db.expunge(repo)


def move(db: Session, actor: Actor, old_path: str, new_path: str, *, kind: str) -> Repo:
    """The repository is called ``new_path`` now; the old name answers with a redirect."""
    repo = load(db, actor, old_path, Action.ADMIN, kind=kind)
    namespace, _, name = new_path.partition("/")
    owner = namespace_for(db, actor, namespace)
    rules.checked_name(name)
    key = f"{owner.name}/{name}".lower()
    taken = db.scalar(select(Repo).where(Repo.kind == kind, Repo.path_key == key, Repo.id != repo.id))
    if taken is not None:
        raise exists_already(taken)
    old_key, before = repo.path_key, repo.path
    db.execute(delete(RepoAlias).where(RepoAlias.kind == kind, RepoAlias.path_key.in_([key, old_key])))
    repo.owner_id, repo.owner, repo.name, repo.path_key = owner.id, owner, name, key
    repo.updated_at = clock.now()
    if old_key != key:
        db.add(RepoAlias(kind=kind, path_key=old_key, repo_id=repo.id))
    db.flush()
    events.publish(db, RepoMovedEvent(repo, actor, before))
    return repo


def change_settings(db: Session, actor: Actor, path: str, changes: Changes, *, kind: str) -> Repo:
    """Visibility and gating are as asked from now on, for every door at once. Who was let in stays so, gated or not."""
    repo = load(db, actor, path, Action.ADMIN, kind=kind)
    before = settings_of(repo)
    if changes.visibility is not None:
        repo.visibility = _checked_visibility(changes.visibility)
    if changes.gated is not None:
        if changes.gated not in rules.GATINGS:
            raise BadRequest(f"{changes.gated[:40]!r} is not a way of gating; use auto, manual or false.")
        repo.gated = changes.gated
    if changes.gate is not None:
        admissions.change_gate(db, repo, changes.gate)
    if changes.sdk is not None:
        repo.sdk = _checked_sdk(kind, changes.sdk)
    if changes.discussions_disabled is not None:
        repo.discussions_disabled = changes.discussions_disabled
    repo.updated_at = clock.now()
    db.flush()
    changed = {name: value for name, value in settings_of(repo).items() if value != before[name]}
    events.publish(db, RepoSettingsChanged(repo, actor, changed))
    return repo


def on_account_deleted(db: Session, event: AccountDeleted) -> None:
    """An account goes only once it owns no repository: what it holds is moved or deleted by somebody who means it."""
    owned = db.scalars(
        select(Repo).where(Repo.owner_id == event.account.id).order_by(Repo.path_key).limit(MAX_NAMED + 1)
    ).all()
    if owned:
        named = ", ".join(f"{repo.kind} {repo.path}" for repo in owned[:MAX_NAMED])
        more = ", and more" if len(owned) > MAX_NAMED else ""
        raise StillOwns(f"{event.account.name} still owns {named}{more}. Move or delete these first.")


def settings_of(repo: Repo) -> dict[str, Any]:
    """What can be set of a repository, under the names clients use."""
    return {
        "private": repo.visibility == "private",
        "visibility": repo.visibility,
        "gated": repo.gated or False,
        "discussionsDisabled": repo.discussions_disabled,
    }


def refuse_closed_discussions(repo: Repo) -> None:
    """Raise :class:`DiscussionsDisabled` where nobody may open a thread, its own people included."""
    if repo.discussions_disabled:
        raise DiscussionsDisabled(repo.path)


def touch(db: Session, repo: Repo) -> None:
    """The repository changed just now (a push)."""
    repo.updated_at = clock.now()
    db.execute(update(Repo).where(Repo.id == repo.id).values(updated_at=repo.updated_at))


def count_likes(db: Session, repo: Repo, more: int) -> int:
    """So many more people like it (fewer when negative); how many there are now."""
    counted = update(Repo).where(Repo.id == repo.id).values(likes=Repo.likes + more).returning(Repo.likes)
    likes: int = db.execute(counted, execution_options={"synchronize_session": False}).scalar_one()
    set_committed_value(repo, "likes", likes)
    return likes


def rank(db: Session, trends: Mapping[str, int]) -> None:
    """The repositories named by id stand so high among what is trending."""
    for repo_id, trend in trends.items():
        ranked = update(Repo).where(Repo.id == repo_id).values(trend=trend)
        db.execute(ranked, execution_options={"synchronize_session": False})


def tell_served(db: Session, repo_id: str, is_served: bool) -> None:
    """Whether something here serves it, for lists."""
    told = update(Repo).where(Repo.id == repo_id, Repo.is_served.is_not(is_served)).values(is_served=is_served)
    db.execute(told, execution_options={"synchronize_session": "auto"})


def uncount_likes(db: Session, repo_ids: Select[str]) -> None:
    """One person fewer likes each of these repositories."""
    fewer = update(Repo).where(Repo.id.in_(repo_ids)).values(likes=Repo.likes - 1)
    db.execute(fewer, execution_options={"synchronize_session": False})


def exists_already(existing: Repo) -> RepoExists:
    # Whoever may create under this name belongs to its namespace, so the name is no secret to them.
    return RepoExists(
        _exists_text(existing.kind, existing.path), extra={"url": rules.page_path(existing.kind, existing.path)}
    )


def _exists_text(kind: str, path: str) -> str:
    """Matches what the client's own tests look for: ``A model repository called .* already exists``."""
    return f"A {kind} repository called {path} already exists"


def _by_old_name(db: Session, actor: Actor, path: str, kind: str) -> Repo | None:
    repo = db.scalar(
        select(Repo)
        .join(RepoAlias, RepoAlias.repo_id == Repo.id)
        .where(RepoAlias.kind == kind, RepoAlias.path_key == path.lower())
    )
    return repo if repo is not None and may(actor, Action.LIST, repo) else None


def _moved(path: str, repo: Repo) -> RepoMoved:
    # The edge (main.py) puts the new path into the request's own address.
    return RepoMoved(f"{path} is called {repo.path} now.", extra={"movedTo": repo.path, "movedFrom": path})


def _checked_visibility(visibility: str) -> str:
    if visibility not in rules.VISIBILITIES:
        raise BadRequest(f"{visibility[:40]!r} is not a visibility here; use public or private.")
    return visibility


def _checked_sdk(kind: str, sdk: str | None) -> str | None:
    if kind != "space":
        return None
    if sdk not in rules.SDKS:
        raise BadRequest(f"A space needs an sdk: one of {', '.join(rules.SDKS)}.")
    return sdk
