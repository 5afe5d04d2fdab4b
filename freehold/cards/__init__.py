"""Cards: what a repository says about itself: README front matter and the files' own words, parsed, checked, indexed.

*Card*: the README of a repository. *Front matter*: the YAML at its head. *Tag*: one word of the index, declared in the
card or derived from it and from the files. *Header*: what a file of weights says of itself. *Facts*: what the files of
a commit come to, computed: parameters, formats, context and more; what the card declares stays beside them.

Who needs facts asks ``queries.facts_of`` for those of many repositories (lists) or joins ``tables.RepoFacts``, whose
columns can be filtered and sorted by, and ``inspecting.facts_at`` for those of one commit (pages, info). They are
computed by a background task after each push to ``main``, and again when ``facts.VERSION`` or ``digest.VERSION`` rises.
Neighbours: ``content`` below tells what was pushed, ``discover`` above lists.
"""
