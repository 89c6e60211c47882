"""Take what a platform brings in, for one installation: answers, commands, participation, ties and accounts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tertulia.capabilities import Command
from tertulia.domain.identifiers import Id, Json
from tertulia.domain.markup import Markup
from tertulia.domain.participation import Interaction, Participation
from tertulia.domain.people import Actor, Member
from tertulia.domain.prompts import Prompt, Reply, ReplyStatus
from tertulia.errors import Mistake, Refused
from tertulia.runtime import Runtime
from tertulia.services import answers, facts, identities, inbox_commands, open_prompts, page_links, rounds
from tertulia.services.facts import Scope
from tertulia.services.prompts import Ticket, open_ticket
from tertulia.storage import people
from tertulia.storage.database import Tx
from tertulia.surveys.candle import chat

NOT_OURS = "This button is not valid here; open the question again."
NOT_STORED = "A confidential answer is not taken on this way; open the question again and answer there."


class InstallationInbox:
    """Be the `Inbox` of one installation; its tokens may be of any workspace of the same organization."""

    def __init__(self, runtime: Runtime, *, organization: Id, installation: Id, workspace: Id, plugin: str):
        self._runtime, self._plugin = runtime, plugin
        self._scope = Scope(organization=organization, workspace=workspace, installation=installation)

    async def answered(self, token: str, actor: Actor, values: Json, key: str, reply_to: str | None = None) -> Reply:
        """Take an answer given through the action that carried *token*."""
        button = chat.button_of(self._runtime, token)
        if button is not None:
            return await self._candle(button, actor, values)
        ticket = self._ticket(token)
        if ticket is None:
            return _said("refused", NOT_OURS)
        async with self._runtime.database.read() as tx:
            known = await people.identity_of(tx, self._scope.organization, actor)
            person = known.person if known else None
            asked = await answers.read(self._runtime, tx, ticket, person) if person else None
        if asked is None:
            await self._person(actor)  # which registers an account that nobody knew
            return inbox_commands.unknown_actor(self._runtime)
        repeat = self._runtime.vault.keyed_hash(f"{self._scope.installation}:answered:{key}", "seen")
        try:
            return await answers.take(
                self._runtime, ticket, asked, platform=actor.platform, values=values, key=repeat
            )
        except (Mistake, Refused) as error:
            return _said("refused", str(error) if isinstance(error, Mistake) else NOT_OURS)

    async def answered_later(
        self, token: str, actor: Actor, values: Json, key: str, reply_to: str | None = None
    ) -> Reply:
        """Take an answer that was stored on its way; one to a confidential round is refused, never used."""
        if chat.button_of(self._runtime, token) is not None:
            return chat.pointer(self._runtime)
        ticket = self._ticket(token)
        if ticket is not None:
            async with self._runtime.database.read() as tx:
                asked = await rounds.find(tx, ticket.round, ticket.organization)
            if asked is None or asked.confidential:
                return _said("refused", NOT_STORED)
        return await self.answered(token, actor, values, key, reply_to)

    async def command(self, command: Command, key: str) -> Reply:
        """Carry out a command."""

        async def work(tx: Tx) -> Reply:
            # of a candle nothing is noted, not even that a command came; showing its first step changes nothing
            quiet = command.name == inbox_commands.CANDLE
            first = quiet or await facts.unseen(self._runtime, tx, self._scope, "command", key)
            return await inbox_commands.carry_out(self._runtime, tx, self._scope, command, first=first)

        try:
            reply = await self._runtime.database.group(work)
        except Mistake as mistake:
            reply = _said("refused", str(mistake))
        except Refused:
            return inbox_commands.unknown_actor(self._runtime)
        # what is said to one person is not for the channel in which they asked
        return replace(reply, private=True) if command.place is not None else reply

    async def command_later(self, command: Command, key: str) -> Reply:
        """Carry out a command that was stored on its way; a candle is never taken there, only pointed to."""
        if command.name == inbox_commands.CANDLE:
            return chat.pointer(self._runtime)
        return await self.command(command, key)

    async def participated(self, facts_: Sequence[Participation], key: str) -> None:
        """Record that people took part."""
        if facts_:
            await self._runtime.database.group(
                lambda tx: facts.record_participations(self._runtime, tx, self._scope, facts_)
            )

    async def interacted(self, facts_: Sequence[Interaction], key: str) -> None:
        """Record ties between people."""
        if facts_:
            await self._runtime.database.group(
                lambda tx: facts.record_interactions(self._runtime, tx, self._scope, [facts_])
            )

    async def joined(self, member: Member, key: str) -> None:
        """Record an account that appeared."""

        async def work(tx: Tx) -> None:
            if await facts.unseen(self._runtime, tx, self._scope, "joined", key):
                organization, workspace = self._scope.organization, self._scope.workspace
                await identities.take_member(self._runtime, tx, organization, workspace, member)

        await self._runtime.database.group(work)

    async def left(self, actor: Actor, key: str) -> None:
        """Record an account that went."""

        async def work(tx: Tx) -> None:
            if await facts.unseen(self._runtime, tx, self._scope, "left", key):
                await identities.left(self._runtime, tx, self._scope.organization, actor)

        await self._runtime.database.group(work)

    async def reachable(self, actor: Actor, address: Json | None) -> None:
        """Record how to write to an account; `None` means it cannot be written to."""
        organization = self._scope.organization
        async with self._runtime.database.read() as tx:
            known = await people.identity_of(tx, organization, actor)
        if known is not None and known.address == address and known.reachable == (address is not None):
            return

        async def work(tx: Tx) -> None:
            await identities.reachable(self._runtime, tx, organization, actor, address)

        await self._runtime.database.group(work)

    async def linked(self, actor: Actor, person: Id) -> None:
        """Join an account to the person who signed in at the platform with it."""
        organization = self._scope.organization

        async def work(tx: Tx) -> None:
            identity = await identities.resolve(self._runtime, tx, organization, actor)
            await identities.link(self._runtime, tx, organization, identity.id, person, "oauth", actor=person)

        await self._runtime.database.group(work)

    async def page(self, actor: Actor) -> str:
        """Return a link, good once and for five minutes, that signs the actor's person in."""
        organization = self._scope.organization
        return await self._runtime.database.group(lambda tx: page_links.issue(self._runtime, tx, organization, actor))

    async def prompts(self, actor: Actor) -> tuple[Prompt, ...]:
        """Return what the actor's person was invited to and may still answer."""
        async with self._runtime.database.read() as tx:
            return await open_prompts.of(self._runtime, tx, self._scope.organization, actor)

    async def _candle(self, button: chat.Button, actor: Actor, values: Json) -> Reply:
        person = await self._person(actor) if button.organization == self._scope.organization else None
        if person is None:
            return inbox_commands.unknown_actor(self._runtime)
        return await chat.answered(self._runtime, button, person, values)

    def _ticket(self, token: str) -> Ticket | None:
        try:
            ticket = open_ticket(self._runtime.vault, token)
        except Refused:
            return None
        return ticket if ticket.organization == self._scope.organization else None

    async def _person(self, actor: Actor) -> Id | None:
        """Find who acts; nothing is written for a known account, so that a ballot leaves no other trace."""
        organization = self._scope.organization
        async with self._runtime.database.read() as tx:
            known = await people.identity_of(tx, organization, actor)
        if known is None:
            try:
                known = await self._runtime.database.group(
                    lambda tx: identities.resolve(self._runtime, tx, organization, actor)
                )
            except Refused:
                return None
        return known.person


def _said(status: ReplyStatus, text: str) -> Reply:
    return Reply(status=status, text=Markup.parse(text), private=True)
