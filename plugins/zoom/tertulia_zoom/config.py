"""What one workspace sets for Zoom."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Annotated, Literal, TypeAlias
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

HOSTS = ("zoom.us", "api.zoom.us")
"""The hosts that requests may go to: tokens come from the first, the API is the second."""
FRAMES = ("https://zoom.us", "https://*.zoom.us")
"""Who may frame the in-meeting panel."""
SDK = "https://appssdk.zoom.us/sdk.min.js"
"""Where Zoom serves its own library for pages inside the client."""
Plan: TypeAlias = Literal["free", "pro", "business"]


@dataclass(frozen=True, kw_only=True)
class Endpoints:
    """Hold where Zoom is: its API, its tokens, the library for panels and who may frame these."""

    api: str
    token: str
    sdk: str
    frames: tuple[str, ...]


ZOOM = Endpoints(api="https://api.zoom.us/v2", token="https://zoom.us/oauth/token", sdk=SDK, frames=FRAMES)  # noqa: S106  # an address


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


def _loopback(value: str) -> str:
    try:
        parts = urlsplit(value)
        address = ipaddress.ip_address(parts.hostname or "")
        port = parts.port
    except ValueError:
        port, address = None, ipaddress.ip_address("192.0.2.1")
    if parts.scheme != "http" or not address.is_loopback or port is None or value != f"http://{address}:{port}":
        raise ValueError("must be the origin of a stand-in on this machine, such as http://127.0.0.1:8500")
    return value


Host: TypeAlias = Annotated[str, AfterValidator(_https_host)]
Loopback: TypeAlias = Annotated[str, AfterValidator(_loopback)]
Identifier: TypeAlias = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{8,64}$")]
Secret: TypeAlias = Annotated[SecretStr, Field(min_length=8)]


class ServerToServer(BaseModel):
    """Hold the credentials of a server-to-server OAuth app: meetings, users, polls and reports."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    account_id: Identifier = Field(title="Account id", description="Account id on the app's credentials page.")
    client_id: Identifier = Field(title="Client id")
    client_secret: SecretStr = Field(min_length=16, title="Client secret")


class GeneralApp(BaseModel):
    """Hold the credentials of the general app: Team Chat and the panel; server-to-server ones serve neither."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    client_id: Identifier = Field(title="Client id")
    client_secret: SecretStr = Field(
        min_length=16, title="Client secret", description="Also opens the context header of the in-meeting panel."
    )
    robot_jid: Annotated[str, AfterValidator(_robot)] | None = Field(
        default=None, title="Bot JID", description="Without it nothing is sent in Zoom Team Chat."
    )


class Settings(BaseModel):
    """Hold the settings; secrets are sealed at rest and shown to nobody."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    server: ServerToServer = Field(title="Server-to-server app")
    app: GeneralApp | None = Field(
        default=None, title="General app", description="Without it there is no Team Chat and no in-meeting panel."
    )
    webhook_secret: Secret = Field(
        title="Webhook secret token", description="Secret token on the app's feature page; signs events."
    )
    other_webhook_secrets: list[Secret] = Field(
        default_factory=list,
        max_length=3,
        title="Other secret tokens",
        description="Tokens that may sign, too: the second app's, or the former one while it is being changed.",
    )
    plan: Plan = Field(
        default="pro", title="Plan", description="The account's plan: Zoom's rate limits depend on it."
    )
    scheduler: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9_-]{8,64}$",
        title="Scheduling user",
        description="Id of the user in whose name meetings are scheduled; none are scheduled without it.",
    )
    timeout: float = Field(default=12.0, gt=0, le=25, title="Time-out", description="Seconds a request may take.")
    allowed_hosts: list[Host] = Field(
        default=list(HOSTS), min_length=1, title="Allowed hosts", description="Hosts that requests may go to."
    )
    stand_in: Loopback | None = Field(
        default=None,
        title="Stand-in",
        description="For the sandbox only: the local stand-in that takes the place of Zoom's hosts.",
    )

    @property
    def endpoints(self) -> Endpoints:
        """Return where Zoom is."""
        if self.stand_in is None:
            return ZOOM
        here = self.stand_in
        return Endpoints(api=f"{here}/v2", token=f"{here}/oauth/token", sdk=f"{here}/sdk.js", frames=(here,))

    @property
    def webhook_secrets(self) -> tuple[str, ...]:
        """Return all tokens that may sign an event."""
        return tuple(one.get_secret_value() for one in (self.webhook_secret, *self.other_webhook_secrets))
