"""Every figure that this project states, measured beside its floor or peer in the same run: ``make bench``.

One file per family (``downloads``, ``uploads``, ``dedup``, ``calls``, ``footprint``); each yields rows of one table.
The rest starts and stops the things that are measured. Peers come from Debian: nginx and docker-registry.
"""
