"""What was used, as pages: one's own, an organisation's, the instance's; and the price table."""

from freehold.usage.pages import prices, used
from freehold.web.slots import Entry

ADMIN_MENU = (Entry("Usage", used.INSTANCE), Entry("Prices", prices.ROOT))
ROUTERS = (used.router, prices.router)
