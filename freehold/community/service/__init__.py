"""The verbs: likes, follows, collections and their items."""
