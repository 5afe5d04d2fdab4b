"""What happens to repositories, and what follows for the endpoints and adapters that stand on them; and what happens to
endpoints, as far as lists of models tell of it."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from freehold.core import events
from freehold.core.events import Bus
from freehold.inference.errors import NameClaimed
from freehold.inference.events import EndpointChanged, EndpointDeployed, EndpointRemoved
from freehold.inference.service import adapters, endpoints, names
from freehold.inference.tables import Endpoint, EndpointAdapter
from freehold.repos import service as repos
from freehold.repos.events import RepoDeleted, RepoMoved


def subscribe(bus: Bus) -> None:
    bus.subscribe(RepoDeleted, on_repo_deleted)
    bus.subscribe(RepoMoved, on_repo_moved)
    for event in (EndpointDeployed, EndpointChanged, EndpointRemoved):
        bus.subscribe(event, on_endpoint)


def on_endpoint(db: Session, event: EndpointDeployed | EndpointChanged | EndpointRemoved) -> None:
    """Lists tell of a model that something here serves as long as an endpoint of it is switched on."""
    repo_id = event.endpoint.repo_id
    if repo_id is None:
        return
    on = select(Endpoint.id).where(Endpoint.repo_id == repo_id, Endpoint.is_on.is_(True))
    if isinstance(event, EndpointRemoved):  # its row still stands
        on = on.where(Endpoint.id != event.endpoint.id)
    repos.tell_served(db, repo_id, db.scalar(on.limit(1)) is not None)


def on_repo_deleted(db: Session, event: RepoDeleted) -> None:
    """What stood on it goes with it; nodes end what runs."""
    for endpoint in db.scalars(select(Endpoint).where(Endpoint.repo_id == event.repo.id)).all():
        endpoints.take_away(db, event.actor, endpoint, "its model was deleted")
    for one in db.scalars(select(EndpointAdapter).where(EndpointAdapter.repo_id == event.repo.id)).all():
        adapters.take_away(db, event.actor, one.endpoint, one)


def on_repo_moved(db: Session, event: RepoMoved) -> None:
    """What is served under the model's own name goes by its new one, and is its new owner's, where nothing has it."""
    moved = event.repo
    for row in db.scalars(select(Endpoint).where(Endpoint.repo_id == moved.id)).all():
        if row.name.lower() != event.old_path.lower():
            continue
        try:
            with events.savepoint(db):
                names.release(db, "endpoint", row.id)
                names.claim(db, moved.path, moved.owner, "endpoint", row.id)
        except NameClaimed:
            continue  # it keeps the name that it has
        row.name, row.namespace_id, row.namespace = moved.path, moved.owner_id, moved.owner
        endpoints.touch(row)
    db.flush()
