"""The room's pages: folders, one file, and the history."""

from fastapi import APIRouter

from freehold.content.pages import files, history, trees
from freehold.web.api import answering_head

router = APIRouter(include_in_schema=False)
for part in (trees, files, history):
    router.routes.extend(answering_head(part.router).routes)
