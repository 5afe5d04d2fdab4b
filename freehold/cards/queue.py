"""The background tasks of this room, by name. What they do is in ``tasks.py``."""

from sqlalchemy.orm import Session

from freehold.tasks.queue import enqueue
from freehold.tasks.rules import Kind

#: Kinds of repositories that have facts.
KINDS = ("model", "dataset")
#: The facts of one repository, from the files at the head of ``main``.
FACTS = Kind("cards.facts", timeout_s=600, max_attempts=5, at_once=1)
#: May one use one repository commercially, and how open is it; and which others that is asked of again, because they
#: name it.
VERDICT = Kind("cards.verdict", timeout_s=120, max_attempts=5, at_once=1)
NAMING = Kind("cards.naming", timeout_s=120, max_attempts=5, at_once=1)
#: The words of one repository, where an older way of cutting made them, or none did.
TEXT = Kind("cards.text", timeout_s=120, max_attempts=5, at_once=1)


def ask(db: Session, repo_id: str) -> None:
    """The repository's facts are computed soon, once however often it was asked for."""
    enqueue(db, FACTS, key=f"facts {repo_id}", once=True, repo_id=repo_id)


def ask_verdict(db: Session, repo_id: str) -> None:
    """The repository is judged soon, once however often it was asked for."""
    enqueue(db, VERDICT, key=f"verdict {repo_id}", once=True, repo_id=repo_id)


def ask_naming(db: Session, kind: str, path_key: str, after: str = "") -> None:
    """Those that name a path are judged soon, from the one after ``after`` on."""
    enqueue(db, NAMING, repo_kind=kind, path_key=path_key, after=after)


def ask_text(db: Session, repo_id: str) -> None:
    """The repository's words are cut anew soon, once however often it was asked for."""
    enqueue(db, TEXT, key=f"text {repo_id}", once=True, repo_id=repo_id)
