"""Pure decisions: which titles and comments may be, and what may follow which status."""

import unicodedata
from collections.abc import Sequence

from freehold.discussions.errors import BadText, NotPossibleNow

MIN_TITLE_CHARS, MAX_TITLE_CHARS = 3, 200
MAX_COMMENT_CHARS = 65_536
#: What people add to a thread ends here; an answer with all of it stays bounded.
MAX_EVENTS = 2_000
MAX_CHARACTERS = 4_000_000
MAX_NUM = 2**31 - 1
#: How many commits of one push are told one by one.
MAX_COMMITS_TOLD = 50
#: Commits of a comparison: shown one by one, and counted at most.
MAX_COMMITS_SHOWN, MAX_COMMITS_COUNTED = 250, 10_000
MAX_CONFLICTS_SHOWN = 50
MAX_BRANCHES_SHOWN = 200
PAGE = 50
#: Words of a search in titles.
MAX_WORDS = 8
#: Entries of a thread that a page shows, besides the first: a long thread is read from its end.
ENTRIES_SHOWN = 100
#: Open pull requests to one branch that a push to it is compared with, the newest first.
MAX_WAITING = 500

#: People that one comment tells of itself; whoever else is named is linked, not told.
MAX_MENTIONS = 15
MAX_PINNED = 3
#: Remarks on lines that one review brings.
MAX_REMARKS = 50
#: Lines shown above a remark, so that it can be understood once the file has moved on.
EXCERPT_LINES, EXCERPT_CHARS = 4, 400

#: What one can think of a comment in a word: few and fixed, so that they can be counted.
REACTIONS = ("agree", "disagree", "thanks", "hurrah", "unsure", "watching")
VERDICTS = ("approved", "changes_requested", "commented")

#: What stands in place of the words of a comment that was hidden.
HIDDEN = "This comment has been hidden"

#: A filter of lists: a draft is open to work on, a merged pull request is closed. Source: protocol/hub-api.md 6.
STATUSES: dict[str, Sequence[str]] = {
    "all": (),
    "open": ("open", "draft"),
    "closed": ("closed", "merged"),
    "draft": ("draft",),
    "merged": ("merged",),
}


def page_with(position: int, entries: int) -> int | None:
    """Before which position the page ends that shows the entry at ``position``; None: the newest page shows it."""
    if position == 1 or position > entries - ENTRIES_SHOWN:
        return None
    return position + ENTRIES_SHOWN // 2


def checked_title(title: str) -> str:
    """``title`` on one line, trimmed; raises :class:`BadText`. Source: huggingface_hub, ``create_discussion``."""
    title = _one_line(title)
    if not MIN_TITLE_CHARS <= len(title) <= MAX_TITLE_CHARS:
        raise BadText(f"A title has {MIN_TITLE_CHARS} to {MAX_TITLE_CHARS} characters; this one has {len(title)}.")
    return title


def title_of_commit(summary: str) -> str:
    """A title for a pull request that a commit opened, whatever its summary is."""
    title = _one_line(summary) or "Pull request"
    return title if len(title) <= MAX_TITLE_CHARS else title[: MAX_TITLE_CHARS - 1] + "…"


def checked_comment(text: str) -> str:
    """``text`` without what no database keeps; raises :class:`BadText` when nothing is left or it is too long."""
    text = checked_description(text)
    if not text.strip():
        raise BadText("A comment needs some words.")
    return text


def checked_description(text: str) -> str:
    """As :func:`checked_comment`, for the first comment of a thread, which may be empty."""
    text = text.replace("\x00", "").encode("utf-8", "replace").decode()
    if len(text) > MAX_COMMENT_CHARS:
        raise BadText(f"A comment has up to {MAX_COMMENT_CHARS} characters; this one has {len(text)}.")
    return text


def check_status(status: str, wanted: str) -> None:
    """Raise :class:`NotPossibleNow` unless ``wanted`` (open or closed) may follow ``status``."""
    if status == "merged":
        raise NotPossibleNow("It is merged: that cannot be taken back.")
    if status == wanted:
        raise NotPossibleNow(f"It is {status} already.")


def check_draft(is_pull_request: bool, status: str, wanted: str) -> None:
    """Raise :class:`NotPossibleNow` unless a pull request of ``status`` may become ``wanted`` (draft or open)."""
    if not is_pull_request:
        raise NotPossibleNow("Only a pull request can be a draft; this is a discussion.")
    if status not in ("draft", "open"):
        raise NotPossibleNow(f"This pull request is {status}.")
    if status == wanted:
        raise NotPossibleNow(f"It is {'a draft' if wanted == 'draft' else 'open'} already.")


def check_unmerged(is_pull_request: bool, status: str) -> None:
    """Raise :class:`NotPossibleNow` for what is no pull request, or is one that is a record now."""
    if not is_pull_request:
        raise NotPossibleNow("This is a discussion: it has no commits.")
    if status == "merged":
        raise NotPossibleNow("It is merged: what it brought stays as it is.")


def checked_reaction(name: str) -> str:
    if name not in REACTIONS:
        raise BadText(f"{name[:40]!r} is not a reaction; use one of {', '.join(REACTIONS)}.")
    return name


def checked_verdict(name: str) -> str:
    if name not in VERDICTS:
        raise BadText(f"{name[:40]!r} is not a verdict; use one of {', '.join(VERDICTS)}.")
    return name


def check_mergeable(is_pull_request: bool, status: str) -> None:
    """Raise :class:`NotPossibleNow` unless it is an open pull request."""
    if not is_pull_request:
        raise NotPossibleNow("Only a pull request can be merged; this is a discussion.")
    if status != "open":
        advice = {"draft": "mark it as open first", "closed": "open it again first"}.get(status, "it is in the branch")
        raise NotPossibleNow(f"This pull request is {status}: {advice}.")


def _one_line(text: str) -> str:
    plain = "".join(" " if unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") else char for char in text)
    return " ".join(plain.split())
