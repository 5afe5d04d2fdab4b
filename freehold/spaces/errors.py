"""What can go wrong with a Space's settings."""

from freehold.core.errors import BadRequest, Conflict, NotFound, NotHere


class BadValue(BadRequest):
    """A key, value or description that an app's environment cannot hold."""


class KeyTaken(Conflict):
    """A variable and a secret cannot have one key: the app would see only one of them."""


class NoSuchKey(NotFound):
    pass


class TooManyValues(BadRequest):
    pass


class BadVolume(BadRequest):
    pass


class NoVolumes(BadRequest):
    """Nothing is attached that could be removed."""


class NothingRuns(Conflict):
    """There is nothing running that could be paused."""

    def __init__(self) -> None:
        super().__init__("This Space is not running, so there is nothing to pause: Spaces do not run on this hub yet.")


class CannotRun(NotHere):
    """Starting an app, or opening a door into a running one."""

    def __init__(self) -> None:
        super().__init__(
            "Spaces do not run on this hub yet: files, secrets, variables and volumes are kept for the day they do.",
            code="NotImplemented",
        )
