"""What one workspace sets for Microsoft Teams, and where its cloud is."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, replace
from typing import Annotated, Literal, TypeAlias
from urllib.parse import urlsplit
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator

PLATFORM = "teams"
Worker: TypeAlias = Literal["employee", "freelancer", "contractor"]
Cloud: TypeAlias = Literal["public", "gcc", "gcc-high", "dod", "china"]


@dataclass(frozen=True, kw_only=True)
class Endpoints:
    """Say where a cloud's services are: *scope* is what the bot's token is for, *services* whom it is shown to."""

    login: str
    metadata: str
    issuer: str
    scope: str
    graph: str
    graph_scope: str
    service_url: str | None
    services: frozenset[str]

    def trusts(self, service_url: str) -> bool:
        """Tell whether the bot's token may go to *service_url*: https and a known host, or the stand-in's own."""
        try:
            parts = urlsplit(service_url)
            origin = f"{parts.scheme}://{parts.hostname}" + (f":{parts.port}" if parts.port else "")
        except ValueError:
            return False
        if parts.username or parts.password or parts.query or parts.fragment:
            return False
        if any(sign in service_url for sign in "{}\\ \t\r\n") or ".." in parts.path:
            return False
        return origin in self.services or (parts.scheme == "https" and not parts.port and origin[8:] in self.services)

    def entra_keys(self, tenant: str) -> str:
        """Return where the keys are that sign people's tokens of *tenant*."""
        return f"{self.login}/{tenant}/discovery/v2.0/keys"

    def entra_issuer(self, tenant: str) -> str:
        """Return who issues people's tokens of *tenant*."""
        return f"{self.login}/{tenant}/v2.0"


CHINA_CONNECTOR = "frontend.botapi.msg.infra.teams.microsoftonline.cn"
"""Its path is not documented, so there a bot writes only to whom has written to it."""


def _endpoints(login: str, bot: str, issuer: str, scope: str, graph: str, service: str | None) -> Endpoints:
    host = CHINA_CONNECTOR if service is None else urlsplit(service).hostname
    return Endpoints(
        login=f"https://{login}",
        metadata=f"https://{bot}/v1/.well-known/openidconfiguration",
        issuer=f"https://{issuer}",
        scope=f"https://{scope}/.default",
        graph=f"https://{graph}/v1.0",
        graph_scope=f"https://{graph}/.default",
        service_url=service,
        services=frozenset({host or ""}),
    )


CLOUDS: dict[Cloud, Endpoints] = {
    "public": _endpoints(
        "login.microsoftonline.com",
        "login.botframework.com",
        "api.botframework.com",
        "api.botframework.com",
        "graph.microsoft.com",
        "https://smba.trafficmanager.net/teams/",
    ),
    "gcc": _endpoints(
        "login.microsoftonline.com",
        "login.botframework.com",
        "api.botframework.com",
        "api.botframework.com",
        "graph.microsoft.com",
        "https://smba.infra.gcc.teams.microsoft.com/teams/",
    ),
    "gcc-high": _endpoints(
        "login.microsoftonline.us",
        "login.botframework.azure.us",
        "api.botframework.us",
        "api.botframework.us",
        "graph.microsoft.us",
        "https://smba.infra.gov.teams.microsoft.us/teams/",
    ),
    "dod": _endpoints(
        "login.microsoftonline.us",
        "login.botframework.azure.us",
        "api.botframework.us",
        "api.botframework.us",
        "dod-graph.microsoft.us",
        "https://smba.infra.dod.teams.microsoft.us/teams/",
    ),
    "china": _endpoints(
        "login.partner.microsoftonline.cn",
        "login.botframework.azure.cn",
        "api.botframework.azure.cn",
        "api.botframework.azure.cn",
        "microsoftgraph.chinacloudapi.cn",
        None,
    ),
}


def _hosts(endpoints: Endpoints) -> tuple[str, ...]:
    urls = (endpoints.login, endpoints.metadata, endpoints.graph)
    return (*(urlsplit(url).hostname or "" for url in urls), *sorted(endpoints.services))


HOSTS: dict[Cloud, tuple[str, ...]] = {cloud: _hosts(endpoints) for cloud, endpoints in CLOUDS.items()}
"""The hosts that requests may go to, by cloud."""


def stand_in_endpoints(url: str, scopes: Endpoints) -> Endpoints:
    """Return the endpoints of a stand-in at *url*, which gives tokens for the cloud's own scopes."""
    return Endpoints(
        login=f"{url}/login",
        metadata=f"{url}/bot/v1/.well-known/openidconfiguration",
        issuer=scopes.issuer,
        scope=scopes.scope,
        graph=f"{url}/graph/v1.0",
        graph_scope=scopes.graph_scope,
        service_url=f"{url}/connector/",
        services=frozenset({url}),
    )


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


def _loopback(value: str) -> str:
    try:
        parts = urlsplit(value)
        address = ipaddress.ip_address(parts.hostname or "")
        port = parts.port
    except ValueError:
        port, address = None, ipaddress.ip_address("0.0.0.0")  # noqa: S104  an address that is refused below
    if parts.scheme != "http" or not address.is_loopback or port is None or value != f"http://{address}:{port}":
        raise ValueError("must be the origin of a stand-in on this machine, such as http://127.0.0.1:8500")
    return value


Guid: TypeAlias = Annotated[str, AfterValidator(_guid)]
Host: TypeAlias = Annotated[str, AfterValidator(_https_host)]
Loopback: TypeAlias = Annotated[str, AfterValidator(_loopback)]


class Settings(BaseModel):
    """Hold the settings; the secret is sealed at rest and shown to nobody."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    app_id: Guid = Field(title="App id", description="Application (client) id of the bot's app registration.")
    app_type: Literal["single-tenant", "managed-identity", "multi-tenant"] = Field(
        default="single-tenant",
        title="App type",
        description="New multi-tenant bots cannot be created since 31 July 2025; existing ones go on.",
    )
    app_secret: SecretStr | None = Field(
        default=None,
        min_length=16,
        title="App secret",
        description="A client secret of the app registration: the value, not its id. A managed identity has none.",
    )
    tenant_id: Guid = Field(title="Tenant id", description="Directory (tenant) id of the one tenant that is served.")
    cloud: Cloud = Field(default="public", title="Cloud", description="The Microsoft cloud the tenant lives in.")
    catalog_app_id: Guid | None = Field(
        default=None,
        title="App id in the catalog",
        description="The id in the app package, where it is not the bot's own; found in the tenant's app catalog.",
    )
    directory: Literal["graph", "roster"] = Field(
        default="graph",
        title="Directory",
        description="Read accounts from Microsoft Graph, or only the rosters of the teams that have the app.",
    )
    install: bool = Field(
        default=True,
        title="Install for members",
        description="Install the app for a member who does not have it, before the first question; needs Graph.",
    )
    guests: Worker = Field(default="freelancer", title="Guests are", description="The worker type of guest accounts.")
    employees_group: Guid | None = Field(
        default=None,
        title="Group of employees",
        description="Object id of the Entra group whose members are employees, whatever their account says.",
    )
    freelancers_group: Guid | None = Field(
        default=None, title="Group of freelancers", description="The same for freelancers."
    )
    contractors_group: Guid | None = Field(
        default=None, title="Group of contractors", description="The same for contractors."
    )
    rate: int = Field(
        default=50,
        gt=0,
        le=1000,
        title="Requests per second",
        description="What Microsoft lets one app send in one tenant; nine tenths of it are used.",
    )
    timeout: float = Field(default=15, gt=0, le=25, title="Time-out", description="Seconds a request may take.")
    allowed_hosts: list[Host] = Field(
        default_factory=list,
        title="Allowed hosts",
        description="Hosts that requests may go to; left empty, those of the cloud.",
    )
    stand_in: Loopback | None = Field(
        default=None,
        title="Stand-in",
        description="For the sandbox only: the local stand-in that takes the place of all of Microsoft's hosts.",
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
        if (self.app_secret is None) != (self.app_type == "managed-identity"):
            raise ValueError("app_secret must be set, unless app_type is managed-identity, which has none")
        if self.groups and self.directory == "roster":
            raise ValueError("groups are read from Graph; leave them out, or set directory to graph")
        return self

    @property
    def endpoints(self) -> Endpoints:
        """Return where the services are; a host that `allowed_hosts` adds to the cloud's may be a connector."""
        known = CLOUDS[self.cloud]
        if self.stand_in is not None:
            return stand_in_endpoints(self.stand_in, known)
        return replace(known, services=known.services | (set(self.allowed_hosts) - set(HOSTS[self.cloud])))

    @property
    def groups(self) -> dict[Worker, str]:
        """Return the groups that say who works how, those first that count where somebody is in several."""
        named: dict[Worker, str | None] = {
            "contractor": self.contractors_group,
            "freelancer": self.freelancers_group,
            "employee": self.employees_group,
        }
        return {worker: group for worker, group in named.items() if group is not None}

    @property
    def manifest_id(self) -> str:
        """Return the id of the app package."""
        return self.catalog_app_id or self.app_id
