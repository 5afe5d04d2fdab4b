"""What can go wrong in a discussion.

HubError
├── NotFound 404
│   ├── DiscussionNotFound  no thread of this number
│   └── CommentNotFound     no comment of this id in the thread
├── Forbidden 403
│   ├── ThreadLocked        only those who may write to the repository speak here
│   └── NotYours            neither the author nor, where that would do, somebody who may write to the repository
├── BadRequest 400
│   ├── BadPlace            a line of a file that the pull request does not have
│   └── BadText             a title or comment that is empty, too short or too long
└── Conflict 409
    ├── NameTaken           a file or folder that is to be made or moved where one is already
    ├── NotPossibleNow      the thread's state rules it out: merged, closed, a draft, hidden, called so already
    └── DiscussionFull      the thread holds as much as a thread may
"""

from freehold.core.errors import BadRequest, Conflict, Forbidden, NotFound


class DiscussionNotFound(NotFound):
    def __init__(self, num: int) -> None:
        super().__init__(f"This repository has no discussion or pull request {str(num)[:20]}.")


class CommentNotFound(NotFound):
    def __init__(self, num: int) -> None:
        super().__init__(f"Discussion {num} has no such comment.")


class NotYours(Forbidden):
    pass


class ThreadLocked(Forbidden):
    def __init__(self) -> None:
        super().__init__("This thread is locked: only those who may write to the repository can add to it.")


class BadText(BadRequest):
    pass


class BadPlace(BadRequest):
    pass


class NotPossibleNow(Conflict):
    pass


class DiscussionFull(Conflict):
    def __init__(self, num: int) -> None:
        super().__init__(f"Discussion {num} holds as much as a discussion may; open another one.")


class NameTaken(Conflict):
    def __init__(self, path: str, what: str) -> None:
        word = "folder" if what == "directory" else "file"
        super().__init__(f"There is a {word} called {path[:200]!r} already: take another name, or change that one.")
