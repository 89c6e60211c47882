"""The stand-in as a process of its own, whose work is not counted to who sends."""

from __future__ import annotations

import asyncio

from benchmarks.processes import say
from tertulia_teams.stand_in.server import StandIn

PEOPLE = 200


async def main() -> None:
    """Serve until stopped, with people who all have the app; their chats and a token are said first."""
    async with StandIn(keep=False) as stand_in:
        people = [stand_in.tenant.add_person(f"P{n}", f"p{n}@example.org", has_app=True) for n in range(PEOPLE)]
        chats = [stand_in.tenant.chat(person).id for person in people]
        say(url=stand_in.url, settings=stand_in.settings(), users=[person.id for person in people], chats=chats)
        while True:
            await asyncio.sleep(1)
            stand_in.journal.clear()
            for conversation in stand_in.tenant.conversations.values():
                conversation.messages.clear()


if __name__ == "__main__":
    asyncio.run(main())
