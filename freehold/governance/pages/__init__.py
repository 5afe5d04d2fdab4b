"""The administration as pages, one file for each entry of its menu."""

from freehold.governance.pages import (
    audit,
    health,
    models,
    organizations,
    people,
    repositories,
    settings,
    storage,
    work,
)
from freehold.web.slots import Entry

MENU = (
    Entry("Overview", health.OVERVIEW),
    Entry("People", people.ROOT),
    Entry("Organisations", organizations.ROOT),
    Entry("Repositories", repositories.ROOT),
    Entry("Storage", storage.ROOT),
    Entry("Models", models.ROOT),
    Entry("Background tasks", work.ROOT),
    Entry("Audit trail", audit.ROOT),
    Entry("Settings", settings.ROOT),
    Entry("Health", health.ROOT),
)
ROUTERS = tuple(
    page.router for page in (health, people, organizations, repositories, storage, models, work, audit, settings)
)
