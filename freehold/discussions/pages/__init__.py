"""The room's pages: threads, pull requests, comparisons, and changing files in a browser."""

from freehold.core.routes import Router
from freehold.discussions.pages import arranging, cards, changes, editing, listing, pulls, threads, uploading
from freehold.web.api import answering_head

router = Router(include_in_schema=False)
for part in (listing, threads, pulls, changes, cards, editing, arranging, uploading):
    router.routes.extend(answering_head(part.router).routes)
