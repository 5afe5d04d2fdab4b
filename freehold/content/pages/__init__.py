"""The room's pages: folders, one file, and the history."""

from freehold.content.pages import files, history, trees
from freehold.core.routes import Router
from freehold.web.api import answering_head

router = Router(include_in_schema=False)
for part in (trees, files, history):
    router.routes.extend(answering_head(part.router).routes)
