"""Fleets: the machines that a person or an organisation runs models on, under names of their own.

A *machine* is its memory, as ``cards.memory`` reckons with it. A *fleet* is all machines of one account: a model fits
on it that fits on one of them. Addresses name a machine ``mine:laptop`` or ``lab:rack-2``, a fleet ``lab:fleet``.
Neighbours: ``discover`` asks what fits on them; ``people`` says who belongs to an organisation.
"""
