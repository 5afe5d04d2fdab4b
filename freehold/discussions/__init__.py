"""Discussions: what people say about a repository, and the changes they propose to it.

*Discussion*: a numbered thread. *Pull request*: a discussion with commits of its own, at ``refs/pr/<number>``, that can
be merged into a branch, here or by a push that holds them. *Event*: one thing that happened in a thread: a comment,
another title or status, a commit, a *review* with its *remarks* on lines. *Comparison*: what differs between revisions.
Neighbours: ``content`` below numbers, keeps the commits and merges them; it never learns that this room listens.
"""
