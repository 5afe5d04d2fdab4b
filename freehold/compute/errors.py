"""What can go wrong with a job. No answer of the hub's own: the room that started it says what it means there."""

from freehold.compute.rules import Failure


class JobFailed(Exception):
    """It did not become ready. ``message`` says to a person what and why; ``log`` is the end of what it wrote."""

    def __init__(self, failure: Failure, message: str, log: str = "") -> None:
        super().__init__(message)
        self.failure: Failure = failure
        self.message = message
        self.log = log
