"""What is known of repositories at the head of ``main``: their cards, as rows and tags, and facts from their files."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Boolean, Float, ForeignKey, Index, Integer, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from freehold.core.database import Base, UtcDateTime
from freehold.wordkit.tables import TextColumns


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


class RepoText(TextColumns, Base):
    """The words of one repository: its name, what its card calls it and files it under, and its card's plain text."""

    __tablename__ = "repo_texts"

    repo_id: Mapped[str] = mapped_column(ForeignKey("repos.id", ondelete="CASCADE"), unique=True)


class RepoLink(Base):
    """A repository's card names another as what it was made from, trained on or uses (``cards.links``).

    ``kind`` and ``path_key`` say which, as ``repos`` would. Whether there is one, and who may know of it, is asked of
    each reader anew.
    """

    __tablename__ = "repo_links"
    __table_args__ = (Index("ix_repo_links_path_key_kind_repo_id", "path_key", "kind", "repo_id"),)

    repo_id: Mapped[str] = mapped_column(ForeignKey("repos.id", ondelete="CASCADE"), primary_key=True)
    relation: Mapped[str] = mapped_column(String(12), primary_key=True)
    kind: Mapped[str] = mapped_column(String(8), primary_key=True)
    path_key: Mapped[str] = mapped_column(String(193), primary_key=True)


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


class RepoFacts(Base):
    """What the files of a repository say at ``commit`` (a head of ``main``), computed; see :class:`facts.Facts`.

    A null is a value: the files do not tell. What the card declares stands in :class:`RepoCard`, untouched by this.
    """

    __tablename__ = "repo_facts"
    __table_args__ = (
        Index("ix_repo_facts_parameters", "parameters"),
        Index("ix_repo_facts_needed_bytes", "needed_bytes"),
        Index("ix_repo_facts_version", "version"),
    )

    repo_id: Mapped[str] = mapped_column(ForeignKey("repos.id", ondelete="CASCADE"), primary_key=True)
    commit: Mapped[str] = mapped_column(String(40))
    #: Of the computation: what an older one found is computed anew.
    version: Mapped[int] = mapped_column(Integer)
    computed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    parameters: Mapped[int | None] = mapped_column(BigInteger)
    active_parameters: Mapped[int | None] = mapped_column(BigInteger)
    #: The type that most parameters have, as their format names it (BF16, Q4_K).
    dtype: Mapped[str | None] = mapped_column(String(20))
    context_length: Mapped[int | None] = mapped_column(BigInteger)
    architecture: Mapped[str | None] = mapped_column(String(100))
    tokenizer: Mapped[str | None] = mapped_column(String(100))
    adapter_base: Mapped[str | None] = mapped_column(String(200))
    has_pickle: Mapped[bool] = mapped_column(Boolean)
    rows: Mapped[int | None] = mapped_column(BigInteger)
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    #: Memory that the smallest way to load the model takes at the default of lists, with its margin.
    needed_bytes: Mapped[int | None] = mapped_column(BigInteger)
    formats: Mapped[list[str]] = mapped_column(JSON)
    quantisations: Mapped[list[str]] = mapped_column(JSON)
    details: Mapped[dict[str, Any]] = mapped_column(JSON)


class FileHeader(Base):
    """What one file at the head of ``main`` says of itself: its header's summary, and its tensors packed.

    ``digest``: of the file (SHA-256 of a large one, the blob's id of another). Files of other commits are read when
    somebody looks at them.
    """

    __tablename__ = "file_headers"

    repo_id: Mapped[str] = mapped_column(ForeignKey("repos.id", ondelete="CASCADE"), primary_key=True)
    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    form: Mapped[str] = mapped_column(String(16), primary_key=True)
    version: Mapped[int] = mapped_column(Integer)
    told: Mapped[dict[str, Any]] = mapped_column(JSON)
    body: Mapped[bytes] = mapped_column(LargeBinary)
    #: Why there is no header, in words; empty for one that was read.
    problem: Mapped[str] = mapped_column(String(500))


class RepoVerdict(Base):
    """May one use the repository commercially, as everybody may know it: edges to what is not public are unresolved.

    What a reader sees on its page is judged anew, by what that reader may know of (``cards.chains``).
    """

    __tablename__ = "repo_verdicts"
    __table_args__ = (
        Index("ix_repo_verdicts_answer_repo_id", "answer", "repo_id"),
        Index("ix_repo_verdicts_adapter_key", "adapter_key"),
        Index("ix_repo_verdicts_version", "version"),
    )

    repo_id: Mapped[str] = mapped_column(ForeignKey("repos.id", ondelete="CASCADE"), primary_key=True)
    #: yes, conditions, unresolved or no.
    answer: Mapped[str] = mapped_column(String(12))
    #: What its own licence alone would say, and whether it lets changed ones be passed on: others follow from it.
    own: Mapped[str] = mapped_column(String(24))
    #: The path of what its files say it is an adapter for, in small letters; its card may not name it.
    adapter_key: Mapped[str | None] = mapped_column(String(200))
    #: Of the table and the rules: what an older one found is judged anew.
    version: Mapped[int] = mapped_column(Integer)


class RepoOpenness(Base):
    """How open the repository is, as everybody may know it: each dimension open, partly, closed or unknown.

    A null is a question that is not asked of its kind. What a reader sees on its page is read anew, by what that reader
    may know of (``cards.openness``).
    """

    __tablename__ = "repo_openness"
    __table_args__ = (
        Index("ix_repo_openness_opened_repo_id", "opened", "repo_id"),
        Index("ix_repo_openness_version", "version"),
    )

    repo_id: Mapped[str] = mapped_column(ForeignKey("repos.id", ondelete="CASCADE"), primary_key=True)
    commit: Mapped[str] = mapped_column(String(40))
    #: Of the rules and the table of licences: what an older one found is read anew.
    version: Mapped[int] = mapped_column(Integer)
    weights: Mapped[str | None] = mapped_column(String(8))
    code: Mapped[str | None] = mapped_column(String(8))
    data: Mapped[str | None] = mapped_column(String(8))
    recipe: Mapped[str | None] = mapped_column(String(8))
    evaluation: Mapped[str | None] = mapped_column(String(8))
    licence: Mapped[str | None] = mapped_column(String(8))
    #: How many dimensions are open: an order for lists, never an answer.
    opened: Mapped[int] = mapped_column(Integer)
    #: What the commit says by itself (``openness.material.Told``): read once, however often neighbours change.
    told: Mapped[dict[str, Any]] = mapped_column(JSON)

    def values(self) -> dict[str, str]:
        """The answers by dimension."""
        asked = ("weights", "code", "data", "recipe", "evaluation", "licence")
        return {name: value for name in asked if (value := getattr(self, name)) is not None}
