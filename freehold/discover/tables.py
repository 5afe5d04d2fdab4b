"""What this room keeps by itself: which repositories changed in what lists show."""

from datetime import datetime

from sqlalchemy import BigInteger, Index, Integer
from sqlalchemy.orm import Mapped, mapped_column

from freehold.core.database import Base, Id, UtcDateTime


class ListChange(Base):
    """A repository changed in something that lists show or are narrowed by, or is new, or gone. Written by triggers.

    ``seq`` never comes twice, so that who read up to one knows what is new (SQLite); on PostgreSQL numbers come to
    sight out of order, and readers go by ``transaction_id`` instead (:mod:`freehold.discover.changes`).
    """

    __tablename__ = "list_changes"
    __table_args__ = (
        Index("ix_list_changes_repo_id_transaction_id", "repo_id", "transaction_id"),
        Index("ix_list_changes_transaction_id", "transaction_id"),
        # Without it SQLite gives the number of a deleted newest row once more.
        {"sqlite_autoincrement": True},
    )

    seq: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    #: No foreign key: of a repository that is gone, this is what tells so.
    repo_id: Mapped[str] = mapped_column(Id)
    #: PostgreSQL's number of the transaction; 0 on SQLite, where one writes at a time.
    transaction_id: Mapped[int] = mapped_column(BigInteger)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
