"""People: what one does with accounts: sign up, say who one is, found an organisation, invite, join, leave.

An *invitation* asks one person, by name or by mail, into an organisation or to this hub. A *join request* is the same
from the other side. Neighbours: ``accounts`` keeps the rows and what must always hold; ``access`` decides.
"""
