"""What was used, as pages: one's own, an organisation's, the instance's; what was kept of calls; the price table."""

from freehold.usage.pages import kept, prices, used
from freehold.web.slots import Entry

ADMIN_MENU = (Entry("Usage", used.INSTANCE), Entry("Prices", prices.ROOT))
ROUTERS = (kept.router, used.router, prices.router)
