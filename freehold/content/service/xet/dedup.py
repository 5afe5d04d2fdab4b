"""What is here already: which xorbs hold a chunk that a client is about to send, as far as the client may know.

Chunk hashes are secrets of the same class as the content: answers come only from files that the caller may read, list
only those files' chunks, and are keyed per person and day. Source: xet.md 11.
"""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from freehold.content.kit import Kit
from freehold.content.service.xet import xorbs
from freehold.content.service.xet.errors import NothingKnown
from freehold.content.service.xet.tokens import Caller
from freehold.content.tables import DedupChunk, Recipe, RecipeXorb
from freehold.core import clock
from freehold.xetkit import hashes, recipes, shards
from freehold.xetkit.recipes import Term
from freehold.xetkit.xorbs import Index

PURPOSE = "xet dedup"
DAY_S = 86400
#: A key answers for its day and the next one; xorbs named under it must be kept as long (the collector's grace).
KEY_LIFE_S = 2 * DAY_S
#: Clients ask seldom, so an answer holds the neighbours too: up to 2 GiB of file around the hit, 1.6 MB of answer.
MAX_XORBS = 32
MAX_FILES = 8


@dataclass(frozen=True)
class Hit:
    """Files (their terms) that hold the chunk, newest first, and the xorb where it lies in each of them."""

    files: list[list[Term]]
    xorb_hashes: set[bytes]


def find(db: Session, caller: Caller, chunk_hash: str) -> Hit:
    """Files within the caller's scope that use a xorb with this chunk. Raises :class:`NothingKnown`."""
    hashes.parse(chunk_hash)
    rows = db.execute(
        select(Recipe.terms, DedupChunk.xorb_hash)
        .join(RecipeXorb, RecipeXorb.file_hash == Recipe.file_hash)
        .join(DedupChunk, DedupChunk.xorb_hash == RecipeXorb.xorb_hash)
        .where(DedupChunk.chunk_hash == chunk_hash, xorbs.file_in_scope(caller, Recipe.file_hash))
        .order_by(Recipe.created_at.desc())
        .limit(MAX_FILES)
    ).all()
    if not rows:
        raise NothingKnown
    return Hit([recipes.unpack(row.terms) for row in rows], {hashes.parse(row.xorb_hash) for row in rows})


def answer(kit: Kit, caller: Caller, hit: Hit) -> bytes:
    """The hit's xorbs and their neighbours in the same files, as a keyed shard."""
    today = clock.epoch_s() // DAY_S * DAY_S
    key = kit.signer.key(PURPOSE, f"{caller.actor.id or caller.actor.kind} {today}")
    names = _names(hit)
    covered = _covered(hit, names)
    listed = ((name, _masked(xorbs.index_of(kit.store, name), covered[name])) for name in names)
    return shards.dedup_answer(listed, key, today, today + KEY_LIFE_S)


def _names(hit: Hit) -> list[bytes]:
    """Xorbs to list: from each file those from the hit on, where the client is going, before those behind it."""
    names: dict[bytes, None] = {}
    for terms in hit.files:
        order = list(dict.fromkeys(term.xorb_hash for term in terms))
        at = next((n for n, name in enumerate(order) if name in hit.xorb_hashes), 0)
        for name in order[at:] + order[:at]:
            if len(names) < MAX_XORBS:
                names[name] = None
    return list(names)


def _covered(hit: Hit, names: Iterable[bytes]) -> dict[bytes, list[Term]]:
    covered: dict[bytes, list[Term]] = {name: [] for name in names}
    for term in (term for terms in hit.files for term in terms):
        if term.xorb_hash in covered:
            covered[term.xorb_hash].append(term)
    return covered


def _masked(index: Index, terms: Iterable[Term]) -> Index:
    """``index`` with every chunk outside ``terms`` under a random name: it may be of somebody else's file.

    The list must stay complete, because chunks are told by their position in it.
    """
    shown = bytearray(secrets.token_bytes(len(index.hashes)))
    for term in terms:
        part = slice(term.start * hashes.SIZE, term.end * hashes.SIZE)
        shown[part] = index.hashes[part]
    return replace(index, hashes=bytes(shown))
