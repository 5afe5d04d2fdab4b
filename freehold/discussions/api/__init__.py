"""The JSON doors of the room: threads, pull requests, and comparisons of revisions."""

from freehold.core.routes import Router
from freehold.discussions.api import changes, pulls, threads

router = Router()
for part in (threads, pulls, changes):
    router.routes.extend(part.router.routes)
