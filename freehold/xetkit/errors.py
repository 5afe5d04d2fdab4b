"""What can be wrong with Xet bytes."""

from freehold.core.errors import BadRequest


class InvalidXet(BadRequest):
    """A hash, xorb, shard, index or recipe that breaks the protocol. 400, because clients must not send it again."""
