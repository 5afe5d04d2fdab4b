"""The index of cards: one row a repository, one row a tag; both follow the head of ``main``."""

from typing import Any

from sqlalchemy import JSON, Float, ForeignKey, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from freehold.core.database import Base


class RepoCard(Base):
    """What the card and the files of a repository say at ``commit`` (the head of ``main`` when it was indexed)."""

    __tablename__ = "repo_cards"

    repo_id: Mapped[str] = mapped_column(ForeignKey("repos.id", ondelete="CASCADE"), primary_key=True)
    commit: Mapped[str] = mapped_column(String(40))
    #: The front matter, as the ``cardData`` of the clients; None: there is none, or it cannot be read.
    data: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    #: What ``config.json`` says of itself: architectures, model_type and the like; None: there is none.
    config: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    #: Tags in the order they are told; ``repo_tags`` holds the same for looking up.
    tags: Mapped[list[str]] = mapped_column(JSON)
    license: Mapped[str | None] = mapped_column(String(200))
    pipeline_tag: Mapped[str | None] = mapped_column(String(200))
    library_name: Mapped[str | None] = mapped_column(String(200))
    #: The first sentence of the card's text, for lists.
    summary: Mapped[str] = mapped_column(String(400), default="")


class RepoTag(Base):
    """One tag of one repository."""

    __tablename__ = "repo_tags"
    __table_args__ = (Index("ix_repo_tags_tag_repo_id", "tag", "repo_id"),)

    repo_id: Mapped[str] = mapped_column(ForeignKey("repos.id", ondelete="CASCADE"), primary_key=True)
    tag: Mapped[str] = mapped_column(String(200), primary_key=True)


class EvalResult(Base):
    """One evaluation result of a model's ``.eval_results/``. ``data`` is the entry as its file has it."""

    __tablename__ = "eval_results"
    __table_args__ = (Index("ix_eval_results_dataset_key_task", "dataset_key", "task"),)

    repo_id: Mapped[str] = mapped_column(ForeignKey("repos.id", ondelete="CASCADE"), primary_key=True)
    position: Mapped[int] = mapped_column(Integer, primary_key=True)
    filename: Mapped[str] = mapped_column(String(255))
    dataset_key: Mapped[str] = mapped_column(String(200))
    task: Mapped[str] = mapped_column(String(200))
    value: Mapped[float | None] = mapped_column(Float)
    data: Mapped[dict[str, Any]] = mapped_column(JSON)
