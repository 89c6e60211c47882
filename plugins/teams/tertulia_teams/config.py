"""What one workspace sets for Microsoft Teams."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator

Cloud: TypeAlias = Literal["public", "gcc", "gcc-high", "dod", "china"]
HOSTS: dict[Cloud, tuple[str, ...]] = {
    "public": (
        "login.microsoftonline.com",
        "login.botframework.com",
        "smba.trafficmanager.net",
        "graph.microsoft.com",
    ),
    "gcc": (
        "login.microsoftonline.com",
        "login.botframework.com",
        "smba.infra.gcc.teams.microsoft.com",
        "graph.microsoft.com",
    ),
    "gcc-high": (
        "login.microsoftonline.us",
        "login.botframework.azure.us",
        "smba.infra.gov.teams.microsoft.us",
        "graph.microsoft.us",
    ),
    "dod": (
        "login.microsoftonline.us",
        "login.botframework.azure.us",
        "smba.infra.dod.teams.microsoft.us",
        "dod-graph.microsoft.us",
    ),
    "china": ("login.partner.microsoftonline.cn", "microsoftgraph.chinacloudapi.cn"),
}
"""The hosts that requests may go to, by cloud."""


def _guid(value: str) -> str:
    try:
        return str(UUID(value))
    except ValueError:
        raise ValueError(
            "must be a GUID such as 8d2f0c8e-2f7a-4f0e-9f57-0d0c3a1b2c3d; the Azure portal shows it"
        ) from None


def _https_host(value: str) -> str:
    host = value.strip().lower().rstrip(".")
    if not host or any(sign in host for sign in "/:@?#* ") or "." not in host:
        raise ValueError("must be a host name such as graph.microsoft.com, without scheme, port, path or asterisk")
    return host


Guid: TypeAlias = Annotated[str, AfterValidator(_guid)]
Host: TypeAlias = Annotated[str, AfterValidator(_https_host)]


class Settings(BaseModel):
    """Hold the settings; the secret is sealed at rest and shown to nobody."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    app_id: Guid = Field(title="App id", description="Application (client) id of the bot's app registration.")
    app_type: Literal["single-tenant", "multi-tenant"] = Field(
        default="single-tenant",
        title="App type",
        description="New multi-tenant bots cannot be created since 31 July 2025; existing ones go on.",
    )
    app_secret: SecretStr = Field(
        min_length=16,
        title="App secret",
        description="A client secret of the app registration: the value, not its id.",
    )
    tenant_id: Guid = Field(title="Tenant id", description="Directory (tenant) id of the one tenant that is served.")
    cloud: Cloud = Field(default="public", title="Cloud", description="The Microsoft cloud the tenant lives in.")
    allowed_hosts: list[Host] = Field(
        default_factory=list,
        title="Allowed hosts",
        description="Hosts that requests may go to; left empty, those of the cloud.",
    )

    @model_validator(mode="before")
    @classmethod
    def _hosts_of_the_cloud(cls, values: object) -> object:
        if isinstance(values, dict) and not values.get("allowed_hosts"):
            return {**values, "allowed_hosts": list(HOSTS.get(values.get("cloud", "public"), ()))}
        return values

    @model_validator(mode="after")
    def _distinct(self) -> Settings:
        if self.app_id == self.tenant_id:
            raise ValueError("app_id and tenant_id are the same; copy both from the overview of the app registration")
        return self
