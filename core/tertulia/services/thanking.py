"""The command `kudos @ana #care for the soup`: thank colleagues wherever one writes.

What is said in a shared place may stand in the digest, what is said in private may not; `#public` and `#private` say
otherwise, and the name of a value says what for.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from tertulia.capabilities import Command
from tertulia.domain.identifiers import Id
from tertulia.domain.markup import Markup, Paragraph, Span
from tertulia.domain.people import Actor, Person
from tertulia.domain.prompts import Reply, Thanks
from tertulia.runtime import Runtime
from tertulia.services import identities, kudos
from tertulia.services.kudos import Giver
from tertulia.storage.database import Tx
from tertulia.wording import words

TAG = re.compile(r"(?<!\w)#(\w[\w-]*)")
PUBLIC, PRIVATE = "public", "private"


async def thank(
    runtime: Runtime, tx: Tx, person: Person, workspace: Id, command: Command, *, first: bool
) -> Reply | None:
    """Carry the command out where it says whom or why, `None` where it says neither or no practice is for it.

    Where it is not the *first* time, nothing is written and the same is answered.
    """
    say, page = words(person.languages[0] if person.languages else None), f"{runtime.config.public_url}/my/kudos"
    mentioned = [one for one in command.args if isinstance(one, Actor)]
    said = " ".join(one for one in command.args if isinstance(one, str)).strip()
    offers = await kudos.offered(tx, person.organization, person.id)
    practices = [practice for where, practice in offers if where == workspace]
    if not practices or not (mentioned or said):
        return None
    if not mentioned:
        return _refused(say("Mention whom you thank: kudos, @ and the name, and why. Or thank them here:"), page)
    receivers = [(await identities.resolve(runtime, tx, person.organization, one)).person for one in mentioned]
    known = [one for one in receivers if one is not None]
    if len(known) < len(receivers):
        return _refused(say("I do not know yet who one of those is whom you mentioned. Thank them here:"), page)
    chosen = practices[0]
    values = chosen.options.get("values") or default_values(runtime)
    thanks = read(said, values, public=command.place is not None)
    if first:
        giver = Giver(
            organization=person.organization,
            workspace=workspace,
            practice=chosen,
            person=person.id,
            platform=command.actor.platform,
        )
        await kudos.give(runtime, tx, giver, known, thanks)
    told = say("Thank you. Those you named are told on their own channel, unless they do not want that.")
    audience = (
        say("It may stand in the digest of “{title}”.", title=chosen.title)
        if thanks.public
        else say("Only you and they can read it.")
    )
    return Reply(
        status="taken", text=_with_page(f"{told} {audience}", say("Look at it or take it back"), page), private=True
    )


def default_values(runtime: Runtime) -> Sequence[str]:
    """Return the values of a practice that names none."""
    options = runtime.plugins.ritual(kudos.KIND).options.model_validate({})
    values: Sequence[str] = getattr(options, "values", ())
    return values


def read(said: str, values: Sequence[str], *, public: bool) -> Thanks:
    """Read why, which of *values*, and whether everybody may read it; an unknown tag stays in the text."""
    known = {_key(value): value for value in values}
    value: str | None = None
    for tag in TAG.findall(said):
        key = _key(tag)
        if key in (PUBLIC, PRIVATE):
            public = key == PUBLIC
        elif key in known:
            value = known[key]
        else:
            continue
        said = re.sub(rf"(?<!\w)#{re.escape(tag)}(?![\w-])", " ", said, count=1)
    return Thanks(to=(), why=" ".join(said.split()), value=value, public=public)


def _key(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(character for character in decomposed if character.isalnum())


def _refused(text: str, page: str) -> Reply:
    return Reply(status="refused", text=_with_page(text, page, page), private=True)


def _with_page(text: str, label: str, page: str) -> Markup:
    return Markup((Paragraph((Span(f"{text} "), Span(label, link=page))),))
