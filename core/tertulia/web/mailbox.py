"""The stand-in for an SMTP server: it runs on loopback in sandbox mode and keeps mails in memory."""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from email.header import decode_header, make_header
from email.message import Message
from email.parser import BytesParser

from aiosmtpd.smtp import SMTP, Envelope
from aiosmtpd.smtp import Session as SmtpSession

from tertulia.domain.clock import Clock
from tertulia.domain.identifiers import Json
from tertulia.domain.people import Place
from tertulia.stage import Arrival, Resident, Seat

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
        self._count = self._read = 0

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

    def settle(self, residents: Sequence[Resident], clock: Clock) -> None:
        """Do nothing: whoever has an address gets mail."""

    def places(self) -> Sequence[Place]:
        """Return none: mail has no shared place."""
        return ()

    async def open(self) -> None:
        """Do nothing: the channel needs no more than its settings."""

    def arrivals(self) -> Sequence[Arrival]:
        """Return the mails with a personal link that came since the last call."""
        came = min(self._count - self._read, len(self._mails))
        self._read = self._count
        mails = [self._mails[place - came] for place in range(came)]
        return [
            Arrival(key=str(mail.number), email=mail.recipient, title=mail.subject, link=mail.link)
            for mail in mails
            if mail.link is not None
        ]

    async def press(self, arrival: Arrival, verb: str, values: Json) -> bool:
        """Press nothing: what is mailed is answered on the page that its link opens."""
        return False

    def seats(self, email: str) -> Sequence[Seat]:
        """Return none: the sandbox shows the mail itself."""
        return ()

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
        # the older policy: the newer one takes each header apart, at several times the cost of all the rest
        message = BytesParser().parsebytes(content if isinstance(content, bytes) else content.encode())
        subject, text = str(make_header(decode_header(message["Subject"] or ""))), _plain(message)
        for recipient in envelope.rcpt_tos:
            self._count += 1
            self._mails.append(
                Mail(
                    number=self._count,
                    recipient=recipient,
                    subject=subject,
                    text=text,
                    message_id=str(message["Message-ID"] or ""),
                )
            )
        return "250 kept"


def _plain(message: Message) -> str:
    part = next((one for one in message.walk() if one.get_content_type() == "text/plain"), None)
    body = part.get_payload(decode=True) if part is not None else None
    charset = part.get_content_charset() if part is not None else None
    return body.decode(charset or "utf-8", "replace") if isinstance(body, bytes) else ""
