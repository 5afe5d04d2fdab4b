"""What can go wrong with knowing who asks."""

from freehold.core.errors import Forbidden, Unauthorized


class NotSignedIn(Unauthorized):
    pass


class ForeignForm(Forbidden):
    """A change was asked with a browser's cookie, but not from one of the hub's own pages."""

    def __init__(self) -> None:
        super().__init__("This change was not asked from a page of this hub. Open the page again and repeat it there.")
