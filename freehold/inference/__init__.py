"""Models that answer: endpoints, the names they are called by, and the replicas of this node.

*Endpoint*: a model that may be called, with its revision pinned. *Replica*: a process that answers for one, loaded on
demand and evicted when idle. *Served name*: what a call names. *Turn*: the right to use a slot of a replica.
Neighbours: ``engines`` and ``compute`` below run them; ``guards`` and all above them call them.
"""
