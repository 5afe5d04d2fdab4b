"""The JSON doors of the room: threads, pull requests, and comparisons of revisions."""

from fastapi import APIRouter

from freehold.discussions.api import changes, pulls, threads

router = APIRouter()
for part in (threads, pulls, changes):
    router.routes.extend(part.router.routes)
