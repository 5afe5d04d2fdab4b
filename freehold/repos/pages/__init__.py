"""The room's pages: new repositories, and the settings of those that are there."""

from fastapi import APIRouter

from freehold.repos.pages import creating, settings

router = APIRouter(include_in_schema=False)
for part in (creating, settings):
    router.routes.extend(part.router.routes)
