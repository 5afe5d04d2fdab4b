"""Shapes on the wire. Source: protocol/hub-api.md 2. Unknown keys are ignored: clients send more with each version."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from freehold.core.errors import BadRequest, NotHere
from freehold.repos.events import SpaceOptions, SpaceValueGiven

Kind = Literal["model", "dataset", "space", "kernel"]


class SpaceValueIn(BaseModel):
    key: str = Field(max_length=300)
    value: str = Field(max_length=1 << 20)
    description: str | None = Field(None, max_length=2000)

    def given(self) -> SpaceValueGiven:
        return SpaceValueGiven(self.key, self.value, self.description or "")


class VolumeIn(BaseModel):
    type: str = Field(max_length=40)
    source: str = Field(max_length=300)
    mountPath: str = Field(max_length=1000)
    revision: str | None = Field(None, max_length=255)
    readOnly: bool | None = None
    path: str | None = Field(None, max_length=1000)


class SpaceOptionsIn(BaseModel):
    """What creating and duplicating take for a Space. Source: protocol/hub-api.md 2."""

    hardware: str | None = Field(None, max_length=100)
    sleepTimeSeconds: int | None = None
    secrets: list[SpaceValueIn] | None = Field(None, max_length=200)
    variables: list[SpaceValueIn] | None = Field(None, max_length=200)
    volumes: list[VolumeIn] | None = Field(None, max_length=100)
    template: str | None = Field(None, max_length=300)
    resourceGroupId: str | None = Field(None, max_length=100)

    def given(self) -> SpaceOptions:
        """The same as plain values. Raises 501 and 400 for what this hub does not have, rather than leave it out."""
        if self.resourceGroupId is not None:
            raise NotHere("This hub has no resource groups: leave resource_group_id out.", code="NotImplemented")
        if self.template is not None:
            raise BadRequest("This hub has no Space templates: duplicate a Space instead.")
        return SpaceOptions(
            hardware=self.hardware,
            sleep_time_s=self.sleepTimeSeconds,
            secrets=[one.given() for one in self.secrets or ()],
            variables=[one.given() for one in self.variables or ()],
            volumes=[one.model_dump() for one in self.volumes or ()],
        )


class CreateRepo(SpaceOptionsIn):
    model_config = ConfigDict(extra="ignore")

    name: str = Field(max_length=300, description="Name, without the namespace (older clients send `ns/name`).")
    organization: str | None = Field(None, max_length=96, description="Namespace; absent: the caller's own.")
    type: Kind | None = None
    visibility: str | None = Field(None, max_length=40)
    private: bool | None = None
    sdk: str | None = Field(None, max_length=40)


class DuplicateRepo(SpaceOptionsIn):
    model_config = ConfigDict(extra="ignore")

    repository: str = Field(max_length=300, description="`ns/name` of the new repository.")
    visibility: str | None = Field(None, max_length=40)
    private: bool | None = None


class DeleteRepo(BaseModel):
    name: str = Field(max_length=300)
    organization: str | None = Field(None, max_length=96)
    type: Kind | None = None


class MoveRepo(BaseModel):
    fromRepo: str = Field(max_length=300)
    toRepo: str = Field(max_length=300)
    type: Kind | Literal["bucket"] | None = None

    def kind(self) -> Kind:
        if self.type == "bucket":
            raise NotHere("This hub has no buckets yet, so there is none to move.", code="NotImplemented")
        return self.type or "model"


class RepoSettings(BaseModel):
    visibility: str | None = Field(None, max_length=40)
    private: bool | None = None
    gated: bool | str | None = None
    gatedNotificationsMode: str | None = Field(None, max_length=40, description="`bulk` (daily) or `real-time`.")
    gatedNotificationsEmail: str | None = Field(None, max_length=320, description="Empty: the owner's own address.")
    gatedRenew: str | None = Field(None, max_length=40, description="When the terms change: `required` or `notified`.")
    gatedGraceDays: int | None = Field(None, ge=0, le=365, description="Days to agree to changed terms.")
    discussionsDisabled: bool | None = None


class RepoUrl(BaseModel):
    """What creating answers; clients read ``url``."""

    url: str
    id: str
    name: str


class WhoAmI(BaseModel):
    """Who the caller is; ``hf auth whoami`` needs ``orgs``, the client needs ``type`` and ``name``."""

    type: str
    id: str
    name: str
    fullname: str
    email: str | None = None
    emailVerified: bool | None = None
    isPro: bool
    canPay: bool
    avatarUrl: str
    orgs: list[dict[str, Any]]
    auth: dict[str, Any]
