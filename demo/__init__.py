"""The demo: one command that leaves a running hub with real models and data sets in it.

Holds the pinned manifest of what is fetched (``sources.toml``), how the six repositories are made from it
(``items.py``, ``cards/``), and the command itself. It stands beside the hub, not in it: it talks to the hub only
through the command line and the official client, like any user.
"""
