"""Cards: what a repository says about itself: README front matter and the files' own words, parsed, checked, indexed.

*Card*: the README of a repository. *Front matter*: the YAML at its head. *Tag*: one word of the index, declared in the
card or derived from it and from the files. Neighbours: ``content`` below tells what was
pushed, ``discover`` above lists.
"""
