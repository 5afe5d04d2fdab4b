"""What can go wrong when one chooses."""

from freehold.core.errors import Malformed


class TooManyCompared(Malformed):
    """More is named than fits side by side."""

    code = "TooManyCompared"

    def __init__(self, named: int, most: int) -> None:
        super().__init__(f"{named} are named; up to {most} are compared at once. Leave out {named - most}.")
