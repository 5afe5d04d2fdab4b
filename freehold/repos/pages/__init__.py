"""The room's pages: new repositories, and the settings of those that are there."""

from freehold.core.routes import Router
from freehold.repos.pages import creating, settings

router = Router(include_in_schema=False)
for part in (creating, settings):
    router.routes.extend(part.router.routes)
