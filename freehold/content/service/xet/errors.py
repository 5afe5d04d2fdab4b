"""What can go wrong with Xet calls. Clients read the status only: 4xx ends an upload at once (xet.md 9)."""

from freehold.core.errors import BadRequest, Forbidden, NotFound, Unauthorized


class BadXetToken(Unauthorized):
    def __init__(self) -> None:
        super().__init__("The Xet token is not one of this hub's, or it has expired. Ask for a new one.")


class ReadOnlyToken(Forbidden):
    def __init__(self) -> None:
        super().__init__("This Xet token is for reading. Ask the write token's address for one.")


class UnknownXorb(BadRequest):
    """Absent and foreign look the same, so that nobody learns what other repositories hold. Source: xet.md 11."""

    def __init__(self) -> None:
        super().__init__(
            "The files name stored chunks that you have not sent to this hub. Empty the client's Xet cache"
            " (HF_XET_CACHE, usually ~/.cache/huggingface/xet) and repeat the upload: then all of them are sent."
        )


class NoSuchFile(NotFound):
    """Absent and foreign look the same."""

    def __init__(self) -> None:
        super().__init__("This repository has no such file.")


class NoSuchXorb(NotFound):
    def __init__(self) -> None:
        super().__init__("This repository has no such xorb.")


class NothingKnown(NotFound):
    def __init__(self) -> None:
        super().__init__("No chunk of that name to reuse.")


class BadDataAddress(Forbidden):
    """403 makes the client ask for a fresh address. Source: xet.md 9."""

    def __init__(self) -> None:
        super().__init__("This address is not signed by the hub, or it has expired, or opens another range.")
