"""The head that every page of a repository carries, from its row."""

from freehold.access.rules import Action, Actor
from freehold.repos.access import may
from freehold.repos.rules import KINDS, page_path
from freehold.repos.tables import Repo
from freehold.web.components import RepoHead

#: Kinds in words, for people.
LABELS = {"model": "Models", "dataset": "Data sets", "space": "Spaces", "kernel": "Kernels"}
ONE = {"model": "model", "dataset": "data set", "space": "space", "kernel": "kernel"}


def head(repo: Repo, line: tuple[str, ...] = (), *, actor: Actor | None = None) -> RepoHead:
    """The head of ``repo``; ``line`` are short facts that a room above knows. ``actor`` looks at it."""
    return RepoHead(
        plural=KINDS[repo.kind][0],
        kind_label=LABELS[repo.kind],
        namespace=repo.owner.name,
        name=repo.name,
        address=page_path(repo.kind, repo.path),
        owner_is_person=repo.owner.kind == "user",
        is_private=repo.visibility == "private",
        gated=repo.gated,
        updated_at=repo.updated_at,
        repo_id=repo.id,
        likes=repo.likes,
        line=line,
        can_set=actor is not None and bool(may(actor, Action.ADMIN, repo)),
    )
