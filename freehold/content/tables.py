"""Mutable state of repositories. Hashes are lower-case hex; Xet hashes in the protocol's string form (xet.md 3.2)."""

from datetime import date, datetime

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Date,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from freehold.accounts.tables import Account
from freehold.core.database import Base, Id, UtcDateTime


def of_repo() -> ForeignKey:
    """What goes when its repository goes."""
    return ForeignKey("repos.id", ondelete="CASCADE")


class Ref(Base):
    """A branch, tag, pull request or converted copy: full ``name`` such as ``refs/heads/main`` -> object id.

    The object is a commit, or an annotated tag that leads to the commit ``peeled``.
    """

    __tablename__ = "refs"

    repo_id: Mapped[str] = mapped_column(of_repo(), primary_key=True)
    name: Mapped[str] = mapped_column(String(255), primary_key=True)
    target: Mapped[str] = mapped_column(String(40))
    peeled: Mapped[str | None] = mapped_column(String(40))
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)

    @property
    def commit(self) -> str:
        """The commit that it leads to."""
        return self.peeled or self.target


class Numbering(Base):
    """The last number that a repository gave to a pull request or a discussion; they share one sequence."""

    __tablename__ = "numberings"

    repo_id: Mapped[str] = mapped_column(of_repo(), primary_key=True)
    last: Mapped[int] = mapped_column(Integer)


class Pack(Base):
    """A git pack of a repository, kept in the store under ``git/<repo id>/objects/pack/<name>.pack|idx``."""

    __tablename__ = "packs"

    repo_id: Mapped[str] = mapped_column(of_repo(), primary_key=True)
    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    objects: Mapped[int] = mapped_column(Integer)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Push(Base):
    """One movement of one ref: who moved it, from where to where."""

    __tablename__ = "pushes"
    __table_args__ = (Index("ix_pushes_repo_id_at", "repo_id", "at"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    repo_id: Mapped[str] = mapped_column(of_repo())
    actor_id: Mapped[str | None] = mapped_column(Id)
    ref: Mapped[str] = mapped_column(String(255))
    before: Mapped[str | None] = mapped_column(String(40))
    after: Mapped[str | None] = mapped_column(String(40))
    at: Mapped[datetime] = mapped_column(UtcDateTime)


class Lock(Base):
    """One person is at work on a file, and others should not change it meanwhile. Source: git-lfs docs/api/locking."""

    __tablename__ = "locks"
    __table_args__ = (Index("uq_locks_repo_id_path_hash", "repo_id", "path_hash", unique=True),)

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    repo_id: Mapped[str] = mapped_column(of_repo())
    path: Mapped[str] = mapped_column(String(4096))
    path_hash: Mapped[str] = mapped_column(String(64))  # SHA-256: no index of PostgreSQL takes so long a path
    owner_id: Mapped[str] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), index=True)
    locked_at: Mapped[datetime] = mapped_column(UtcDateTime)

    owner: Mapped[Account] = relationship(lazy="joined", innerjoin=True)


class Pruning(Base):
    """When what no ref reaches was last taken out of a repository, and up to when its past was judged."""

    __tablename__ = "prunings"

    repo_id: Mapped[str] = mapped_column(of_repo(), primary_key=True)
    pruned_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ripe_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    is_wanted: Mapped[bool] = mapped_column(Boolean)


class Doomed(Base):
    """An object of the store that no row named at ``at``: to be deleted unless somebody names it first.

    ``state`` is ``waiting``, ``deleting`` (between two transactions), or ``gone``: whoever put the same bytes there
    meanwhile has to look whether they are still there.
    """

    __tablename__ = "doomed"
    __table_args__ = (CheckConstraint("state in ('waiting', 'deleting', 'gone')", name="state"),)

    key: Mapped[str] = mapped_column(String(255), primary_key=True)
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    state: Mapped[str] = mapped_column(String(8))
    at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


class Recipe(Base):
    """How to rebuild a file: its Xet terms in order (packed, see ``xetkit.recipes``)."""

    __tablename__ = "recipes"

    file_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    terms: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Content(Base):
    """A large file by SHA-256, its digest verified: kept whole in the store, as a recipe, or both."""

    __tablename__ = "contents"

    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    is_whole: Mapped[bool] = mapped_column(Boolean)
    file_hash: Mapped[str | None] = mapped_column(ForeignKey("recipes.file_hash"), index=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class RepoContent(Base):
    """This repository may use this content: given by an upload, or copied from where the caller could read it."""

    __tablename__ = "repo_contents"

    repo_id: Mapped[str] = mapped_column(of_repo(), primary_key=True)
    sha256: Mapped[str] = mapped_column(ForeignKey("contents.sha256"), primary_key=True, index=True)
    #: When it was last given or asked for: an upload may still be on its way to a commit.
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Xorb(Base):
    """A validated xorb in the store, with its chunk index beside it."""

    __tablename__ = "xorbs"

    xorb_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    stored_bytes: Mapped[int] = mapped_column(BigInteger)
    raw_bytes: Mapped[int] = mapped_column(BigInteger)
    chunks: Mapped[int] = mapped_column(Integer)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    #: When it was last sent, or lost a file that it was part of: clients may name it for some days after. None: never.
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class RepoXorb(Base):
    """This repository may name this xorb: uploaded through it, or part of a file registered in it."""

    __tablename__ = "repo_xorbs"

    repo_id: Mapped[str] = mapped_column(of_repo(), primary_key=True)
    xorb_hash: Mapped[str] = mapped_column(ForeignKey("xorbs.xorb_hash"), primary_key=True, index=True)


class UserXorb(Base):
    """This person sent this xorb, bytes and all, and may name it again in any repository.

    Clients remember what they sent from a machine and do not send it again, even when the repository they sent it to
    is gone since. Source: protocol/xet.md 9 and 11.
    """

    __tablename__ = "user_xorbs"

    user_id: Mapped[str] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True)
    xorb_hash: Mapped[str] = mapped_column(ForeignKey("xorbs.xorb_hash"), primary_key=True, index=True)


class RecipeXorb(Base):
    """Which xorbs a recipe is made of: for wide dedup answers and for the collector."""

    __tablename__ = "recipe_xorbs"

    file_hash: Mapped[str] = mapped_column(ForeignKey("recipes.file_hash", ondelete="CASCADE"), primary_key=True)
    xorb_hash: Mapped[str] = mapped_column(ForeignKey("xorbs.xorb_hash"), primary_key=True, index=True)


class RepoRecipe(Base):
    """This file (by Xet hash) was registered through, or committed to, this repository: its readers may rebuild it."""

    __tablename__ = "repo_recipes"

    repo_id: Mapped[str] = mapped_column(of_repo(), primary_key=True)
    file_hash: Mapped[str] = mapped_column(ForeignKey("recipes.file_hash"), primary_key=True, index=True)
    #: When it was last registered. None: before this was kept.
    claimed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class DedupChunk(Base):
    """A dedup-eligible chunk (first of a file, or hash divisible by 1024) and a xorb that holds it."""

    __tablename__ = "dedup_chunks"

    chunk_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    xorb_hash: Mapped[str] = mapped_column(ForeignKey("xorbs.xorb_hash", ondelete="CASCADE"), primary_key=True)


class MultipartUpload(Base):
    """An upload in parts under way: they arrive at signed addresses and are joined at completion.

    ``uploader_id`` is whose browser sends it, which may go on later; None for a client's, which starts again.
    ``created_at`` moves on whenever it does.
    """

    __tablename__ = "multipart_uploads"
    __table_args__ = (Index("ix_multipart_uploads_uploader_id", "uploader_id"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    repo_id: Mapped[str] = mapped_column(of_repo())
    sha256: Mapped[str] = mapped_column(String(64))
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    chunk_bytes: Mapped[int] = mapped_column(BigInteger)
    store_upload_id: Mapped[str | None] = mapped_column(String(1024))
    uploader_id: Mapped[str | None] = mapped_column(ForeignKey("accounts.id", ondelete="SET NULL"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class DownloadDay(Base):
    """How often a repository was downloaded on one day (UTC). Older days are in their month's number.

    ``sources``: from how many accounts and network addresses, whatever programs ran there.
    """

    __tablename__ = "download_days"

    repo_id: Mapped[str] = mapped_column(of_repo(), primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True, index=True)
    downloads: Mapped[int] = mapped_column(Integer)
    sources: Mapped[int] = mapped_column(Integer, server_default="0")


class DownloadMonth(Base):
    """The same of one month, named by its first day: those of its days that have no row of their own any more."""

    __tablename__ = "download_months"

    repo_id: Mapped[str] = mapped_column(of_repo(), primary_key=True)
    month: Mapped[date] = mapped_column(Date, primary_key=True, index=True)
    downloads: Mapped[int] = mapped_column(Integer)


class Attachment(Base):
    """A picture, film or sound for a comment. ``name`` is random, because it is all that is asked for to see it."""

    __tablename__ = "attachments"
    __table_args__ = (Index("ix_attachments_uploader_id_created_at", "uploader_id", "created_at"),)

    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    uploader_id: Mapped[str | None] = mapped_column(ForeignKey("accounts.id", ondelete="SET NULL"))
    media_type: Mapped[str] = mapped_column(String(40))
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
