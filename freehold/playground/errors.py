"""What can go wrong where feedback is kept."""

from freehold.core.errors import Conflict


class NoPlace(Conflict):
    """Nobody has said in which data set feedback is to be kept."""

    code = "NoFeedbackPlace"

    def __init__(self) -> None:
        super().__init__(
            "Choose a data set for feedback first: one of yours, or a new one.",
            place=("Choose a data set", "/playground/feedback"),
        )
