"""Shapes on the wire of commits, trees and refs. Unknown keys are ignored: clients send more with each version."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

MAX_FILES_AT_ONCE = 1000
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Revision = Annotated[str, Field(min_length=1, max_length=255)]


class PreuploadFile(BaseModel):
    path: str = Field(max_length=8192)
    size: int = Field(ge=0, le=1 << 62)
    sample: str = Field("", max_length=1024, description="Base64 of the file's first 512 bytes.")


class Preupload(BaseModel):
    files: list[PreuploadFile] = Field(max_length=MAX_FILES_AT_ONCE)
    gitIgnore: str | None = Field(None, max_length=1 << 18)


class PreuploadAdvice(BaseModel):
    path: str
    uploadMode: Literal["lfs", "regular"]
    shouldIgnore: bool
    oid: str | None = None


class PreuploadAnswer(BaseModel):
    files: list[PreuploadAdvice]
    commitOid: str


class CommitAnswer(BaseModel):
    success: Literal[True] = True
    commitOid: str
    commitUrl: str
    hookOutput: str = ""
    pullRequestUrl: str | None = None


class DuplicateTarget(BaseModel):
    type: Literal["model", "dataset", "space", "kernel"]
    name: str = Field(max_length=200)


class DuplicateFile(BaseModel):
    sha256: Sha256
    xetHash: Sha256 | None = None
    filename: str = Field("", max_length=8192)


class Duplicate(BaseModel):
    target: DuplicateTarget
    files: list[DuplicateFile] = Field(max_length=500)


class NewBranch(BaseModel):
    startingPoint: Revision | None = None


class NewTag(BaseModel):
    tag: str = Field(min_length=1, max_length=255)
    message: str | None = Field(None, max_length=65_536)


class Squash(BaseModel):
    message: str = Field("", max_length=4096)


class LfsDeletions(BaseModel):
    sha: list[Sha256] = Field(max_length=MAX_FILES_AT_ONCE, description="SHA-256 of each large file.")
    rewriteHistory: bool = True


class Deletions(BaseModel):
    deletions: LfsDeletions
