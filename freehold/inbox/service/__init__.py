"""The verbs of this room, one file a family."""
