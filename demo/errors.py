"""What can go wrong in the demo, as one sentence for the person in front of it."""


class DemoError(Exception):
    """The demo cannot go on; the message says what happened and what to do next."""
