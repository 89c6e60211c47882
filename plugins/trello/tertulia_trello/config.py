"""What one workspace sets for Trello."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator
from yarl import URL

HOSTS = ("api.trello.com", "auth.atlassian.com")
"""The hosts that requests may go to."""


def _https_host(value: str) -> str:
    host = value.strip().lower().rstrip(".")
    if not host or any(sign in host for sign in "/:@?#* ") or "." not in host:
        raise ValueError("must be a host name such as api.trello.com, without scheme, port, path or asterisk")
    return host


Host: TypeAlias = Annotated[str, AfterValidator(_https_host)]
TrelloId: TypeAlias = Annotated[str, Field(pattern=r"^[0-9a-f]{24}$")]


def _api(value: str) -> str:
    url = URL(value.strip().rstrip("/"))
    local = url.scheme == "http" and url.host in ("127.0.0.1", "localhost")
    if (url.scheme != "https" and not local) or not url.host or url.query_string or url.user:
        raise ValueError("must be an https address such as https://api.trello.com/1")
    return str(url)


class Settings(BaseModel):
    """Hold the settings; key, token and secret are sealed at rest and shown to nobody."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    api_key: Annotated[SecretStr, Field(min_length=32, max_length=32)] = Field(
        title="API key", description="Key of the Power-Up, 32 characters."
    )
    api_secret: SecretStr = Field(
        min_length=32, title="API secret", description="Secret of the same key; Trello signs webhooks with it."
    )
    previous_api_secret: SecretStr | None = Field(
        default=None,
        title="Previous API secret",
        description="While the secret is being changed, what Trello may still sign with.",
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
    username: str = Field(
        default="tertulia",
        pattern=r"^[a-z0-9_]{3,100}$",
        title="User name",
        description="User name of the token's account; people write @ and this name to give a command.",
    )
    ritual_list: str = Field(
        default="Tertulia", min_length=1, max_length=100, title="List", description="List that carries the cards."
    )
    create_list: bool = Field(
        default=False,
        title="Create the list",
        description="Whether the list, its label and the card that tells what is read may be made on a board.",
    )
    archive: bool = Field(
        default=True, title="Archive", description="Whether a card is archived once its summary is on it."
    )
    group_board: TrelloId | None = Field(
        default=None,
        title="Board of groups",
        description="Board on which small groups get a card of their own; none where it is left out.",
    )
    history_days: int = Field(
        default=365,
        ge=0,
        le=3650,
        title="History",
        description="Days before a board was opted in of which ties between people are read.",
    )
    url: Annotated[str, AfterValidator(_api)] = Field(
        default="https://api.trello.com/1", title="Address", description="Address of Trello's API."
    )
    oauth_client_id: str | None = Field(
        default=None,
        min_length=1,
        max_length=200,
        title="OAuth client id",
        description="Client with which members sign in at Trello to link their account; codes alone where left out.",
    )
    oauth_client_secret: SecretStr | None = Field(
        default=None, title="OAuth client secret", description="Secret of that client, which must be confidential."
    )
    oauth_url: Annotated[str, AfterValidator(_api)] = Field(
        default="https://auth.atlassian.com",
        title="Address of the sign-in",
        description="Address of Atlassian's authorization server.",
    )
    timeout: float = Field(default=12.0, gt=0, le=30, title="Time-out", description="Seconds one request may take.")
    allowed_hosts: list[Host] = Field(
        default=list(HOSTS), min_length=1, title="Allowed hosts", description="Hosts that requests may go to."
    )

    @model_validator(mode="after")
    def _client_is_whole(self) -> Settings:
        if (self.oauth_client_id is None) != (self.oauth_client_secret is None):
            raise ValueError("oauth_client_id and oauth_client_secret belong together: set both, or neither")
        return self
