"""Where feedback is kept, and what waits to be written there."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from freehold.core.database import Base, Id, UtcDateTime


class FeedbackPlace(Base):
    """The data set in which an account keeps feedback: a person's own, or what others think of an owner's models."""

    __tablename__ = "feedback_places"
    __table_args__ = (Index("ix_feedback_places_repo_id", "repo_id"),)

    account_id: Mapped[str] = mapped_column(Id, ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True)
    repo_id: Mapped[str] = mapped_column(Id, ForeignKey("repos.id", ondelete="CASCADE"))
    chosen_by: Mapped[str] = mapped_column(Id, ForeignKey("accounts.id", ondelete="CASCADE"))
    chosen_at: Mapped[datetime] = mapped_column(UtcDateTime)


class WaitingFeedback(Base):
    """A row on its way into its data set: many become one commit. It goes once it stands there."""

    __tablename__ = "waiting_feedback"
    __table_args__ = (Index("ix_waiting_feedback_repo_id_id", "repo_id", "id"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    repo_id: Mapped[str] = mapped_column(Id, ForeignKey("repos.id", ondelete="CASCADE"))
    #: In whose name it is committed: who chose the place, since who gave the feedback may not write there.
    committed_as: Mapped[str] = mapped_column(Id, ForeignKey("accounts.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(String(12))
    row: Mapped[dict[str, Any]] = mapped_column(JSON)
    given_at: Mapped[datetime] = mapped_column(UtcDateTime)
