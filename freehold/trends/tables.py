"""What was counted, by kind of repository, dimension, word and stretch of time; and what each repository added."""

from datetime import date, datetime

from sqlalchemy import BigInteger, CheckConstraint, Date, Integer, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from freehold.core.database import Base, Id, UtcDateTime


class Tally(Base):
    """The sum of what the public repositories of one word added in one stretch of time.

    ``word`` empty: those of which the dimension is not known; ``dimension`` empty as well: all of the kind.
    ``begins`` is the stretch's first day, as a number (``date.toordinal``); 0 for all time.
    """

    __tablename__ = "tallies"
    # The key is in the order of reading: the stretches of one word lie side by side.
    __table_args__ = (
        CheckConstraint("grain in ('day', 'week', 'month', 'all')", name="grain"),
        {"sqlite_with_rowid": False},
    )

    kind: Mapped[str] = mapped_column(String(8), primary_key=True)
    dimension: Mapped[str] = mapped_column(String(16), primary_key=True)
    grain: Mapped[str] = mapped_column(String(5), primary_key=True)
    word: Mapped[str] = mapped_column(String(200), primary_key=True)
    begins: Mapped[int] = mapped_column(Integer, primary_key=True)
    new: Mapped[int] = mapped_column(BigInteger)
    downloads: Mapped[int] = mapped_column(BigInteger)
    likes: Mapped[int] = mapped_column(BigInteger)


class Contribution(Base):
    """What one repository has added to the tallies, to the number: ``rules.Added``, packed.

    No foreign key: when its repository is gone in a way that no event told, the tallies can still be put right.
    """

    __tablename__ = "contributions"

    repo_id: Mapped[str] = mapped_column(Id, primary_key=True)
    #: Of all that it was made from: the same again adds nothing.
    digest: Mapped[str] = mapped_column(String(32))
    body: Mapped[bytes] = mapped_column(LargeBinary)


class TallyRound(Base):
    """How far the counting is, for all nodes: one row."""

    __tablename__ = "tally_rounds"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    #: The repository that was counted last; empty at the beginning of a round.
    after: Mapped[str] = mapped_column(String(24))
    began_at: Mapped[datetime] = mapped_column(UtcDateTime)
    #: When the last whole round ended; None before the first has.
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    #: One node counts at a time, until then.
    leased_until: Mapped[datetime] = mapped_column(UtcDateTime)
    #: The first day whose downloads are known by day; of earlier ones only their month's number is.
    days_since: Mapped[date] = mapped_column(Date)
    #: Grows whenever a tally changes.
    stamp: Mapped[int] = mapped_column(BigInteger)
