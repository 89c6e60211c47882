"""Show how a prompt looks on the web channel before anybody gets it: the mail, and the page behind its link."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tertulia.domain.looks import Look, Piece, described
from tertulia.domain.markup import Markup
from tertulia.domain.people import Place
from tertulia.domain.prompts import Prompt
from tertulia.errors import Mistake
from tertulia.web import mail

SOMEBODY = "somebody@example.org"


@dataclass(frozen=True)
class WebLooks:
    """Be the preview port of the channel that mails from *sender*."""

    sender: str

    def looks(self, prompt: Prompt, place: Place | None) -> Sequence[Look]:
        """Return the mail and the answer page."""
        if place is not None:
            raise Mistake("A mail goes to one person, not to a place.")
        message = mail.compose(
            prompt,
            sender=mail.address(self.sender),
            recipient=mail.address(SOMEBODY),
            reply_to=None,
            key=prompt.id,
        )
        parts = {part.get_content_type(): part.get_content() for part in message.iter_parts()}
        sent = {"Subject": str(message["Subject"]), "From": str(message["From"]), **parts}
        mailed = Look(title="Mail to one person", pieces=tuple(_mail(prompt, sent["Subject"])), sent=sent)
        return mailed, Look(title="Page behind the personal link", pieces=described(prompt))


def _mail(prompt: Prompt, subject: str) -> Iterator[Piece]:
    yield Piece(kind="title", words=Markup.literal(subject))
    yield Piece(kind="text", words=prompt.body)
    if prompt.link:
        yield Piece(kind="link", label="Answer")
        note = "The same link lets you change your answer, snooze or opt out. It is yours alone: do not forward it."
        yield Piece(kind="text", words=Markup.literal(note))
    yield Piece(kind="small", words=Markup.literal(prompt.recorded))
