"""What can go wrong at a gate. Statuses are those that the client documents (huggingface_hub, access requests)."""

from freehold.core.errors import BadRequest, Conflict, Forbidden, HubError, NotFound


class NotGated(BadRequest):
    def __init__(self, path: str) -> None:
        super().__init__(f"{path} is not gated: nobody has to ask for access to it.")


class BadAnswer(BadRequest):
    """An answer that does not fit its question."""

    def __init__(self, label: str, what: str) -> None:
        super().__init__(f"“{label[:200]}” {what}.")
        self.label = label


class HasAccess(BadRequest):
    """400, as the client documents for a second grant."""


class AskedAlready(Conflict):
    pass


class RequestRejected(Forbidden):
    pass


class TermsMoved(Conflict):
    """Consent is to a text: not to the one that took its place meanwhile."""

    def __init__(self) -> None:
        super().__init__("The terms changed since this page was opened: read the new ones, then agree to them.")


class NotForOrganisation(Forbidden):
    pass


class NeedsPerson(Forbidden):
    pass


class RequestNotFound(NotFound):
    pass


class AlreadySo(NotFound):
    """404: the client documents that a request is not found among those of another status."""


class TermsNotFound(NotFound):
    def __init__(self) -> None:
        super().__init__("This repository never had terms of this SHA-256.")


class BadListing(HubError):
    status = 400
