"""What can go wrong with the choice of an engine."""

from collections.abc import Sequence

from freehold.core.errors import Malformed


class NoSuchEngine(Malformed):
    """A name that no engine has."""

    code = "NoSuchEngine"

    def __init__(self, name: str, engines: Sequence[str]) -> None:
        super().__init__(f"There is no engine called {name[:60]!r}; there are {', '.join(engines)}.", field="engine")
