"""What can go wrong while listing."""

from freehold.core.errors import BadRequest, NotFound


class BadExpand(BadRequest):
    """An unknown property was asked for; the answer lists the known ones, and the client's tests read that list."""


class NoSuchPage(NotFound):
    """An address of the hub's own that leads nowhere: no account and no repository can have it."""

    def __init__(self) -> None:
        super().__init__("There is nothing at this address.")


class PaperNotFound(NotFound):
    """No paper is kept here, so none is ever found."""

    def __init__(self, paper_id: str) -> None:
        super().__init__(f"This hub keeps no papers, {paper_id[:60]!r} among them.")


class NoLeaderboard(NotFound):
    def __init__(self, path: str) -> None:
        super().__init__(f"{path} has no leaderboard: a benchmark has a file eval.yaml that names its tasks.")


class NotSafetensors(BadRequest):
    """The file is no safetensors file, nor an index of any that can be read."""
