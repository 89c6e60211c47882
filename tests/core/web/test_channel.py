"""Invitations by e-mail, against the sandbox's mailbox and against a mail server that misbehaves on purpose."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError

from tertulia.domain.markup import Markup
from tertulia.domain.people import Recipient
from tertulia.domain.prompts import Prompt
from tertulia.errors import OperatorError, OutcomeUnknown, RetryLater, SendError, Unreachable
from tertulia.testing.context import FakeLimiter
from tertulia.web import channel, mail
from tertulia.web.mailbox import Mailbox

KEY = "0123456789abcdef" * 2
LINK = "https://tertulia.example/a/AbCdEfGhIjKlMnOpQrStUv"
PROMPT = Prompt(
    id="1" * 32,
    version=1,
    title="How was your week?",
    body=Markup.parse("Tell us **one** thing.\n\n- big\n- small"),
    language="en",
    recorded="Kept with your name.",
    link=LINK,
)


class Context:
    """What the channel uses of a context."""

    def __init__(self, settings: channel.Settings):
        self.settings, self.limiter = settings, FakeLimiter()


def _port(smtp_url: str) -> Any:
    settings = channel.Settings(
        smtp_url=SecretStr(smtp_url), sender="Team <team@tertulia.example>", reply_to="desk@tertulia.example"
    )
    (platform,) = channel.register_platforms(cast(Any, Context(settings)))
    return platform.survey


def _to(address: str = "ana@acme.example") -> Recipient:
    return Recipient(ref="2" * 32, address={"email": address}, language="en", zone="UTC")


async def test_a_mail_has_text_html_link_and_a_lasting_id() -> None:
    mailbox = Mailbox()
    settings = await mailbox.start()
    try:
        port = _port(settings["smtp_url"])
        ref = await port.ask(_to(), PROMPT, KEY)
        assert ref == await port.ask(_to(), PROMPT, KEY) == f"<{KEY}@tertulia.example>"
        first, second = mailbox.messages_for("Ana@acme.example")
        assert first.message_id == second.message_id == ref
        assert first.subject == "How was your week?"
        assert first.link == LINK
        assert "- big" in first.text
        assert "Kept with your name." in first.text
        await port.amend(ref, PROMPT)
        await port.withdraw(ref)
        assert len(mailbox.messages()) == 2
    finally:
        await mailbox.stop()


def test_a_mail_says_how_to_stop_and_escapes_everything() -> None:
    hostile = Prompt(
        id="1" * 32,
        version=1,
        title="<script>alert(1)</script>",
        body=Markup.literal("<img src=x>"),
        language="en",
        recorded="<b>",
        link=LINK,
    )
    sender, to = mail.address("team@tertulia.example"), mail.address("ana@acme.example")
    message = mail.compose(hostile, sender=sender, recipient=to, reply_to=None, key=KEY)
    assert message["List-Unsubscribe"] == f"<{LINK}>"
    html = message.get_body(("html",))
    assert html is not None
    text = html.get_content()
    assert "<script>" not in text
    assert "<img" not in text
    assert "<b>" not in text


ANY = st.text(st.characters(codec=None), max_size=200)


@given(ANY, st.text(max_size=20))
def test_no_text_adds_a_header_or_a_recipient(title: str, language: str) -> None:
    prompt = Prompt(
        id="1" * 32, version=1, title=title, body=Markup.literal(title), language=language, recorded=title, link=LINK
    )
    sender, to = mail.address("team@tertulia.example"), mail.address("ana@acme.example")
    message = mail.compose(prompt, sender=sender, recipient=to, reply_to=None, key=KEY)
    head = message.as_bytes().split(b"\n\n")[0].decode("ascii")
    names = [line.partition(":")[0] for line in head.splitlines() if line[:1] not in (" ", "\t")]
    assert len(names) == len(set(names)) == 9
    assert "Bcc" not in names


@pytest.mark.parametrize(
    "address",
    ["", "ana", "a@b", "a@b.example\r\nBcc: x@y.example", "a@b.example, c@d.example", "<>", "a b@c.example"],
)
async def test_an_address_that_is_none_is_unreachable(address: str) -> None:
    with pytest.raises(Unreachable):
        await _port("smtp://127.0.0.1:9").ask(_to(address), PROMPT, KEY)


@asynccontextmanager
async def _server(script: dict[str, bytes | None], greeting: bytes | None = b"220 hello\r\n") -> AsyncIterator[str]:
    """Speak SMTP by *script*: verb -> answer; `None` cuts the connection, an absent verb is answered with 250."""

    serving: set[asyncio.Task[None] | None] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.add(asyncio.current_task())
        if greeting is not None:
            writer.write(greeting)
            while line := await reader.readline():
                verb = line.split()[0].decode().upper() if line.split() else ""
                if verb == "DATA" and "DATA" not in script:
                    writer.write(b"354 go on\r\n")
                    await reader.readuntil(b"\r\n.\r\n")
                    verb = "END"
                answer = script.get(verb, b"250 fine\r\n")
                if answer is None:
                    break
                writer.write(answer)
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"smtp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        await server.wait_closed()
        await asyncio.wait([task for task in serving if task is not None])


FAULTS: list[tuple[dict[str, bytes | None], type[SendError] | None]] = [
    ({}, None),
    ({"MAIL": b"451 later\r\n"}, RetryLater),
    ({"MAIL": b"550 5.7.1 not you\r\n"}, OperatorError),
    ({"MAIL": b"530 5.7.0 log in first\r\n"}, OperatorError),
    ({"RCPT": b"450 4.2.1 greylisted\r\n"}, RetryLater),
    ({"RCPT": b"550 5.1.1 no such user\r\n"}, Unreachable),
    ({"RCPT": b"554 5.7.1 relaying denied\r\n"}, OperatorError),
    ({"RCPT": None}, RetryLater),
    ({"DATA": b"451 later\r\n"}, RetryLater),
    ({"DATA": b"554 5.6.0 never\r\n"}, OperatorError),
    ({"END": b"452 4.3.1 full\r\n"}, RetryLater),
    ({"END": b"554 5.7.0 looks like spam\r\n"}, OperatorError),
    ({"END": None}, OutcomeUnknown),
    ({"QUIT": None}, None),
]


@pytest.mark.parametrize(("script", "error"), FAULTS, ids=range(len(FAULTS)))
async def test_what_the_server_says_decides_what_is_done(
    script: dict[str, bytes | None], error: type[SendError] | None
) -> None:
    async with _server(script) as url:
        if error is None:
            await _port(url).ask(_to(), PROMPT, KEY)
        else:
            with pytest.raises(error):
                await _port(url).ask(_to(), PROMPT, KEY)


@pytest.mark.parametrize("greeting", [b"421 too busy\r\n", None])
async def test_a_server_that_does_not_greet_is_tried_later(greeting: bytes | None) -> None:
    async with _server({}, greeting) as url:
        with pytest.raises(RetryLater):
            await _port(url).ask(_to(), PROMPT, KEY)


async def test_a_server_that_refuses_or_is_unknown_is_tried_later() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    for url in (f"smtp://127.0.0.1:{port}", "smtps://mail.invalid"):
        with pytest.raises(RetryLater):
            await _port(url).ask(_to(), PROMPT, KEY)


async def test_a_wrong_password_is_for_the_operator() -> None:
    script = {"EHLO": b"250-here\r\n250 AUTH PLAIN\r\n", "AUTH": b"535 5.7.8 wrong\r\n"}
    async with _server(cast(dict[str, bytes | None], script)) as url:
        with pytest.raises(OperatorError):
            await _port(url.replace("//", "//user:secret@")).ask(_to(), PROMPT, KEY)


@pytest.mark.parametrize(
    ("settings", "part"),
    [
        ({"smtp_url": "http://mail.example"}, "smtp_url"),
        ({"smtp_url": "smtp://mail.example"}, "sender"),
        ({"smtp_url": "smtp://mail.example", "sender": "nobody"}, "sender"),
        ({"sender": "a@b.example", "reply_to": "x\ny@b.example"}, "reply_to"),
        ({"smtp": "x"}, "smtp"),
    ],
)
def test_wrong_settings_are_named(settings: dict[str, str], part: str) -> None:
    with pytest.raises(ValidationError, match=part) as caught:
        channel.Settings.model_validate(settings)
    assert "hidden" not in str(caught.value)


def test_the_password_is_not_shown() -> None:
    settings = channel.Settings(smtp_url=SecretStr("smtp://u:hidden@mail.example"), sender="a@b.example")
    assert "hidden" not in repr(settings)
    assert "hidden" not in repr(mail.Server.parse("smtp://u:hidden@mail.example"))


def test_without_a_mail_server_the_channel_asks_nobody() -> None:
    (platform,) = channel.register_platforms(cast(Any, Context(channel.Settings())))
    assert platform.survey is None


def test_a_mail_server_elsewhere_must_encrypt() -> None:
    assert mail.Server.parse("smtp://127.0.0.1:25").loopback
    assert not mail.Server.parse("smtp://mail.example").loopback
    assert mail.Server.parse("smtps://mail.example").tls
