"""`python -m benchmarks.teams_outbound`: what a proactive message costs, and ten thousand at the tenant's limit.

The three ways send the same activity to the same stand-in in another process, in turns; only the sender's processor
time counts. The stock SDK is given its token, which it would otherwise fetch anew for every message; our limiter lets
everybody pass, because the others have none. The second part runs the real core with all its limits.
"""

from __future__ import annotations

import asyncio
import random
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import click
from botbuilder.core import TurnContext
from botbuilder.integration.aiohttp import CloudAdapter, ConfigurationBotFrameworkAuthentication
from botbuilder.schema import Activity, ChannelAccount, ConversationAccount, ConversationReference
from botframework.connector.auth import MicrosoftAppCredentials

import tertulia_teams
from benchmarks import report
from benchmarks.processes import started
from tertulia.services import people
from tertulia.testing.context import FakeContext
from tertulia.testing.loopback_server import most_in_any_window
from tertulia.testing.samples import sample_prompt
from tertulia.testing.world import Home, World, world
from tertulia_teams import cards
from tertulia_teams.config import Settings
from tertulia_teams.ports import Outbound
from tertulia_teams.stand_in.faults import Fault, too_many
from tertulia_teams.stand_in.server import StandIn

AT_ONCE = 16
CHUNK = 200
COLUMNS = ("outbound, one message each", "CPU ms each", "per s and core", "× bare", "stock / this")
NAMES = {"bare": "bare aiohttp loop", "ours": "tertulia-teams", "stock": "continue_conversation"}
PROGRAM = """
[[practice]]
key = "check-in"
kind = "check-in"
title = "How is your day going?"
open_for = "20h"
[practice.cadence]
start = 2026-01-05T10:00:00
rule = "FREQ=DAILY"
"""
Send = Callable[[int], Awaitable[object]]


@click.command()
@click.option("--quick", is_flag=True, help="Fewer messages and rounds.")
@click.option("--members", default=10_000, show_default=True, help="Whom the round at the limit is sent to; 0: none.")
@click.option("--rate", default=50, show_default=True, help="The tenant's limit, requests per second.")
def main(quick: bool, members: int, rate: int) -> None:
    """Print what was measured."""
    asyncio.run(measure(quick=quick, members=members, rate=rate))


async def measure(*, quick: bool, members: int = 10_000, rate: int = 50) -> None:
    """Print what a message costs, and what became of a round at the limit; 500 members where *quick*."""
    await costs(100 if quick else 400, 3 if quick else 7)
    if members:
        await at_the_limit(min(members, 500) if quick else members, rate)


async def costs(messages: int, rounds: int) -> None:
    """Send in each of the three ways, in turns, and print the medians."""
    async with started("benchmarks.teams_stand_in", {}) as process:
        said = await process.said()
        settings = Settings.model_validate({**said["settings"], "install": False, "rate": 1000})
        async with FakeContext(settings=settings, plugin="teams") as context, aiohttp.ClientSession() as session:
            outbound = Outbound(context)
            token = await outbound.connector.token()
            ways = {
                "bare": _bare(session, said, token),
                "ours": _ours(outbound, said),
                "stock": _stock(said, token),
            }
            spent: dict[str, list[float]] = {name: [] for name in ways}
            for number in range(rounds + 1):
                for name, send in ways.items():
                    cost = await _cost(send, messages)
                    if number:  # the first round warms up
                        spent[name].append(cost)
    medians = {name: statistics.median(values) for name, values in spent.items()}
    rows = [
        (
            NAMES[name],
            report.number(cost, 2),
            report.number(1000 / cost),
            report.ratio(cost, medians["bare"]),
            report.ratio(medians["stock"], cost),
        )
        for name, cost in medians.items()
    ]
    report.show(f"{messages} messages in each of {rounds} rounds, {AT_ONCE} at once, medians", COLUMNS, rows)


async def _cost(send: Send, messages: int) -> float:
    """Return the processor milliseconds that one message costs this process."""
    waiting = iter(range(messages))

    async def lane() -> None:
        for number in waiting:
            await send(number)

    before = time.process_time()
    await asyncio.gather(*(lane() for _ in range(AT_ONCE)))
    return (time.process_time() - before) * 1000 / messages


def _ours(outbound: Outbound, said: Any) -> Send:
    async def send(number: int) -> object:
        user = said["users"][number % len(said["users"])]
        chat = await outbound.reach.chat(user)
        return await outbound.connector.send(chat, cards.message(sample_prompt()))

    return send


def _bare(session: aiohttp.ClientSession, said: Any, token: str) -> Send:
    headers = {"authorization": f"Bearer {token}"}

    async def send(number: int) -> object:
        chat = said["chats"][number % len(said["chats"])]
        url = f"{said['url']}/connector/v3/conversations/{chat}/activities"
        async with session.post(url, json=cards.message(sample_prompt()), headers=headers) as response:
            assert response.status == 201, response.status
            return await response.json()

    return send


def _stock(said: Any, token: str) -> Send:
    MicrosoftAppCredentials.get_access_token = lambda *_, **__: token
    settings = said["settings"]

    class Configuration:
        APP_TYPE, APP_ID = "SingleTenant", settings["app_id"]
        APP_PASSWORD, APP_TENANTID = settings["app_secret"], settings["tenant_id"]

    adapter = CloudAdapter(ConfigurationBotFrameworkAuthentication(Configuration()))

    async def send(number: int) -> object:
        chat = said["chats"][number % len(said["chats"])]
        reference = ConversationReference(
            service_url=f"{said['url']}/connector/",
            channel_id="msteams",
            conversation=ConversationAccount(id=chat, conversation_type="personal"),
            bot=ChannelAccount(id=f"28:{settings['app_id']}"),
        )

        async def turn(context: TurnContext) -> None:
            sent = await context.send_activity(Activity().deserialize(cards.message(sample_prompt())))
            assert sent is not None

        return await adapter.continue_conversation(reference, turn, settings["app_id"])

    return send


async def at_the_limit(members: int, rate: int) -> None:
    """Send a round to *members* while one request in ten is refused, and print what came of it."""
    draw = random.Random(20260105)

    def choose(api: str) -> Fault | None:
        chance = draw.random()
        if api != "connector" or chance >= 0.1:
            return None
        return too_many(1) if chance < 0.05 else too_many()

    with tempfile.TemporaryDirectory(prefix="bench", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        stand_in = StandIn(limit=rate, keep=False)
        url = f"sqlite:///{folder / 't.db'}"
        async with stand_in, world(url, folder, plugins={"teams": tertulia_teams}) as core:
            home = await _settled(core, stand_in, members, rate)
            stand_in.faults.choose = choose
            await core.apply(home, PROGRAM)
            core.clock.advance(timedelta(hours=1, seconds=1))
            began = time.monotonic()
            states = await _final(core, home, members)
            took = time.monotonic() - began
            got = Counter(len(stand_in.cards(person)) for person in stand_in.tenant.people.values())
            asked = [one for one in stand_in.journal if one.api == "connector"]
            refused = sum(one.status == 429 for one in asked)
    most = most_in_any_window(one.monotonic for one in asked)
    report.say(
        f"{members:,} members, {rate}/s allowed, {refused:,} of {len(asked):,} requests refused: {states} in "
        f"{took:.0f} s; messages per member {dict(got)}; at most {most} requests in any second, "
        f"{stand_in.violations} beyond the limit"
    )


async def _settled(core: World, stand_in: StandIn, members: int, rate: int) -> Home:
    home = await core.workspace("Home", domains=["example.org"])
    for start in range(0, members, CHUNK):
        async with core.runtime.database.write() as tx:
            for number in range(start, min(start + CHUNK, members)):
                one = stand_in.tenant.add_person(f"P{number}", f"p{number}@example.org", has_app=True)
                fields = {"name": one.name, "email": one.mail}
                await people.add_person(
                    core.runtime, tx, home.organization, fields, workspace=home.workspace, actor="benchmark"
                )
    await core.enable(home, "teams", stand_in.settings(rate=rate))

    async def known() -> bool:
        await asyncio.sleep(0.5 + members / 1_000)  # counting all the time would be most of the work
        return await core.reachable(home, "teams") == members

    await core.until(known, 600)
    return home


async def _final(core: World, home: Home, members: int) -> dict[str, int]:
    states: dict[str, int] = {}

    async def settled() -> bool:
        await asyncio.sleep(0.5)
        core.clock.advance(timedelta(milliseconds=500))
        known = [row for row in await core.rounds(home) if row.state == "open"]
        if known:
            states.clear()
            states.update((await core.progress(home, known[0].id)).deliveries.get("invite", {}))
        return sum(states.get(state, 0) for state in ("sent", "failed", "ambiguous")) == members

    await core.until(settled, 3600)
    return states


if __name__ == "__main__":
    main()
