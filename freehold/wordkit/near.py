"""Near words: what somebody meant whose finger slipped.

Known words are kept with each of their letters, and each two of a long one, left out. Whoever leaves letters out of
what was typed, and finds the same rest, has found a word a slip or two away, however many words there are. (SymSpell's
way: W. Garbe, 2012.)
"""

from collections.abc import Iterable, Sequence
from itertools import combinations
from zlib import crc32

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from freehold.wordkit import rules
from freehold.wordkit.tables import MAX_WORD_CHARS, KnownWord, NearWord

#: Words shorter than this are too many slips from nothing; from this many letters on, two slips are forgiven.
MIN_CHARS, TWO_SLIPS_CHARS = 4, 7
#: Letters left out only of the first so many.
HEAD_CHARS = 7
#: Words learned of one text, words looked at for one that was typed, and words that are told.
MAX_LEARNED, MAX_LOOKED_AT, MAX_TOLD = 60, 1_000, 4


def learn(db: Session, texts: Iterable[str]) -> None:
    """The words of ``texts``, names before others, are known from now on."""
    found = dict.fromkeys(word for text in texts for word in rules.words(text) if may_be_meant(word))
    wanted = list(found)[:MAX_LEARNED]
    known = set(db.scalars(select(KnownWord.word).where(KnownWord.word.in_(wanted)))) if wanted else set()
    # In one order everywhere: two transactions that learn the same words wait for each other, and never in a circle.
    if not (new := sorted(set(wanted) - known)):
        return
    insert = postgresql.insert if db.get_bind().dialect.name == "postgresql" else sqlite.insert
    db.execute(insert(KnownWord).on_conflict_do_nothing(), [{"word": word} for word in new])
    numbers = db.execute(select(KnownWord.number, KnownWord.word).where(KnownWord.word.in_(new))).all()
    rows = [{"key": key, "number": number} for number, word in numbers for key in keys(word)]
    db.execute(insert(NearWord).on_conflict_do_nothing(), rows)


def nearest(db: Session, word: str) -> Sequence[str]:
    """Known words a slip or two from ``word``, the nearest first; not the word itself."""
    if not may_be_meant(word):
        return []
    query = select(KnownWord.word).join(NearWord, NearWord.number == KnownWord.number)
    query = query.where(NearWord.key.in_(keys(word))).distinct().limit(MAX_LOOKED_AT)
    most = 2 if len(word) >= TWO_SLIPS_CHARS else 1
    ranked = sorted(
        (slips(word, found, most), found[0] != word[0], abs(len(found) - len(word)), found)
        for found in db.scalars(query)
    )
    return [found for far, *_, found in ranked if 0 < far <= most][:MAX_TOLD]


def keys(word: str) -> set[int]:
    """Numbers of ``word`` with nothing, one letter, or two letters of a long one left out."""
    head = word[:HEAD_CHARS]
    most = 2 if len(word) >= TWO_SLIPS_CHARS else 1
    rests = {
        "".join(head[at] for at in kept)
        for gone in range(most + 1)
        for kept in combinations(range(len(head)), len(head) - gone)
    }
    return {crc32(rest.encode()) & 0x7FFFFFFF for rest in rests}


def slips(one: str, other: str, most: int) -> int:
    """Letters put in, left out, changed, or changed places between two words; ``most + 1`` where it is more.

    The restricted Damerau-Levenshtein distance.
    """
    if abs(len(one) - len(other)) > most:
        return most + 1
    before: list[int] = []
    row = list(range(len(other) + 1))
    for at, letter in enumerate(one, 1):
        last, before, row = before, row, [at]
        for place, against in enumerate(other, 1):
            cost = min(before[place] + 1, row[place - 1] + 1, before[place - 1] + (letter != against))
            if last and place > 1 and letter == other[place - 2] and one[at - 2] == against:
                cost = min(cost, last[place - 2] + 1)
            row.append(cost)
        if min(row) > most:
            return most + 1
    return row[-1]


def may_be_meant(word: str) -> bool:
    """Whether a word is long enough for a slip in it to be told from another word."""
    return MIN_CHARS <= len(word) <= MAX_WORD_CHARS and not word.isdigit()
