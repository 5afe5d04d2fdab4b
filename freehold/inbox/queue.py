"""The background tasks of this room, by name. What they do is in ``tasks.py``."""

from freehold.tasks.rules import Kind

#: News goes to webhooks and to people, a batch at a time.
SPREAD = Kind("inbox.spread", timeout_s=120)
#: One delivery of one person's webhooks, which are called one at a time.
#: Its failures are its owner's news, not ours: the delivery log has them.
DELIVER = Kind("inbox.deliver", timeout_s=90, at_once=2)
#: Requests for access that the owner hears of together; and everybody who has to agree to new terms.
REQUESTS = Kind("inbox.requests", timeout_s=120)
RENEWALS = Kind("inbox.renewals", timeout_s=120)
#: What is new to one person's saved searches, in one message.
MATCHES = Kind("inbox.matches", timeout_s=120)
#: One message to a mail server.
MAIL = Kind("inbox.mail", timeout_s=120, max_attempts=12, first_delay_s=30, max_delay_s=4 * 3600, at_once=1)
#: Notifications of what people may no longer read are gone.
FORGET = Kind("inbox.forget", timeout_s=300)
