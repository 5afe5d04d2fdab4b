"""Upward news: a lower room says what happened, whoever listens runs in the same transaction.

Events are frozen dataclasses in a room's ``events.py``, in the past tense. ``main.py`` subscribes the listeners; the
room that publishes never learns who they are.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy.orm import Session

Listener = Callable[[Session, Any], None]


class Bus:
    """Who listens to what. One per application."""

    def __init__(self) -> None:
        self._listeners: dict[type, list[Listener]] = defaultdict(list)

    def subscribe(self, event: type, listener: Listener) -> None:
        self._listeners[event].append(listener)

    def publish(self, db: Session, event: object) -> None:
        for listener in self._listeners[type(event)]:
            listener(db, event)


def publish(db: Session, event: object) -> None:
    """Tell every listener, now, inside the transaction of ``db``. Without a bus (a bare session) nobody listens."""
    bus: Bus | None = db.info.get("bus")
    if bus is not None:
        bus.publish(db, event)


@contextmanager
def savepoint(db: Session) -> Iterator[None]:
    """A part of the transaction that may fail alone: what it wrote, and what it left for afterwards, is taken back."""
    wanted = len(db.info.get("after_commit", ()))
    try:
        with db.begin_nested():
            yield
    except BaseException:
        del db.info.get("after_commit", [])[wanted:]
        raise


def after_commit(db: Session, action: Callable[[], None]) -> None:
    """Run ``action`` once the transaction of ``db`` is durable; never when it is rolled back."""
    db.info.setdefault("after_commit", []).append(action)
