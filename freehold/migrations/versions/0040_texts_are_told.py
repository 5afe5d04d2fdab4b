"""The log of changes tells of texts too (``discover.changes``): its triggers are made anew after every upgrade.

Works with the release before it: that one takes in again what it knows already.
"""

revision = "0040"
down_revision = "0039"


def upgrade() -> None:
    pass
