"""Machines that people and organisations named."""

from sqlalchemy import BigInteger, Boolean, CheckConstraint, ForeignKey, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from freehold.core.database import Base, Id


class OwnMachine(Base):
    """A machine under the name that its owner gave it.

    ``word`` is what addresses call it: made from its first name and never changed, so that kept addresses stay good.
    """

    __tablename__ = "own_machines"
    __table_args__ = (
        CheckConstraint("kind in ('cpu', 'gpu')", name="kind"),
        Index("uq_own_machines_owner_id_word", "owner_id", "word", unique=True),
        Index("uq_own_machines_owner_id_name_key", "owner_id", "name_key", unique=True),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    owner_id: Mapped[str] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(60))
    name_key: Mapped[str] = mapped_column(String(180))
    word: Mapped[str] = mapped_column(String(40))
    kind: Mapped[str] = mapped_column(String(3))
    memory_bytes: Mapped[int] = mapped_column(BigInteger)
    count: Mapped[int] = mapped_column(Integer)
    #: Of each, what other programs keep; None: as ``cards.memory`` reckons.
    kept_bytes: Mapped[int | None] = mapped_column(BigInteger)
    #: The one that is asked about where nobody chose.
    is_default: Mapped[bool] = mapped_column(Boolean)
