"""Likes, follows, collections, their items and upvotes."""

from datetime import datetime

from sqlalchemy import Boolean, CheckConstraint, ForeignKey, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from freehold.accounts.tables import Account
from freehold.core.database import Base, Id, UtcDateTime


class Like(Base):
    """A person likes a repository. ``repos.likes`` counts these rows, in the same transaction."""

    __tablename__ = "likes"
    __table_args__ = (
        Index("ix_likes_user_id_created_at", "user_id", "created_at", "repo_id"),
        Index("ix_likes_repo_id_created_at", "repo_id", "created_at", "user_id"),
    )

    repo_id: Mapped[str] = mapped_column(ForeignKey("repos.id", ondelete="CASCADE"), primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Follow(Base):
    """A person follows an account, a person's or an organisation's."""

    __tablename__ = "follows"
    __table_args__ = (
        CheckConstraint("account_id <> follower_id", name="another"),
        Index("ix_follows_follower_id_created_at", "follower_id", "created_at", "account_id"),
        Index("ix_follows_account_id_created_at", "account_id", "created_at", "follower_id"),
    )

    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True)
    follower_id: Mapped[str] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Collection(Base):
    """An ordered list that belongs to an account; ``title_key`` is its title in lower case, unique to its owner.

    ``position`` orders the collections of one owner and may have gaps; ``upvotes`` counts the rows of its upvotes.
    """

    __tablename__ = "collections"
    __table_args__ = (
        Index("uq_collections_owner_id_title_key", "owner_id", "title_key", unique=True),
        Index("ix_collections_updated_at", "updated_at", "id"),
        Index("ix_collections_upvotes", "upvotes", "id"),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    owner_id: Mapped[str] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"))
    creator_id: Mapped[str | None] = mapped_column(ForeignKey("accounts.id", ondelete="SET NULL"))
    title: Mapped[str] = mapped_column(String(120))
    title_key: Mapped[str] = mapped_column(String(240))
    description: Mapped[str] = mapped_column(Text)
    theme: Mapped[str] = mapped_column(String(8))
    is_private: Mapped[bool] = mapped_column(Boolean)
    position: Mapped[int] = mapped_column(Integer)
    upvotes: Mapped[int] = mapped_column(Integer)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)

    owner: Mapped[Account] = relationship(lazy="joined", innerjoin=True, foreign_keys=[owner_id])


class CollectionItem(Base):
    """One place of a collection: a repository, another collection, or a paper by its arXiv number.

    ``position`` orders the items of one collection and may have gaps, where a repository was deleted.
    """

    __tablename__ = "collection_items"
    __table_args__ = (
        CheckConstraint("(repo_id is not null) or (member_id is not null) or (paper is not null)", name="something"),
        Index("uq_collection_items_collection_id_repo_id", "collection_id", "repo_id", unique=True),
        Index("uq_collection_items_collection_id_member_id", "collection_id", "member_id", unique=True),
        Index("uq_collection_items_collection_id_paper", "collection_id", "paper", unique=True),
        Index("ix_collection_items_repo_id", "repo_id"),
        Index("ix_collection_items_member_id", "member_id"),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    collection_id: Mapped[str] = mapped_column(ForeignKey("collections.id", ondelete="CASCADE"))
    position: Mapped[int] = mapped_column(Integer)
    repo_id: Mapped[str | None] = mapped_column(ForeignKey("repos.id", ondelete="CASCADE"))
    member_id: Mapped[str | None] = mapped_column(ForeignKey("collections.id", ondelete="CASCADE"))
    paper: Mapped[str | None] = mapped_column(String(24))
    note: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Upvote(Base):
    """A person's mark on a collection. ``collections.upvotes`` counts these rows, in the same transaction."""

    __tablename__ = "upvotes"
    __table_args__ = (Index("ix_upvotes_created_at", "created_at"), Index("ix_upvotes_user_id", "user_id"))

    collection_id: Mapped[str] = mapped_column(ForeignKey("collections.id", ondelete="CASCADE"), primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
