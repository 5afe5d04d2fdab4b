"""Shapes on the wire. Source: protocol/hub-api.md 2. Unknown keys are ignored: clients send more with each version."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Kind = Literal["model", "dataset", "space", "kernel"]


class CreateRepo(BaseModel):
    model_config = ConfigDict(extra="ignore")

    name: str = Field(max_length=300, description="Name, without the namespace (older clients send `ns/name`).")
    organization: str | None = Field(None, max_length=96, description="Namespace; absent: the caller's own.")
    type: Kind | None = None
    visibility: str | None = Field(None, max_length=40)
    private: bool | None = None
    sdk: str | None = Field(None, max_length=40)


class DeleteRepo(BaseModel):
    name: str = Field(max_length=300)
    organization: str | None = Field(None, max_length=96)
    type: Kind | None = None


class MoveRepo(BaseModel):
    fromRepo: str = Field(max_length=300)
    toRepo: str = Field(max_length=300)
    type: Kind | None = None


class RepoSettings(BaseModel):
    visibility: str | None = Field(None, max_length=40)
    private: bool | None = None
    gated: bool | str | None = None


class RepoUrl(BaseModel):
    """What creating answers; clients read ``url``."""

    url: str
    id: str
    name: str
