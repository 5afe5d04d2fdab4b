"""Who gets an account and who makes organisations: what administrators chose while the hub runs, else the settings."""

from sqlalchemy.orm import Session

from freehold.core.instance import chosen
from freehold.core.settings import Settings


def sign_up(db: Session, settings: Settings) -> str:
    """``open``, ``invited`` or ``closed``, as the setting of that name."""
    return chosen(db, "sign_up", settings.sign_up)


def founders(db: Session, settings: Settings) -> str:
    """``people`` or ``administrators``, as the setting of that name."""
    return chosen(db, "founders", settings.founders)
