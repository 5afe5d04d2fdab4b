"""What can go wrong with machines."""

from freehold.core.errors import BadRequest, Conflict, NotFound


class BadMachine(BadRequest):
    """A machine that cannot be as it was described."""


class MachineExists(Conflict):
    """The owner has a machine of this name."""


class TooManyMachines(Conflict):
    """The owner has as many machines as they can."""


class MachineNotFound(NotFound):
    """No machine is called so, or not for whoever asks: the answer is the same."""
