"""What somebody meant whose finger slipped: words like those that were typed, by which a reader finds something.

A known word may come from what is private. It is told only where a search for it finds something that the reader may
see, so nothing is told that the reader could not have found.
"""

from collections.abc import Sequence
from itertools import islice, product

from sqlalchemy.orm import Session

from freehold.access.rules import Actor
from freehold.discover import finding, matching
from freehold.wordkit import near, rules

#: Words that are looked at, spellings that are tried, and those that are told.
MAX_WORDS, MAX_TRIED, MAX_TOLD = 6, 8, 3


def spellings(db: Session, actor: Actor, words: str) -> Sequence[str]:
    """Other words in place of ``words``, the nearest first, each of which finds something for ``actor``."""
    typed = rules.words(rules.kept(words[: rules.MAX_ASKED_CHARS]))[:MAX_WORDS]
    unknown = [word for word in typed if not _finds(db, actor, word)]
    choices = [_choices(db, word) if word in unknown else [word] for word in typed]
    if not unknown:  # each is somewhere, and all together nowhere: one of them may still be the wrong one
        tried = [
            [*typed[:at], other, *typed[at + 1 :]] for at, word in enumerate(typed) for other in _choices(db, word)
        ]
    else:
        tried = [list(some) for some in islice(product(*choices), MAX_TRIED)]
    told = [spelling for some in tried[:MAX_TRIED] if (spelling := " ".join(some)) != " ".join(typed)]
    return [spelling for spelling in dict.fromkeys(told) if _finds(db, actor, spelling)][:MAX_TOLD]


def _choices(db: Session, word: str) -> Sequence[str]:
    return near.nearest(db, word)


def _finds(db: Session, actor: Actor, words: str) -> bool:
    return matching.holds(db, actor, words) or finding.is_called(db, words)
