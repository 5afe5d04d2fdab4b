"""The doors of the content room, one file per protocol."""
