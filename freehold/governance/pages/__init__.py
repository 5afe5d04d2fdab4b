"""The administration as pages, one file for each entry of its menu."""

from freehold.governance.pages import audit
from freehold.web.slots import Entry

MENU = (Entry("Audit trail", "/admin/audit"),)
ROUTERS = (audit.router,)
