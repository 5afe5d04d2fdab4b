"""What can go wrong with likes, follows and collections.

HubError
├── Unauthorized 401
│   └── SignInToTakePart    somebody has to be somebody for that
├── Forbidden 403
│   ├── MayNotTakePart      the token does not reach so far
│   ├── MembersHidden       the organisation keeps its members to itself
│   └── CollectionForbidden may be read, not changed
├── NotFound 404
│   ├── CollectionNotFound  absent, or private to others
│   └── ItemNotFound        nothing of this id here, or nothing that could become an item
├── BadRequest 400
│   ├── BadText             a title, description or note that is empty or too long
│   └── BadItem             something that cannot be an item
└── Conflict 409
    ├── CollectionExists    the owner has one of this title; the answer carries its ``slug``
    ├── ItemExists          it stands in the collection already
    └── CollectionFull      no room for more
"""

from freehold.core.errors import BadRequest, Conflict, Forbidden, NotFound, Unauthorized


class SignInToTakePart(Unauthorized):
    pass


class MayNotTakePart(Forbidden):
    pass


class MembersHidden(Forbidden):
    def __init__(self, org: str) -> None:
        super().__init__(f"{org} does not tell strangers who its members are.")


class CollectionForbidden(Forbidden):
    pass


class CollectionNotFound(NotFound):
    """404 to anonymous too: clients take it for "gone already" (``missing_ok``), and the id names nobody."""

    def __init__(self) -> None:
        super().__init__("There is no such collection, or it is private to others.")


class ItemNotFound(NotFound):
    pass


class BadText(BadRequest):
    pass


class BadItem(BadRequest):
    pass


class CollectionExists(Conflict):
    pass


class ItemExists(Conflict):
    def __init__(self) -> None:
        super().__init__("The collection holds this item already.")


class CollectionFull(Conflict):
    pass
