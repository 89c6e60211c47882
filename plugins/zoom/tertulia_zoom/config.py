"""What one workspace sets for Zoom."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

HOSTS = ("zoom.us", "api.zoom.us")
"""The hosts that requests may go to: tokens come from the first, the API is the second."""


def _https_host(value: str) -> str:
    host = value.strip().lower().rstrip(".")
    if not host or any(sign in host for sign in "/:@?#* ") or "." not in host:
        raise ValueError("must be a host name such as api.zoom.us, without scheme, port, path or asterisk")
    return host


def _robot(value: str) -> str:
    name, at, host = value.partition("@")
    if not (name and at and host.startswith("xmpp")):
        raise ValueError("must be the bot JID, such as v1abc@xmpp.zoom.us; the app's Team Chat page shows it")
    return value


Host: TypeAlias = Annotated[str, AfterValidator(_https_host)]
Identifier: TypeAlias = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{8,64}$")]


class ServerToServer(BaseModel):
    """Hold the credentials of a server-to-server OAuth app: meetings, users, polls and reports."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    account_id: Identifier = Field(title="Account id", description="Account id on the app's credentials page.")
    client_id: Identifier = Field(title="Client id")
    client_secret: SecretStr = Field(min_length=16, title="Client secret")


class TeamChat(BaseModel):
    """Hold the credentials of the Team Chat app; server-to-server credentials cannot send chat messages."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    client_id: Identifier = Field(title="Client id")
    client_secret: SecretStr = Field(
        min_length=16, title="Client secret", description="Also opens the context header of the in-meeting panel."
    )
    robot_jid: Annotated[str, AfterValidator(_robot)] = Field(title="Bot JID")


class Settings(BaseModel):
    """Hold the settings; secrets are sealed at rest and shown to nobody."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    server: ServerToServer = Field(title="Server-to-server app")
    chat: TeamChat | None = Field(
        default=None, title="Team Chat app", description="Without it nothing is sent in Zoom Team Chat."
    )
    webhook_secret: SecretStr = Field(
        min_length=8,
        title="Webhook secret token",
        description="Secret token on the app's feature page; signs events.",
    )
    plan: Literal["free", "pro", "business"] = Field(
        default="pro", title="Plan", description="The account's plan: Zoom's rate limits depend on it."
    )
    allowed_hosts: list[Host] = Field(
        default=list(HOSTS), min_length=1, title="Allowed hosts", description="Hosts that requests may go to."
    )
