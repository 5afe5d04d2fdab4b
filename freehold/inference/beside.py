"""Beside a model's name on its own pages: that it answers and how it is, or that it can be deployed."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

from freehold.core.http import Ask
from freehold.inference import queries
from freehold.inference.deploying import ENDPOINTS
from freehold.inference.pages import STATES
from freehold.inference.queries import Standing
from freehold.inference.service import making
from freehold.repos.tables import Repo
from freehold.web.components import RepoHead
from freehold.web.render import part


@dataclass(frozen=True)
class RunsHere:
    """Beside a model's name: where it answers, or that it can be deployed."""

    endpoints: Sequence[Standing]
    talk: str  #: the address where one talks to it; empty: it does not talk
    word: str  #: how the first of them is
    mark: str
    deploy: str  #: the address; empty: not by this visitor


def repo_action(ask: Ask, head: RepoHead) -> str:
    """Fills the place beside a model's name."""
    if head.plural != "models":
        return ""
    repo = ask.db.get(Repo, head.repo_id)
    if repo is None:
        return ""
    can_deploy = not ask.actor.is_anonymous and making.may_deploy(ask.db, ask.kit, ask.actor)
    named = queries.of_repo(ask.db, ask.actor, repo)
    found = [one for _, one in named]
    deploy = f"{ENDPOINTS}/new?model={quote(repo.path)}" if can_deploy else ""
    talks = [name for name, one in named if one.endpoint.is_on and "chat" in one.endpoint.abilities]
    talk = f"/playground?model={quote(talks[0])}" if talks else ""
    word, mark = STATES[found[0].state] if found else ("", "")
    return part(ask.request, RunsHere(found, talk, word, mark, deploy)) if found or deploy else ""
