"""The inbox: who is told of what. Watching, notifications, mail, the activity feed, outgoing webhooks.

*News* is one row for each thing that happened, written in the transaction it happened in; a background task then
*spreads* it: to webhooks as *deliveries*, to people as *notifications*, and from those as mail. What a reader sees of
it is judged when they look (or when it is sent), never only when it was written. The rooms below publish what happened
in their ``events.py``; this room listens, and no room below knows of it.
"""
