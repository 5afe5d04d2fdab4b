"""Shapes on the wire. Names follow the public hub's where it has the call. Unknown keys are ignored."""

from typing import Literal

from pydantic import BaseModel, Field

Role = Literal["admin", "write", "contributor", "read"]


class NewOrganization(BaseModel):
    name: str = Field(max_length=200)
    fullname: str = Field("", max_length=1000)
    privateByDefault: bool = False


class OrganizationSettings(BaseModel):
    """What to change; what is absent stays."""

    fullname: str | None = Field(None, max_length=1000)
    details: str | None = Field(None, max_length=20_000)
    website: str | None = Field(None, max_length=2000)
    privateByDefault: bool | None = None
    defaultRole: Role | None = None
    showsMembers: bool | None = None
    takesRequests: bool | None = None


class Confirmation(BaseModel):
    name: str = Field(max_length=200, description="The name again: what it names will be gone.")


class NewRole(BaseModel):
    role: Role


class Heir(BaseModel):
    user: str = Field(max_length=200)


class NewInvitation(BaseModel):
    """By ``user`` or by ``email``."""

    user: str = Field("", max_length=200)
    email: str = Field("", max_length=400)
    role: Role | None = None


class Answer(BaseModel):
    status: Literal["accepted", "rejected"]
    role: Role | None = Field(None, description="For a join request: what they become.")


class JoinMessage(BaseModel):
    message: str = Field("", max_length=1000)


class OrganizationOut(BaseModel):
    id: str
    name: str
    fullname: str
    details: str
    website: str
    avatarUrl: str
    privateByDefault: bool
    defaultRole: str
    showsMembers: bool
    takesRequests: bool


class InvitationOut(BaseModel):
    id: str
    organization: str | None
    user: str | None
    email: str | None = Field(description="Told to the organisation's administrators only.")
    role: str
    invitedBy: str | None
    sentAt: str
    expiresAt: str
    link: str | None = Field(None, description="Told once, to who invited by mail: it lets its reader in.")


class JoinRequestOut(BaseModel):
    organization: str
    user: str
    message: str
    createdAt: str
