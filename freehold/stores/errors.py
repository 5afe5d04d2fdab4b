"""What can go wrong with kept bytes.

HubError
├── Unavailable 503
│   ├── MissingObject   the database names an object that the store lacks, or holds cut short
│   └── StoreDown       the store does not answer, or refuses the hub's own credentials
├── BadParts 400        the parts that a client named are not the ones that arrived
└── (OSError)           a full or read-only disk: left as it is, the edge names it (core.http.named_os_error)
"""

from freehold.core.errors import BadRequest, Unavailable


class MissingObject(Unavailable):
    """The store has no such object, or fewer bytes of it than were asked for."""

    def __init__(self, key: str) -> None:
        super().__init__(f"The hub's store lacks {key}. `freehold doctor` tells which files are concerned.")
        self.key = key


class StoreDown(Unavailable):
    """The store cannot be reached or refused the call; it may work when repeated."""

    def __init__(self, doing: str, reason: object) -> None:
        super().__init__(f"The hub's object store failed to {doing}: {reason}", headers={"Retry-After": "2"})


class BadParts(BadRequest):
    """The parts that a client named are not the ones that arrived."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"The parts of this upload do not fit together ({reason}). Start the upload again.")
