"""Shapes on the wire. Source: protocol/hub-api.md 10. Unknown keys are ignored: clients send more each year."""

from typing import Any

from pydantic import BaseModel, Field

from freehold.core.clock import wire
from freehold.repos.events import SpaceValueGiven
from freehold.spaces.queries import Secret, Variable


class ValueIn(BaseModel):
    key: str = Field(max_length=300)
    value: str = Field(max_length=1 << 20)
    description: str | None = Field(None, max_length=2000)

    def given(self) -> SpaceValueGiven:
        return SpaceValueGiven(self.key, self.value, self.description or "")


class KeyIn(BaseModel):
    key: str = Field(max_length=300)


class HardwareIn(BaseModel):
    flavor: str = Field(max_length=100)
    sleepTimeSeconds: int | None = Field(None, ge=-1, le=1 << 31)


class SleepIn(BaseModel):
    seconds: int = Field(ge=-1, le=1 << 31)


class DevModeIn(BaseModel):
    enabled: bool


class VolumeIn(BaseModel):
    type: str = Field(max_length=40)
    source: str = Field(max_length=300)
    mountPath: str = Field(max_length=1000)
    revision: str | None = Field(None, max_length=255)
    readOnly: bool | None = None
    path: str | None = Field(None, max_length=1000)


class VolumesIn(BaseModel):
    volumes: list[VolumeIn] = Field(max_length=100)


def secrets(found: list[Secret]) -> dict[str, Any]:
    """By key; a secret's value is nowhere in here."""
    return {one.key: {"description": one.description, "updatedAt": wire(one.updated_at)} for one in found}


def variables(found: list[Variable]) -> dict[str, Any]:
    return {
        one.key: {"key": one.key, "value": one.value, "description": one.description, "updatedAt": wire(one.updated_at)}
        for one in found
    }
