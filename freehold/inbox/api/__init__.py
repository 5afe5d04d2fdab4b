"""The JSON calls of this room."""
