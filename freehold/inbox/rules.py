"""Pure decisions: what a webhook may be, what it is sent, when it is tried again; who is told of what."""

import hashlib
import hmac
import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from freehold.inbox.errors import BadWatch, BadWebhook

# ---- webhooks ----------------------------------------------------------------------------------------------

#: Client releases differ in the plural of the second; both mean the same.
DOMAINS = {"repo": "repo", "repos": "repo", "discussion": "discussion", "discussions": "discussion"}
WATCHED_TYPES = ("user", "org", "model", "dataset", "space")
MAX_WEBHOOKS = 50
MAX_WATCHED = 100
MAX_SECRET_CHARS = 256
PAYLOAD_VERSION = 3
#: Of a comment, as webhooks get it.
MAX_CONTENT_CHARS = 60_000

DELIVERY_TIMEOUT_S = 10.0
MAX_ATTEMPTS = 12
GIVE_UP_AFTER_S = 24 * 3600
FIRST_DELAY_S, MAX_DELAY_S = 30.0, 3 * 3600.0
MAX_RETRY_AFTER_S = 6 * 3600
#: A webhook that did nothing but fail for so long is disabled.
DISABLE_AFTER_S = 4 * 86400
MAX_WAITING = 1000
KEPT_DELIVERIES = 100

_NAME = re.compile(r"[A-Za-z0-9_.-]{1,96}")


@dataclass(frozen=True)
class Watched:
    """Something that a webhook watches: a person, an organisation, or a repository by its path."""

    type: str
    name: str


def checked_domains(domains: Sequence[str] | None) -> str:
    """As it is kept: ``repo,discussion``. None and nothing mean both."""
    unknown = [domain for domain in domains or () if domain not in DOMAINS]
    if unknown:
        raise BadWebhook(f"{unknown[0][:40]!r} is not a domain; use repo, discussion or both.")
    chosen = {DOMAINS[domain] for domain in domains or ()} or {"repo", "discussion"}
    return ",".join(name for name in ("repo", "discussion") if name in chosen)


def checked_watched(items: Sequence[Watched]) -> list[Watched]:
    """``items`` without repeats. Whether they exist is not told: private names would show."""
    if not items:
        raise BadWebhook("A webhook watches at least one thing: a user, an org, or a model, dataset or space.")
    found: dict[tuple[str, str], Watched] = {}
    for item in items:
        if item.type not in WATCHED_TYPES:
            raise BadWebhook(f"{item.type[:40]!r} cannot be watched here; use one of {', '.join(WATCHED_TYPES)}.")
        parts = item.name.split("/")
        if len(parts) != (1 if item.type in ("user", "org") else 2) or not all(_NAME.fullmatch(part) for part in parts):
            example = "alice" if item.type in ("user", "org") else "alice/my-repo"
            raise BadWebhook(f"{item.name[:100]!r} is not the name of a {item.type}: write it like {example}.")
        found.setdefault((item.type, item.name.lower()), item)
    if len(found) > MAX_WATCHED:
        raise BadWebhook(f"One webhook watches up to {MAX_WATCHED} things; an organisation stands for all it has.")
    return list(found.values())


def checked_secret(secret: str) -> str:
    """A secret that can travel in a header."""
    if len(secret) > MAX_SECRET_CHARS or not re.fullmatch(r"[\x21-\x7e]*", secret):
        raise BadWebhook(f"A secret has up to {MAX_SECRET_CHARS} visible ASCII characters, without blanks.")
    return secret


def signature(secret: str, body: str, epoch_s: int) -> str:
    """``t=...,v1=...``: HMAC-SHA256 of ``<t>.<body>`` under the secret, in hexadecimal (docs/webhooks.md)."""
    digest = hmac.new(secret.encode(), f"{epoch_s}.{body}".encode(), hashlib.sha256).hexdigest()
    return f"t={epoch_s},v1={digest}"


def is_success(status: int) -> bool:
    return 200 <= status < 300


def may_retry(status: int | None) -> bool:
    """Whether the same call may work later. None: there was no answer."""
    return status is None or status >= 500 or status in (408, 425, 429)


def retry_delay_s(failures: int, retry_after: str | None = None) -> float:
    """Seconds until a webhook that failed ``failures`` times in a row is called again; never less than it asked for."""
    longest = min(MAX_DELAY_S, FIRST_DELAY_S * 2.0 ** min(max(failures, 1) - 1, 30))
    chosen = longest * (0.75 + random.random() / 4)  # noqa: S311  spreads load, keeps no secret
    asked = int(retry_after) if retry_after and re.fullmatch(r"\d{1,9}", retry_after) else 0
    return max(chosen, min(asked, MAX_RETRY_AFTER_S))


#: News to what webhooks are told: action and scope. Source: protocol/hub-api.md 9.
EVENTS: dict[str, tuple[str, str]] = {
    "repo-created": ("create", "repo"),
    "repo-deleted": ("delete", "repo"),
    "repo-moved": ("move", "repo"),
    "repo-settings": ("update", "repo.config"),
    "pushed": ("update", "repo.content"),
    "discussion-opened": ("create", "discussion"),
    "comment": ("create", "discussion.comment"),
    "review": ("create", "discussion.comment"),
    "comment-edited": ("update", "discussion.comment"),
    "comment-hidden": ("update", "discussion.comment"),
    "renamed": ("update", "discussion"),
    "status": ("update", "discussion"),
    "merged": ("update", "discussion"),
    "proposal-moved": ("update", "discussion"),
}


def domain_of(kind: str) -> str:
    """Which domain a webhook must have for news of ``kind``."""
    return "repo" if EVENTS[kind][1].startswith("repo") else "discussion"


@dataclass(frozen=True)
class RepoFacts:
    """The repository as a payload tells it."""

    id: str
    type: str
    path: str
    private: bool
    owner_id: str
    head_sha: str | None
    page: str  # whole addresses
    api: str


@dataclass(frozen=True)
class ThreadFacts:
    """The discussion as a payload tells it, and the comment that is the news."""

    id: str
    num: int
    title: str
    status: str
    author_id: str
    is_pull: bool
    base: str | None
    merge_commit: str | None
    is_pinned: bool
    comment_id: str | None = None
    comment_author_id: str = ""
    comment: str | None = None  # None: hidden


def payload(
    kind: str, repo: RepoFacts, data: Mapping[str, Any], thread: ThreadFacts | None, webhook_id: str
) -> dict[str, Any]:
    """The body of a delivery. Source: protocol/hub-api.md 9, and the client's own ``WebhookPayload``."""
    action, scope = EVENTS[kind]
    told_repo: dict[str, Any] = {
        "type": repo.type,
        "name": repo.path,
        "id": repo.id,
        "private": repo.private,
        "url": {"web": repo.page, "api": repo.api},
        "owner": {"id": repo.owner_id},
    }
    if scope.startswith("repo") and repo.head_sha is not None:
        # The documented name, and the one that the client's own class has.
        told_repo |= {"headSha": repo.head_sha, "head_sha": repo.head_sha}
    told: dict[str, Any] = {"event": {"action": action, "scope": scope}, "repo": told_repo}
    if kind == "repo-moved":
        told["movedTo"] = {"name": data["to"], "owner": {"id": repo.owner_id}}
    if kind == "pushed":
        told["updatedRefs"] = [{"ref": ref, "oldSha": before, "newSha": after} for ref, before, after in data["refs"]]
    if kind == "repo-settings":
        told["updatedConfig"] = {"private": data["private"], "gated": data["gated"] or False}
    if thread is not None:
        told |= _thread(repo, thread)
    return told | {"webhook": {"id": webhook_id, "version": PAYLOAD_VERSION}}


def trial(webhook_id: str) -> dict[str, Any]:
    """The body of a delivery that tells of nothing: a webhook is tried out."""
    return {
        "event": {"action": "test", "scope": "webhook"},
        "webhook": {"id": webhook_id, "version": PAYLOAD_VERSION},
    }


def _thread(repo: RepoFacts, thread: ThreadFacts) -> dict[str, Any]:
    page = f"{repo.page}/discussions/{thread.num}"
    told: dict[str, Any] = {
        "id": thread.id,
        "num": thread.num,
        "title": thread.title,
        "status": thread.status,
        "author": {"id": thread.author_id},
        "isPullRequest": thread.is_pull,
        "pinned": thread.is_pinned,
        "url": {"web": page, "api": f"{repo.api}/discussions/{thread.num}"},
    }
    if thread.is_pull:
        told["changes"] = {"base": thread.base or "refs/heads/main"}
        if thread.merge_commit:
            told["changes"]["mergeCommitId"] = thread.merge_commit
    if thread.comment_id is None:
        return {"discussion": told}
    comment: dict[str, Any] = {
        "id": thread.comment_id,
        "author": {"id": thread.comment_author_id},
        "hidden": thread.comment is None,
        "url": {"web": f"{page}#{thread.comment_id}"},
    }
    if thread.comment is not None:
        comment["content"] = thread.comment[:MAX_CONTENT_CHARS]
    return {"discussion": told, "comment": comment}


# ---- watching and notifications ----------------------------------------------------------------------------

LEVELS = ("all", "participating", "ignore")
MAX_WATCHES = 2000
KEEP_READ_DAYS = 90
KEEP_NEWS_DAYS = 365

#: Why somebody is told, the strongest first: of several, a thread shows the strongest that is unread.
REASONS = ("mention", "you", "participating", "owner", "watching", "search")
#: The same, as one chooses by it.
REASON_WORDS: dict[str, str] = {
    "mention": "Names you",
    "you": "About you",
    "participating": "Your threads",
    "owner": "What you own",
    "watching": "What you watch",
    "search": "Saved searches",
}
#: Accounts that one person's comments may name within an hour, counted once a comment; whoever is named after that is
#: not told. The comments stand.
MAX_NAMED_PER_HOUR = 200
#: News of a repository that people are told of; pushes and likes are for the feed alone.
TOLD = ("discussion-opened", "comment", "status", "merged", "review", "mention", "repo-moved", "repo-deleted")
#: What one chooses about: words for people, and whether it comes by mail unless they say otherwise.
GROUPS: dict[str, tuple[str, bool]] = {
    "mention": ("Somebody names you", True),
    "participating": ("Threads you have a part in", True),
    "watching": ("Threads of what you own or watch", False),
    "repos": ("Repositories you own or watch are moved or deleted", False),
    "searches": ("New matches of your saved searches, by mail where a search asks for it", True),
    "access": ("Requests for access, answers to yours, and terms that changed", True),
    "followed": ("Somebody follows you, or an organisation of yours", False),
    "budgets": ("Budgets of yours, or of an organisation of yours, that are nearly or wholly spent", True),
    "account": ("Invitations, memberships, webhooks that were disabled", True),
}


def group_of(kind: str, reason: str) -> str:
    """Which choice covers a notification."""
    if kind.startswith("access-"):
        return "access"
    if kind == "followed":
        return "followed"
    if kind == "search-matched":
        return "searches"
    if kind == "budget-reached":
        return "budgets"
    if kind in ("repo-moved", "repo-deleted"):
        return "repos"
    if reason in ("mention", "participating"):
        return reason
    return "account" if reason == "you" else "watching"


def checked_level(level: str) -> str:
    if level not in LEVELS:
        raise BadWatch(f"{level[:40]!r} is not a level; use {', '.join(LEVELS)}.")
    return level


def line(kind: str, path: str, data: Mapping[str, Any]) -> str:
    """One line that says what happened, without who did it."""
    if kind == "repo-moved":
        return f"{path} is called {data['to']} now"
    if kind == "repo-deleted":
        return f"{path} was deleted"
    return f"{data.get('title', '')} ({path} #{data.get('num', '')})"


#: What somebody did to a thread, before its title.
THREAD_DEEDS: dict[str, str] = {
    "discussion-opened": "opened",
    "comment": "commented on",
    "status": "changed the status of",
    "merged": "merged",
    "review": "reviewed",
    "mention": "named you in",
}
#: The same of repositories, for the feed.
DEEDS: dict[str, str] = THREAD_DEEDS | {
    "repo-created": "created",
    "repo-moved": "renamed",
    "pushed": "pushed to",
    "liked": "likes",
}
#: What the activity feed shows.
FED = ("repo-created", "repo-moved", "pushed", "liked", "discussion-opened", "comment", "status", "merged", "review")
#: Of the data of news, what a feed tells over JSON.
FEED_KEYS = ("num", "title", "status", "verdict", "from", "to", "refs", "commit")
