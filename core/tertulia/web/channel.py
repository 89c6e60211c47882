"""The web channel, a plugin like the others: it invites by e-mail, the answer is given on the web pages."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from tertulia.capabilities import Platform, Ref
from tertulia.domain.identifiers import Id
from tertulia.domain.people import Recipient
from tertulia.domain.prompts import Prompt
from tertulia.errors import Unreachable
from tertulia.extension import Context, Sandbox, Window
from tertulia.hookspecs import hookimpl
from tertulia.web import mail
from tertulia.web.looks import WebLooks

NAME = "web"


class Settings(BaseModel):
    """Hold how invitations are mailed; without *smtp_url* nobody can be asked through this channel.

    *smtp_url* is `smtp://user:password@host:587` (STARTTLS is required, except on loopback) or `smtps://host`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    smtp_url: SecretStr | None = Field(
        default=None,
        title="Mail server",
        description="smtp://user:password@host:587 or smtps://host; it sends the mail.",
    )
    sender: str | None = Field(
        default=None, title="Sender", description="The address that invitations come from, with a name if you like."
    )
    reply_to: str | None = Field(
        default=None,
        title="Answers go to",
        description="The address that answers to a mail go to; none, the sender's.",
    )
    per_minute: int = Field(
        default=600, ge=1, le=100_000, title="Mails a minute", description="As many as the mail server takes."
    )

    @field_validator("smtp_url")
    @classmethod
    def _server(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            try:
                mail.Server.parse(value.get_secret_value())
            except ValueError:
                raise ValueError("smtp_url must look like smtp://user:password@host:587 or smtps://host") from None
        return value

    @field_validator("sender", "reply_to")
    @classmethod
    def _address(cls, value: str | None) -> str | None:
        if value is not None:
            mail.address(value)
        return value

    @model_validator(mode="after")
    def _complete(self) -> Settings:
        if self.smtp_url is not None and self.sender is None:
            raise ValueError("sender is missing: set the address that invitations come from")
        return self


class MailedSurveys:
    """Ask by e-mail, with the personal link that opens the answer page."""

    def __init__(self, context: Context, server: mail.Server, sender: str, reply_to: str | None, per_minute: int):
        self._context, self._server, self._sender, self._reply_to = context, server, sender, reply_to
        self._limits = {f"smtp:{server.host}": (Window(per_minute, 60.0, burst=max(1, per_minute // 60)),)}

    @property
    def confidential(self) -> Literal["native", "link", "no"]:
        """Say that a survey is asked behind the personal link."""
        return "link"

    async def ask(self, to: Recipient, prompt: Prompt, key: Id) -> Ref:
        """Mail the question's text and link; the same *key* gives the same Message-ID."""
        try:
            recipient = mail.address(str(to.address.get("email", "")))
        except ValueError:
            raise Unreachable("the address is not an e-mail address") from None
        sender = mail.address(self._sender)
        reply_to = mail.address(self._reply_to) if self._reply_to else None
        message = mail.compose(prompt, sender=sender, recipient=recipient, reply_to=reply_to, key=key)
        await self._context.limiter.acquire(self._limits)
        await mail.send(self._server, message, sender=sender, recipient=recipient)
        return str(message["Message-ID"])

    async def amend(self, ref: Ref, prompt: Prompt) -> None:
        """Leave a mail as it was sent: its link always shows the present state."""

    async def withdraw(self, ref: Ref) -> None:
        """Leave a mail as it was sent: its link says that the round is closed."""


@hookimpl
def register_settings() -> type[BaseModel]:
    """Return the model of this channel's settings."""
    return Settings


@hookimpl
def register_platforms(context: Context) -> Iterable[Platform]:
    """Return the platform `web`; it can ask once an SMTP server is set."""
    settings: Settings = context.settings
    if settings.smtp_url is None or settings.sender is None:
        return (Platform(name=NAME),)
    server = mail.Server.parse(settings.smtp_url.get_secret_value())
    port = MailedSurveys(context, server, settings.sender, settings.reply_to, settings.per_minute)
    return (Platform(name=NAME, survey=port, preview=WebLooks(settings.sender)),)


@hookimpl
def register_sandbox() -> Iterable[Sandbox]:
    """Return a mail server on loopback that keeps what it is given."""
    from tertulia.web.mailbox import Mailbox  # needs aiosmtpd, which only the sandbox installs

    return (Mailbox(),)
