"""Compose a mail from a prompt, and hand it to an SMTP server so that the outcome is known or known to be unknown."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable
from contextlib import suppress
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from html import escape
from ipaddress import ip_address
from typing import TypeVar
from urllib.parse import unquote, urlsplit

import aiosmtplib

from tertulia.domain.identifiers import Id
from tertulia.domain.markup import unturned
from tertulia.domain.prompts import Prompt
from tertulia.errors import OperatorError, OutcomeUnknown, RetryLater, SendError, Unreachable

T = TypeVar("T")
SECONDS = 15.0
"""For each SMTP command; a port as a whole has 30 s."""
PERMANENT = 500
SENDER_FAULTS = frozenset({530, 534, 535, 538})


@dataclass(frozen=True, kw_only=True)
class Server:
    """Hold where mail goes out."""

    host: str
    port: int
    tls: bool
    user: str | None = None
    password: str | None = None

    @classmethod
    def parse(cls, url: str) -> Server:
        """Read `smtp://user:password@host:port` or `smtps://…`; raises `ValueError`."""
        parts = urlsplit(url)
        if parts.scheme not in ("smtp", "smtps") or not parts.hostname or parts.path not in ("", "/"):
            raise ValueError("not the URL of a mail server")
        tls = parts.scheme == "smtps"
        return cls(
            host=parts.hostname,
            port=parts.port or (465 if tls else 587),
            tls=tls,
            user=unquote(parts.username) if parts.username else None,
            password=unquote(parts.password) if parts.password else None,
        )

    @property
    def loopback(self) -> bool:
        """Tell whether the server runs on this machine; only there mail may go out in the clear."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    def __repr__(self) -> str:
        return f"Server({self.host}:{self.port})"


def address(text: str) -> Address:
    """Read one address, with or without a name before it; raises `ValueError` for anything else."""
    name, bracket, rest = text.strip().rpartition("<")
    spec = rest.removesuffix(">") if bracket else text.strip()
    if not spec.isprintable() or not name.isprintable() or len(spec) > 254:
        raise ValueError("not an e-mail address")
    try:
        made = Address(display_name=name.strip().strip('"'), addr_spec=spec)
    except Exception as error:  # the parser of the standard library raises what it meets
        raise ValueError("not an e-mail address") from error
    if not made.username or ("." not in made.domain and made.domain != "localhost"):
        raise ValueError("not an e-mail address")
    return made


def compose(
    prompt: Prompt, *, sender: Address, recipient: Address, reply_to: Address | None, key: Id
) -> EmailMessage:
    """Write the mail of *prompt*: text and HTML, the link, what is recorded; never anybody's answer."""
    message = EmailMessage()
    message["Subject"] = _whole(" ".join("".join(c if c.isprintable() else " " for c in prompt.title).split()))
    message["From"] = sender
    message["To"] = recipient
    if reply_to is not None:
        message["Reply-To"] = reply_to
    message["Message-ID"] = f"<{key}@{sender.domain}>"
    message["Auto-Submitted"] = "auto-generated"
    if prompt.link:
        message["List-Unsubscribe"] = f"<{prompt.link}>"
    message.set_content(_whole(_plain(prompt)))
    message.add_alternative(_whole(_html(prompt)), subtype="html")
    # last, because making alternatives moves all Content- headers into the first one
    message["Content-Language"] = (
        "".join(c for c in prompt.language if c.isascii() and (c.isalnum() or c == "-")) or "en"
    )
    return message


async def send(server: Server, message: EmailMessage, *, sender: Address, recipient: Address) -> None:
    """Deliver *message* to the server, or raise one of the four `SendError`s."""
    client = aiosmtplib.SMTP(
        hostname=server.host,
        port=server.port,
        use_tls=server.tls,
        start_tls=not (server.tls or server.loopback),
        username=server.user,
        password=server.password,
        timeout=SECONDS,
    )
    await _before_data(client.connect())
    try:
        await _before_data(client.mail(sender.addr_spec, encoding="ascii"))
        await _before_data(_to(client, recipient))
        await _data(client, message.as_bytes(policy=message.policy.clone(linesep="\r\n")))
        await _part(client)
    finally:
        client.close()


async def _part(client: aiosmtplib.SMTP) -> None:
    # the mail is delivered: whatever happens to the good-bye changes nothing
    with suppress(aiosmtplib.SMTPException, OSError, TimeoutError):
        async with asyncio.timeout(2):
            await client.quit()


async def _to(client: aiosmtplib.SMTP, recipient: Address) -> None:
    try:
        await client.rcpt(recipient.addr_spec, encoding="ascii")
    except aiosmtplib.SMTPRecipientRefused as error:
        if error.code < PERMANENT:
            raise RetryLater(f"the mail server said {error.code} to the recipient") from None
        # 5.7: relaying denied or policy, which is about us and not about this address
        if error.code in SENDER_FAULTS or error.message.startswith("5.7"):
            raise OperatorError(f"the mail server said {error.code} and takes no mail from us") from None
        raise Unreachable(f"the mail server said {error.code} to the recipient") from None
    except UnicodeError:
        raise Unreachable("the address needs a mail server for international addresses") from None


async def _before_data(step: Awaitable[T]) -> T:
    """Map what can fail while certainly nothing was delivered."""
    try:
        return await step
    except SendError:
        raise
    except aiosmtplib.SMTPResponseException as error:
        if error.code >= PERMANENT:
            raise OperatorError(f"the mail server said {error.code}; check smtp_url and sender") from None
        raise RetryLater(f"the mail server said {error.code}") from None
    except ssl.SSLError as error:
        raise OperatorError(f"the mail server's certificate or TLS failed: {error.reason}") from None
    except aiosmtplib.SMTPNotSupported:
        raise OperatorError("the mail server lacks STARTTLS or the login; check smtp_url") from None
    except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
        if isinstance(error.__cause__, ssl.SSLError):
            raise OperatorError("the mail server's certificate or TLS failed; check smtp_url") from None
        raise RetryLater(f"the mail server could not be reached: {type(error).__name__}") from None


async def _data(client: aiosmtplib.SMTP, content: bytes) -> None:
    try:
        await client.data(content)
    except aiosmtplib.SMTPDataError as error:
        if error.code >= PERMANENT:
            raise OperatorError(f"the mail server said {error.code} to the content") from None
        raise RetryLater(f"the mail server said {error.code} to the content") from None
    except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
        raise OutcomeUnknown(f"the mail server fell silent after the content: {type(error).__name__}") from None


def _whole(text: str) -> str:
    # half a surrogate pair, which JSON can carry, has no place in a mail
    return unturned(text).encode(errors="replace").decode()


def _plain(prompt: Prompt) -> str:
    parts = [prompt.title, prompt.body.plain()]
    if prompt.link:
        parts.append(f"Answer, change your answer, snooze or opt out here (the link is yours alone):\n{prompt.link}")
    parts.append(prompt.recorded)
    return "\n\n".join(part for part in parts if part) + "\n"


def _html(prompt: Prompt) -> str:
    link = escape(prompt.link or "")
    button = (
        f'<p><a href="{link}"><strong>Answer</strong></a></p>'
        "<p>The same link lets you change your answer, snooze or opt out. It is yours alone: do not forward it.</p>"
        if prompt.link
        else ""
    )
    return (
        f'<!doctype html><html lang="{escape(prompt.language)}"><body>'
        f"<h1>{escape(prompt.title)}</h1>{prompt.body.html()}{button}<p><small>{escape(prompt.recorded)}</small></p>"
        "</body></html>\n"
    )
