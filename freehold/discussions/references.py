"""Where the names in comments lead, for one reader: only to what is there, and what the reader may know of."""

import re
from collections.abc import Iterable, Mapping
from urllib.parse import quote

from sqlalchemy import select
from sqlalchemy.orm import Session

from freehold.access.rules import Actor
from freehold.accounts.tables import Account
from freehold.content import queries as content
from freehold.content.kit import Kit
from freehold.discussions import rules
from freehold.discussions.tables import Discussion
from freehold.repos.access import readable, visible
from freehold.repos.rules import KIND_OF_PLURAL, page_path
from freehold.repos.tables import Repo
from freehold.web import references

#: Of a whole thread; the rest stay words.
MAX_LOOKED_UP = 400
#: Each is looked for in every pack.
MAX_COMMITS = 60


def resolved(db: Session, kit: Kit, actor: Actor, repo: Repo, texts: Iterable[str]) -> Mapping[str, str]:
    """Addresses by the words that refer to them, in comments about ``repo``."""
    words = references.found(texts)[:MAX_LOOKED_UP]
    people = [word for word in words if word.startswith("@")]
    numbers = {word: int(word[1:]) for word in words if word.startswith("#")}
    commits = [word for word in words if re.fullmatch(r"[0-9a-f]{7,40}", word)]
    paths = [word for word in words if "/" in word]
    leads = _accounts(db, people) | _threads_here(db, repo, numbers) | _elsewhere(db, actor, repo, paths)
    if commits:
        objects, root = content.objects(db, repo, kit), page_path(repo.kind, repo.path)
        for word in commits[:MAX_COMMITS]:
            found = objects.expand(word)
            if len(found) == 1:
                leads[word] = f"{root}/commit/{found[0]}"
    return leads


def _accounts(db: Session, words: list[str]) -> dict[str, str]:
    keys = {word[1:].lower() for word in words}
    names = db.execute(select(Account.key, Account.name).where(Account.key.in_(keys))) if keys else ()
    found = {key: f"/{quote(name)}" for key, name in names}
    return {word: found[word[1:].lower()] for word in words if word[1:].lower() in found}


def _threads_here(db: Session, repo: Repo, numbers: Mapping[str, int]) -> dict[str, str]:
    there = _numbers(db, [repo.id], numbers.values())
    root = page_path(repo.kind, repo.path)
    return {word: f"{root}/discussions/{num}" for word, num in numbers.items() if (repo.id, num) in there}


def _elsewhere(db: Session, actor: Actor, here: Repo, words: list[str]) -> dict[str, str]:
    """``ns/name`` is of the same kind as ``here`` where there is one, else a model; ``datasets/ns/name`` says so."""
    asked = {word: _parsed(word) for word in words}
    keys = {path.lower() for _, path, _ in asked.values()}
    if not keys:
        return {}
    named = select(Repo).where(Repo.path_key.in_(keys))
    known = {(repo.kind, repo.path_key): repo for repo in db.scalars(visible(named, actor))}
    opened = {repo.id for repo in db.scalars(readable(named, actor))}
    wanted = {num for _, _, num in asked.values() if num is not None}
    there = _numbers(db, opened, wanted) if wanted else set()
    leads = {}
    for word, (kind, path, num) in asked.items():
        kinds = (kind,) if kind else (here.kind, "model", "dataset", "space", "kernel")
        repo = next((known[one, path.lower()] for one in kinds if (one, path.lower()) in known), None)
        if repo is None:
            continue
        root = page_path(repo.kind, repo.path)
        if num is None:
            leads[word] = root
        elif (repo.id, num) in there:
            leads[word] = f"{root}/discussions/{num}"
    return leads


def _parsed(word: str) -> tuple[str, str, int | None]:
    """Kind (or empty), path and number (or None) of ``datasets/ns/name#12``."""
    path, _, number = word.partition("#")
    plural, _, rest = path.partition("/")
    kind = KIND_OF_PLURAL.get(plural, "") if "/" in rest else ""
    return kind, rest if kind else path, int(number) if number else None


def _numbers(db: Session, repo_ids: Iterable[str], numbers: Iterable[int]) -> set[tuple[str, int]]:
    """Which (repository, number) are threads."""
    wanted = [num for num in numbers if 0 < num <= rules.MAX_NUM]
    query = select(Discussion.repo_id, Discussion.num)
    rows = db.execute(query.where(Discussion.repo_id.in_(list(repo_ids)), Discussion.num.in_(wanted))) if wanted else ()
    return {(repo_id, num) for repo_id, num in rows}
