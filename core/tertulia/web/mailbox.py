"""The stand-in for an SMTP server: it runs on loopback in sandbox mode and keeps mails in memory."""

from __future__ import annotations

import asyncio
import email
import email.policy
import re
from collections import deque
from dataclasses import dataclass
from email.message import EmailMessage

from aiosmtpd.smtp import SMTP, Envelope
from aiosmtpd.smtp import Session as SmtpSession

from tertulia.domain.identifiers import Json

KEPT = 50_000
PER_MINUTE = 100_000
SENDER = "Tertulia sandbox <tertulia@sandbox.example>"
LINK = re.compile(r"https?://\S+/a/[\w-]+")


@dataclass(frozen=True, kw_only=True)
class Mail:
    """Hold one mail as it arrived."""

    number: int
    recipient: str
    subject: str
    text: str
    message_id: str

    @property
    def link(self) -> str | None:
        """Return the personal link in the text."""
        found = LINK.search(self.text)
        return found.group() if found else None


class Mailbox:
    """Take mail on loopback and show it to whoever drives the sandbox."""

    def __init__(self, kept: int = KEPT) -> None:
        self._mails: deque[Mail] = deque(maxlen=kept)
        self._server: asyncio.Server | None = None
        self._count = 0

    @property
    def name(self) -> str:
        """The plugin's name."""
        return "web"

    async def start(self) -> Json:
        """Listen on a free port and return the settings of the web channel."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: SMTP(self, hostname="localhost", enable_SMTPUTF8=True, loop=loop, ident="sandbox"), "127.0.0.1", 0
        )
        port = self._server.sockets[0].getsockname()[1]
        return {"smtp_url": f"smtp://127.0.0.1:{port}", "sender": SENDER, "per_minute": PER_MINUTE}

    async def stop(self) -> None:
        """Stop listening; what arrived stays readable."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
            self._server = None

    def messages(self) -> tuple[Mail, ...]:
        """Return all mails, oldest first."""
        return tuple(self._mails)

    def messages_for(self, address: str) -> tuple[Mail, ...]:
        """Return the mails to one address, oldest first."""
        wanted = address.lower()
        return tuple(mail for mail in self._mails if mail.recipient.lower() == wanted)

    async def handle_DATA(self, server: SMTP, session: SmtpSession, envelope: Envelope) -> str:
        """Keep a mail; called by aiosmtpd."""
        content = envelope.content or b""
        raw = content if isinstance(content, bytes) else content.encode()
        message = email.message_from_bytes(raw, policy=email.policy.default)
        body = message.get_body(("plain",)) if isinstance(message, EmailMessage) else None
        for recipient in envelope.rcpt_tos:
            self._count += 1
            self._mails.append(
                Mail(
                    number=self._count,
                    recipient=recipient,
                    subject=str(message["Subject"] or ""),
                    text=str(body.get_content()) if body is not None else "",
                    message_id=str(message["Message-ID"] or ""),
                )
            )
        return "250 kept"
