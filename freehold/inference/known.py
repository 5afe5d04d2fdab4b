"""Which of the models that were called somebody may still know, for pages that tell what was used."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import select

from freehold.access.rules import Actor
from freehold.inference import access
from freehold.inference.tables import Endpoint
from freehold.repos.access import visible
from freehold.repos.tables import Repo


def known(ask: Any, used: Collection[tuple[str, str]]) -> frozenset[str]:
    """Of pairs of a served name and its repository's id ('' for none): the names that whoever asks may know.

    Those whose model they may list, and remote endpoints that they may call.
    """
    actor: Actor = ask.actor
    ids = {repo_id for _, repo_id in used if repo_id}
    listed = set(ask.db.scalars(visible(select(Repo.id).where(Repo.id.in_(ids)), actor))) if ids else set()
    names = {name.lower() for name, repo_id in used if not repo_id}
    of_remote = select(Endpoint.name).where(Endpoint.repo_id.is_(None))
    remote = {name.lower() for name in ask.db.scalars(access.visible(of_remote, actor))} & names if names else set()
    return frozenset(name for name, repo_id in used if repo_id in listed or name.lower() in remote)
