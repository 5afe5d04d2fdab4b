"""Reads of usage: what a call costs."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from freehold.usage.rules import Rate, price_key, price_keys
from freehold.usage.tables import Price


def price_of(db: Session, served_name: str, model: str) -> Rate:
    """What a call costs from now on: the price of its served name, else of its model, else the usual one."""
    keys = price_keys(served_name, model)
    rows = db.execute(
        select(Price.key, Price.input_price, Price.cached_price, Price.output_price, Price.second_price).where(
            Price.key.in_(keys)
        )
    ).all()
    if not rows:
        return Rate()
    nearest = min(rows, key=lambda row: keys.index(row.key))
    return Rate(nearest.input_price, nearest.cached_price, nearest.output_price, nearest.second_price)


def has_price(db: Session, served_name: str) -> bool:
    """Whether this very name has a price, and need not go by that of a model."""
    return db.scalar(select(Price.key).where(Price.key == price_key("name", served_name))) is not None
