"""What can be done with a Space besides its files. The only writer of ``spaces.tables``."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from freehold.access.rules import Action, Actor
from freehold.content.events import RepoDuplicated
from freehold.content.kit import Kit
from freehold.core import clock, events
from freehold.core.events import Bus
from freehold.repos import service as repos
from freehold.repos.events import RepoCreated, SpaceValueGiven
from freehold.repos.tables import Repo
from freehold.spaces import rules
from freehold.spaces.errors import BadVolume, CannotRun, KeyTaken, NoSuchKey, NothingRuns, NoVolumes, TooManyValues
from freehold.spaces.events import SpaceSettingsChanged
from freehold.spaces.tables import SpaceValue, SpaceWish


def subscribe(bus: Bus, kit: Kit) -> None:
    """What came with the call that made a Space is kept in the same transaction."""
    bus.subscribe(RepoCreated, lambda db, event: on_created(db, kit, event))
    bus.subscribe(RepoDuplicated, on_duplicated)


def on_created(db: Session, kit: Kit, event: RepoCreated) -> None:
    given = event.space
    if given is None:
        return
    for secret in given.secrets:
        _put(db, kit, event.repo, secret, is_secret=True)
    for variable in given.variables:
        _put(db, kit, event.repo, variable, is_secret=False)
    if given.hardware is not None or given.sleep_time_s is not None:
        _wish(db, event.repo, hardware=given.hardware, sleep_time_s=given.sleep_time_s)
    if given.volumes:
        _wish(db, event.repo).volumes = _checked_volumes(db, event.actor, event.repo, given.volumes)
    db.flush()


def on_duplicated(db: Session, event: RepoDuplicated) -> None:
    """Variables go with a Space, where the new one was given none of that name; secrets stay behind."""
    taken = select(SpaceValue.key).where(SpaceValue.repo_id == event.repo.id)
    theirs = select(SpaceValue).where(
        SpaceValue.repo_id == event.source.id, ~SpaceValue.is_secret, SpaceValue.key.not_in(taken)
    )
    for row in db.scalars(theirs).all():
        given = SpaceValueGiven(row.key, row.value, row.description)
        _put(db, None, event.repo, given, is_secret=False)


# ---- values --------------------------------------------------------------------------------------------------


def set_secret(db: Session, kit: Kit, actor: Actor, path: str, given: SpaceValueGiven) -> Repo:
    """The app will find the secret in its environment; nobody reads it back, through any door.

    Raises :class:`KeyTaken` where a variable has the key, :class:`BadValue`, :class:`TooManyValues`.
    """
    return _set(db, kit, actor, path, given, is_secret=True)


def set_variable(db: Session, kit: Kit, actor: Actor, path: str, given: SpaceValueGiven) -> Repo:
    """As :func:`set_secret`, for a value that every reader of the Space may read."""
    return _set(db, kit, actor, path, given, is_secret=False)


def remove_secret(db: Session, actor: Actor, path: str, key: str) -> Repo:
    """The secret is gone, sealed value and all. Raises :class:`NoSuchKey`."""
    return _remove(db, actor, path, key, is_secret=True)


def remove_variable(db: Session, actor: Actor, path: str, key: str) -> Repo:
    return _remove(db, actor, path, key, is_secret=False)


def revealed(db: Session, kit: Kit, repo: Repo) -> dict[str, str]:
    """Variables and secrets as the app's environment: for whatever starts the app, never for a door."""
    rows = db.scalars(select(SpaceValue).where(SpaceValue.repo_id == repo.id))
    return {
        row.key: kit.sealer.open(_purpose(repo, row.key), row.value) if row.is_secret else row.value for row in rows
    }


def _set(db: Session, kit: Kit, actor: Actor, path: str, given: SpaceValueGiven, *, is_secret: bool) -> Repo:
    repo = repos.load(db, actor, path, Action.ADMIN, kind="space")
    _put(db, kit, repo, given, is_secret=is_secret)
    return _changed(db, actor, repo, "secrets" if is_secret else "variables", given.key)


def _put(db: Session, kit: Kit | None, repo: Repo, given: SpaceValueGiven, *, is_secret: bool) -> None:
    key, value = rules.checked_key(given.key), rules.checked_value(given.value)
    description = rules.checked_description(given.description)
    row = db.get(SpaceValue, (repo.id, key))
    if row is not None and row.is_secret != is_secret:
        there, asked = ("secret", "variable") if row.is_secret else ("variable", "secret")
        raise KeyTaken(f"{key} is a {there} of this Space: remove it before you set a {asked} of this name.")
    if row is None:
        held = db.scalar(select(func.count()).select_from(SpaceValue).where(SpaceValue.repo_id == repo.id)) or 0
        if held >= rules.MAX_VALUES:
            raise TooManyValues(f"A Space takes up to {rules.MAX_VALUES} variables and secrets: remove one first.")
        row = SpaceValue(repo_id=repo.id, key=key, is_secret=is_secret)
        db.add(row)
    if is_secret:
        assert kit is not None, "a secret is sealed with the installation's key"
        value = kit.sealer.seal(_purpose(repo, key), value)
    row.value = value
    row.description, row.updated_at = description, clock.now()
    db.flush()


def _remove(db: Session, actor: Actor, path: str, key: str, *, is_secret: bool) -> Repo:
    repo = repos.load(db, actor, path, Action.ADMIN, kind="space")
    here = (SpaceValue.repo_id == repo.id, SpaceValue.key == rules.checked_key(key), SpaceValue.is_secret == is_secret)
    if db.execute(delete(SpaceValue).where(*here).returning(SpaceValue.key)).first() is None:
        raise NoSuchKey(f"This Space has no {'secret' if is_secret else 'variable'} called {key}.")
    return _changed(db, actor, repo, "secrets" if is_secret else "variables", key)


def _purpose(repo: Repo, key: str) -> str:
    return f"space secret {repo.id} {key}"


# ---- wishes --------------------------------------------------------------------------------------------------


def request_hardware(db: Session, actor: Actor, path: str, flavor: str, sleep_time_s: int | None) -> Repo:
    """The Space asks for this hardware, once Spaces run. ``sleep_time_s`` None: as it was."""
    repo = repos.load(db, actor, path, Action.ADMIN, kind="space")
    _wish(db, repo, hardware=flavor, sleep_time_s=sleep_time_s)
    return _changed(db, actor, repo, "hardware", flavor)


def set_sleep_time(db: Session, actor: Actor, path: str, seconds: int) -> Repo:
    """The Space will be put to sleep after so long without a visitor; -1: never."""
    repo = repos.load(db, actor, path, Action.ADMIN, kind="space")
    _wish(db, repo, sleep_time_s=seconds)
    return _changed(db, actor, repo, "sleep time")


def set_volumes(db: Session, actor: Actor, path: str, volumes: Sequence[Mapping[str, Any]]) -> Repo:
    """The Space asks for these repositories in its folders, instead of those before.

    Raises :class:`BadVolume`, and the coded not-found error for a source that ``actor`` may not read.
    """
    repo = repos.load(db, actor, path, Action.ADMIN, kind="space")
    _wish(db, repo).volumes = _checked_volumes(db, actor, repo, volumes)
    return _changed(db, actor, repo, "volumes")


def remove_volumes(db: Session, actor: Actor, path: str) -> Repo:
    """The Space asks for no volume any more. Raises :class:`NoVolumes` when it had none."""
    repo = repos.load(db, actor, path, Action.ADMIN, kind="space")
    wish = _wish(db, repo)
    if not wish.volumes:
        raise NoVolumes("This Space has no volumes attached.")
    wish.volumes = []
    return _changed(db, actor, repo, "volumes")


def _wish(db: Session, repo: Repo, *, hardware: str | None = None, sleep_time_s: int | None = None) -> SpaceWish:
    wish = db.get(SpaceWish, repo.id)
    if wish is None:
        wish = SpaceWish(repo_id=repo.id, volumes=[])
        db.add(wish)
    if hardware is not None:
        wish.hardware = rules.checked_flavor(hardware)
    if sleep_time_s is not None:
        wish.sleep_time_s = rules.checked_sleep_time(sleep_time_s)
    wish.updated_at = clock.now()
    return wish


def _checked_volumes(
    db: Session, actor: Actor, repo: Repo, volumes: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    if repo.sdk == "static":
        raise BadVolume("A static Space has no container to mount a volume in.")
    if len(volumes) > rules.MAX_VOLUMES:
        raise BadVolume(f"A Space takes up to {rules.MAX_VOLUMES} volumes.")
    kept = [rules.checked_volume(volume) for volume in volumes]
    if len({volume["mountPath"].rstrip("/") for volume in kept}) < len(kept):
        raise BadVolume("Two volumes cannot be mounted in one folder.")
    for volume in kept:
        source = repos.load(db, actor, volume["source"], Action.READ, kind=volume["type"])
        volume["source"] = source.path
    return kept


# ---- the app -------------------------------------------------------------------------------------------------


def pause(db: Session, actor: Actor, path: str) -> None:
    """Raises :class:`NothingRuns`: no app runs here yet."""
    repos.load(db, actor, path, Action.WRITE, kind="space")
    raise NothingRuns


def restart(db: Session, actor: Actor, path: str) -> None:
    """Raises :class:`CannotRun`: no app runs here yet."""
    repos.load(db, actor, path, Action.WRITE, kind="space")
    raise CannotRun


def set_dev_mode(db: Session, actor: Actor, path: str, *, enabled: bool) -> Repo:
    """Development inside the running app is off, as it always is here; asked to be on it raises :class:`CannotRun`."""
    repo = repos.load(db, actor, path, Action.WRITE, kind="space")
    if enabled:
        raise CannotRun
    return repo


def _changed(db: Session, actor: Actor, repo: Repo, what: str, key: str = "") -> Repo:
    db.flush()
    repos.touch(db, repo)  # what is told of the repository changed with it
    events.publish(db, SpaceSettingsChanged(repo, actor, what, key))
    return repo
