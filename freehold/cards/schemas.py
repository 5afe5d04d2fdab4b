"""Shapes on the wire."""

from pydantic import BaseModel, Field


class ValidateYaml(BaseModel):
    """A README to check (hub-api.md 3.7)."""

    content: str
    repoType: str | None = None


class Message(BaseModel):
    message: str


class Checked(BaseModel):
    """What is to say about it."""

    errors: list[Message] = Field(default_factory=list)
    warnings: list[Message] = Field(default_factory=list)
