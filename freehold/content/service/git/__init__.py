"""What git itself asks for: clones and fetches (``reading``), pushes (``pushing``) and who may move what (``rights``).

A push is checked as a commit by the API is (``checking``): only what is new, wherever in its history it stands.
"""
