"""A comparison for whoever asks: what the address names, side by side."""

from collections.abc import Sequence
from dataclasses import dataclass

from freehold.cards.naming import Finder
from freehold.choosing import cells, columns, rules
from freehold.choosing.cells import Group
from freehold.choosing.columns import Column
from freehold.choosing.rules import Asked
from freehold.core.http import Ask
from freehold.discover import fitting, machines
from freehold.discover.repository import fit_asked
from freehold.repos.rules import page_path
from freehold.web import figures


@dataclass(frozen=True)
class Comparison:
    """``shown`` are the columns that ``groups`` have cells for; ``absent`` those of which there is nothing to say.

    ``alike``: labels of rows that are left out because all columns say the same; ``differing``: how many do not.
    """

    asked: Asked
    wish: fitting.Asked
    shown: Sequence[Column]
    absent: Sequence[Column]
    groups: Sequence[Group]
    alike: Sequence[str]
    differing: int


def compare(ask: Ask) -> Comparison:
    """What the address of the request asks for. Raises ``TooManyCompared`` for more than fits side by side."""
    asked, wish = rules.read(ask.request.query_params).checked(), fit_asked(ask)
    found = columns.of(ask, asked, wish)
    shown = [column for column in found if column.known is not None]
    known = [column.known for column in shown if column.known is not None]
    machine = wish.choice.name if wish.choice is not None else machines.name(wish.machine)
    note = f"{machine}, {figures.plural(wish.users, 'user')} × {wish.tokens:,} tokens"
    groups = cells.groups(asked.kind, known, note, _benchmarks(ask, cells.benchmarks(known))) if known else ()
    rest, alike = cells.differing(groups) if len(known) > 1 else (groups, ())
    return Comparison(
        asked=asked,
        wish=wish,
        shown=shown,
        absent=[column for column in found if column.known is None],
        groups=rest if asked.only_differences else groups,
        alike=alike if asked.only_differences else (),
        differing=sum(len(group.lines) for group in rest),
    )


def _benchmarks(ask: Ask, keys: Sequence[str]) -> dict[str, str]:
    seen = Finder(ask.db, ask.actor).find("dataset", keys).seen if keys else {}
    return {key: page_path("dataset", found.repo.path) for key, found in seen.items()}
