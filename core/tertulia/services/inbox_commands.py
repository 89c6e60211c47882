"""Carry out the commands of the core's grammar, see `tertulia.domain.commands`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import TypeAlias

import sqlalchemy as sa

from tertulia.capabilities import Command
from tertulia.domain.commands import ALIASES
from tertulia.domain.identifiers import Id
from tertulia.domain.markup import Markup
from tertulia.domain.people import Person
from tertulia.domain.programs import Practice
from tertulia.domain.prompts import Given, Reply, ReplyStatus
from tertulia.domain.walltime import instant, wall_time
from tertulia.rituals import guides
from tertulia.runtime import Runtime
from tertulia.services import audiences, identities, links, preferences, prompts, rounds, shares, sign_ups, thanking
from tertulia.services.facts import Scope
from tertulia.storage import people, programs, tables
from tertulia.storage.database import Tx
from tertulia.surveys.candle import chat

CANDLE = "candle"
DEFAULT_SNOOZE = 7
HELP = {
    "check-in": "open the check-in that is running",
    "icebreaker": "open the icebreaker that is running",
    "kudos": "**kudos** @somebody and why: thank a colleague; #public or #private says who may read it",
    "snooze": "**snooze** 3 days, or **snooze** until 2027-01-10: nothing is sent to you meanwhile",
    "my data": "see, download or erase what is held about you",
    "candle": "ask one person for care, in private",
    "feedback": "tell your workspace something without your name",
    "ask": "ask the leadership something without your name",
    "guide": "**guide**, or **guide** and its name: how to hold a difficult conversation",
    "settings": "choose your channel, hours and practices",
    "stop": "**stop**, or **stop** and a practice: not to be invited again",
    "link": "**link** and a code: tell me who you are",
    "join": "**join** and a practice: take part in its coming rounds",
    "leave": "**leave** and a practice: take part no more",
    "breathe": "a minute to breathe; nobody counts it",
}
UNKNOWN_ACTOR = (
    "I do not know yet who you are. Sign in on [your Tertulia page]({page}), ask there for a link code, "
    "and send it here: **link** and the code."
)


@dataclass(frozen=True, kw_only=True)
class _Asked:
    """Hold a command with who sent it; *first* is false where its event was seen before."""

    runtime: Runtime
    tx: Tx
    scope: Scope
    command: Command
    person: Person
    first: bool


_Verb: TypeAlias = Callable[[_Asked], Awaitable[Reply]]


async def carry_out(runtime: Runtime, tx: Tx, scope: Scope, command: Command, *, first: bool) -> Reply:
    """Carry out *command* in *tx*; where it is not the *first* time, change nothing and answer as before."""
    if command.name == "help":
        return _help()
    if command.name == "link" and first:
        await identities.link_by_code(runtime, tx, scope.organization, command.actor, _text(command))
    identity = await identities.resolve(runtime, tx, scope.organization, command.actor)
    person = await people.person(tx, scope.organization, identity.person) if identity.person else None
    if command.name == "link":
        return _linked(person)
    if person is None or person.erased:
        return unknown_actor(runtime)
    verb = VERBS.get(command.name, _unknown)
    return await verb(_Asked(runtime=runtime, tx=tx, scope=scope, command=command, person=person, first=first))


def unknown_actor(runtime: Runtime) -> Reply:
    """Tell an actor whom nobody knows how to link the account."""
    return _say("unknown_actor", UNKNOWN_ACTOR.format(page=_page(runtime)))


def _help() -> Reply:
    lines = "\n".join(
        f"- {text}" if text.startswith("**") else f"- **{name}**: {text}" for name, text in HELP.items()
    )
    return _say("taken", f"This is what I understand:\n\n{lines}")


def _linked(person: Person | None) -> Reply:
    if person is None:
        return _say("refused", "This code is not valid, or no more. Ask for a new one on your Tertulia page.")
    return _say("taken", "Thank you, now I know who you are.")


async def _snooze(asked: _Asked) -> Reply:
    until = _until(asked)
    if until is None:
        return _say(
            "refused", "I did not understand how long. Write **snooze** 3 days, or **snooze** until 2027-01-10."
        )
    if asked.first:
        await preferences.snooze(asked.runtime, asked.tx, asked.scope.organization, asked.person.id, until)
    else:
        until = asked.person.snoozed_until or until
    shown = wall_time(until, asked.person.zone)
    return _say("taken", f"Nothing will be sent to you before {shown:%d %B %Y, %H:%M}.")


def _until(asked: _Asked) -> datetime | None:
    given = _text(asked.command) or str(DEFAULT_SNOOZE)
    if given.isdecimal() and len(given) <= 5:
        return asked.runtime.clock.now() + timedelta(days=int(given))
    try:
        return instant(datetime.combine(date.fromisoformat(given), time()), asked.person.zone)
    except (ValueError, OverflowError):
        return None


async def _stop(asked: _Asked) -> Reply:
    wanted = _text(asked.command)
    practices = await _practices(asked)
    chosen = next((practice for practice in practices if wanted.casefold() in _names(practice)), None)
    if wanted and chosen is None:
        known = Markup.bullets(sorted({practice.title for practice in practices}))
        return Reply(status="refused", text=Markup.parse("I know no such practice. There are:") + known, private=True)
    if asked.first:
        key = chosen.key if chosen else preferences.ALL
        await preferences.opt_out(asked.runtime, asked.tx, asked.scope.organization, asked.person.id, key)
    what = f"“{chosen.title}”" if chosen else "anything"
    return _say_literal("taken", f"You will not be invited to {what} again, until you change that on your page.")


async def _join(asked: _Asked) -> Reply:
    found = await _joinable(asked)
    if isinstance(found, Reply):
        return found
    workspace, practice = found
    if asked.first:
        who = (asked.scope.organization, workspace, practice.key, asked.person.id)
        await sign_ups.sign_up(asked.runtime, asked.tx, *who)
    return _say_literal("taken", f"You take part in “{practice.title}” from its next round on. “leave” ends that.")


async def _leave(asked: _Asked) -> Reply:
    found = await _joinable(asked)
    if isinstance(found, Reply):
        return found
    workspace, practice = found
    if asked.first:
        who = (asked.scope.organization, workspace, practice.key, [asked.person.id])
        await sign_ups.withdraw(asked.runtime, asked.tx, *who)
    return _say_literal("taken", f"You take part in “{practice.title}” no more. “join” lets you come back.")


async def _joinable(asked: _Asked) -> tuple[Id, Practice] | Reply:
    """Find the opt-in practice that is meant: the named one, or the only one there is."""
    wanted = _text(asked.command).casefold()
    offered: list[tuple[Id, Practice]] = []
    for workspace in await people.workspaces_of(asked.tx, asked.scope.organization, asked.person.id):
        program = await programs.current(asked.tx, asked.scope.organization, workspace)
        mine = await audiences.practices_for(asked.tx, workspace, program, asked.person)
        offered += [(workspace, one) for one in mine if one.join == "opt-in"]
    meant = [one for one in offered if not wanted or wanted in _names(one[1])]
    if len(meant) == 1:
        return meant[0]
    if not offered:
        return _say("refused", "There is no practice to join at the moment.")
    known = Markup.bullets(sorted({practice.title for _, practice in offered}))
    return Reply(status="refused", text=Markup.parse("Say which one. There are:") + known, private=True)


def _names(practice: Practice) -> set[str]:
    return {practice.key.casefold(), practice.title.casefold(), practice.kind.casefold()}


async def _practices(asked: _Asked) -> list[Practice]:
    found: list[Practice] = []
    for workspace in await people.workspaces_of(asked.tx, asked.scope.organization, asked.person.id):
        program = await programs.current(asked.tx, asked.scope.organization, workspace)
        mine = {one.key for one in await audiences.practices_for(asked.tx, workspace, program, asked.person)}
        practices = program.practices if program else ()
        found.extend(one for one in practices if not one.audience.groups or one.key in mine)
    return found


async def _my_data(asked: _Asked) -> Reply:
    text = "Everything held about you is on your own page, where you can also download or erase it: "
    return _say("taken", f"{text}[open your page]({_page(asked.runtime)})")


async def _settings(asked: _Asked) -> Reply:
    text = "Your channel, hours, budget and practices are on your own page: "
    return _say("taken", f"{text}[open your page]({_page(asked.runtime)})")


async def _breathe(asked: _Asked) -> Reply:
    """Show a breathing break; nothing is written, so that nothing can be counted."""
    text = (
        "A minute for you, six times: breathe **in** through the nose while you count to four, and **out**, slowly, "
        "while you count to six. Stop if you feel dizzy. Nothing of this is kept. "
    )
    return _say("taken", f"{text}[Breathe with a timer]({_page(asked.runtime)}/breathe)")


async def _candle(asked: _Asked) -> Reply:
    if asked.command.place is not None:
        # whoever asks for care in public is answered where nobody else reads it
        return _say("taken", "Let us go on in private: write **candle** to me in a direct message.")
    workspace = await _workspace(asked)
    if isinstance(workspace, Reply):
        return chat.pointer(asked.runtime)
    whose = (asked.scope.organization, workspace, asked.person.id)
    return await chat.begin(asked.runtime, asked.tx, *whose, asked.person.languages[0])


async def _feedback(asked: _Asked) -> Reply:
    text = "What you write there is read without your name, and answered there: "
    return _say("taken", f"{text}[write feedback]({_page(asked.runtime)}/feedback)")


async def _ask(asked: _Asked) -> Reply:
    # whatever stood behind the word came with a name: it is not read
    text = "Questions to the leadership are taken without a name, on a page that does not know you: "
    return _say("taken", f"{text}[ask there]({_page(asked.runtime)}/questions)")


async def _guide(asked: _Asked) -> Reply:
    wanted = _text(asked.command)
    guide = guides.find(wanted) if wanted else None
    if guide is not None:
        return Reply(status="taken", text=Markup.parse(f"**{guide.title}**") + guide.whole(), private=True)
    lines = "\n".join(f"- **guide** {one.name.replace('-', ' ')}: {one.title}" for one in guides.every())
    lead = "I know no such guide. There are:" if wanted else "Guides for difficult conversations:"
    page = f"[Read them on your page]({_page(asked.runtime)}/guides)"
    return _say("refused" if wanted else "taken", f"{lead}\n\n{lines}\n\n{page}")


async def _ritual(asked: _Asked) -> Reply:
    """Point to the open round of the kind that has the command's name."""
    workspace = await _workspace(asked)
    if isinstance(workspace, Reply):
        return workspace
    kind = asked.command.name
    program = await programs.current(asked.tx, asked.scope.organization, workspace)
    found = await _open_round(asked, workspace, kind)
    if found is not None:
        return await _shown(asked, *found)
    if program is None or not any(practice.kind == kind for practice in program.practices):
        return _say("refused", f"**{kind}** is not enabled in this workspace.")
    return _say("closed", f"No {kind} is open for you at the moment.")


async def _kudos(asked: _Asked) -> Reply:
    """Thank those who are mentioned; without anybody, point to the round that is open."""
    workspace = await _workspace(asked)
    if isinstance(workspace, Reply):
        return workspace
    reply = await thanking.thank(asked.runtime, asked.tx, asked.person, workspace, asked.command, first=asked.first)
    return reply or await _ritual(asked)


async def _workspace(asked: _Asked) -> Id | Reply:
    """Find the workspace that is meant: the place's, else the sole one of the person, else ask."""
    mine = await people.workspaces_of(asked.tx, asked.scope.organization, asked.person.id)
    place, table = asked.command.place, tables.place
    if place is not None:
        query = sa.select(table.c.workspace_id).filter_by(
            organization_id=asked.scope.organization, platform=place.platform, ref=place.ref
        )
        here = set((await asked.tx.execute(query)).scalars())
        if len(here) == 1:
            there = here.pop()
            return there if there in mine else _say("refused", "You are not a member of this workspace.")
        mine = [workspace for workspace in mine if workspace in here] or mine
    if len(mine) == 1:
        return mine[0]
    if not mine:
        return _say("refused", "You are not a member of any workspace.")
    return _say("refused", "You belong to several workspaces. Say it again in a channel of the one that you mean.")


async def _open_round(asked: _Asked, workspace: Id, kind: str) -> tuple[rounds.RoundRow, Practice] | None:
    table = tables.round_table
    query = (
        sa.select(table)
        .filter_by(organization_id=asked.scope.organization, workspace_id=workspace, kind=kind, state="open")
        .order_by(table.c.opens_at.desc(), table.c.id)
    )
    for record in (await asked.tx.execute(query)).all():
        row = rounds.row_of(record)
        practice = await rounds.practice_of(asked.tx, row)
        of = (asked.scope.organization, workspace, practice, asked.person.id)
        mine = await audiences.includes(asked.tx, asked.scope.organization, workspace, practice, asked.person)
        if mine and await sign_ups.takes_part(asked.tx, *of):
            return row, practice
    return None


async def _shown(asked: _Asked, row: rounds.RoundRow, practice: Practice) -> Reply:
    link = None
    if row.closes_at is not None:
        expires = row.closes_at + links.GRACE
        link = await links.make(asked.runtime, asked.tx, asked.scope.organization, asked.person.id, row.id, expires)
    kind = asked.runtime.plugins.ritual(row.kind)
    prompt = prompts.compose(
        asked.runtime,
        row,
        practice,
        person=asked.person.id,
        language=asked.person.languages[0],
        link=link,
        given=await _given(asked, row),
        share=await shares.share_of(asked.runtime, asked.tx, row, kind, asked.person.id),
    )
    return Reply(status="taken", prompt=prompt, private=True)


async def _given(asked: _Asked, row: rounds.RoundRow) -> Given | None:
    """Return what the person gave before, to start from; a ballot is never shown again."""
    if row.confidential:
        return None
    table = tables.response
    query = sa.select(table.c["values"], table.c.passed).filter_by(
        organization_id=row.organization, round_id=row.id, person_id=asked.person.id
    )
    found = (await asked.tx.execute(query)).one_or_none()
    return None if found is None or found.passed else Given(values=found[0])


async def _unknown(asked: _Asked) -> Reply:
    near = next((arg for arg in asked.command.args if isinstance(arg, str) and arg in ALIASES), None)
    hint = f"Did you mean **{near}**? " if near and asked.command.name == "unknown" else ""
    return _say("refused", f"I did not understand that. {hint}Write **help** to see what I understand.")


VERBS: dict[str, _Verb] = {
    "snooze": _snooze,
    "stop": _stop,
    "join": _join,
    "leave": _leave,
    "breathe": _breathe,
    "my data": _my_data,
    "settings": _settings,
    "candle": _candle,
    "feedback": _feedback,
    "ask": _ask,
    "guide": _guide,
    "check-in": _ritual,
    "icebreaker": _ritual,
    "kudos": _kudos,
}


def _text(command: Command) -> str:
    return " ".join(_texts(command.args)).strip()


def _texts(args: Iterable[object]) -> Iterable[str]:
    return (arg for arg in args if isinstance(arg, str))


def _page(runtime: Runtime) -> str:
    return f"{runtime.config.public_url}/my"


def _say(status: ReplyStatus, text: str) -> Reply:
    return Reply(status=status, text=Markup.parse(text), private=True)


def _say_literal(status: ReplyStatus, text: str) -> Reply:
    return Reply(status=status, text=Markup.literal(text), private=True)
