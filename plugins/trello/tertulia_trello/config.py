"""What one workspace sets for Trello."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

HOSTS = ("api.trello.com",)
"""The hosts that requests may go to."""


def _https_host(value: str) -> str:
    host = value.strip().lower().rstrip(".")
    if not host or any(sign in host for sign in "/:@?#* ") or "." not in host:
        raise ValueError("must be a host name such as api.trello.com, without scheme, port, path or asterisk")
    return host


Host: TypeAlias = Annotated[str, AfterValidator(_https_host)]
TrelloId: TypeAlias = Annotated[str, Field(pattern=r"^[0-9a-f]{24}$")]


class Settings(BaseModel):
    """Hold the settings; key, token and secret are sealed at rest and shown to nobody."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    api_key: Annotated[SecretStr, Field(min_length=32, max_length=32)] = Field(
        title="API key", description="Key of the Power-Up, 32 characters."
    )
    api_secret: SecretStr = Field(
        min_length=32, title="API secret", description="Secret of the same key; Trello signs webhooks with it."
    )
    token: SecretStr = Field(
        min_length=64,
        title="Token",
        description="Token of the account that acts for the program, scopes read and write.",
    )
    workspace_id: TrelloId = Field(
        title="Trello workspace id", description="24 hexadecimal digits; the realm of every account seen here."
    )
    boards: list[TrelloId] = Field(
        default_factory=list, title="Boards", description="Boards that may carry practices; others are never read."
    )
    allowed_hosts: list[Host] = Field(
        default=list(HOSTS), min_length=1, title="Allowed hosts", description="Hosts that requests may go to."
    )
