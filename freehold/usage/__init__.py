"""What calls took: meters, prices, budgets and limits, and how the month will end.

*Meter*: what one call took. *Price*: of a served name or a model, per million tokens and per second. *Budget*: what an
account or a token may spend in a month. *Limit*: calls and tokens a minute.
Neighbours: ``accounts`` and ``access`` below; the ``gateway`` above asks before each call and records after it.
"""
