"""The demo in a process of its own, for the soak: it lives at a pace, and writes down what it holds and what comes.

The arguments are a folder, a port, the real seconds to live, how many employees and freelancers there are, a seed.
What lies in the folder at the end: `samples`, a JSON object per line; `effects`, what the stand-ins carried out;
`given`, what people answered; `people`, who they are; and the demo's own folder `demo`. `samples` appears once time
goes at its pace.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp

from tertulia import journal
from tertulia.domain.identifiers import Json
from tertulia.sandbox import demo, town
from tertulia.sandbox.drive import settled
from tertulia.sandbox.life import Life
from tertulia.sandbox.members import Neighbour
from tertulia.sandbox.organization import Size
from tertulia.sandbox.town import MONDAY, Town
from tertulia.service import Service
from tertulia.stage import Arrival, Playable

PACE = timedelta(seconds=100)
FOUNDED = MONDAY + timedelta(days=1, hours=9)
BEGIN = MONDAY + timedelta(days=2, hours=10, minutes=30)
"""Wednesday: a question goes from zone to zone and is about to be posted in shared places; a survey follows."""
SAMPLES = 240
"""So many in the whole time, at most two in a second: looking costs time itself."""


class Noted:
    """Play an invented member, and write down what was acknowledged and what was tried in vain."""

    def __init__(self, played: Neighbour, given: list[Json]):
        self.inhabitant, self._played, self._given = played.inhabitant, played, given
        self._links: dict[str, str] = {}

    def decides(self, arrival: Arrival, week: int) -> str | None:
        """Decide as the member does."""
        if arrival.link is not None:
            self._links[arrival.link] = arrival.key
        return self._played.decides(arrival, week)

    async def press(self, stage: Playable, arrival: Arrival, verb: str, week: int) -> bool:
        """Answer on the platform's own screen."""
        return self._note(arrival.key, verb, await self._played.press(stage, arrival, verb, week))

    async def follow(self, connector: aiohttp.BaseConnector, link: str, origin: str, verb: str, week: int) -> bool:
        """Answer on the page that a link opens."""
        done = await self._played.follow(connector, link, origin, verb, week)
        return self._note(self._links[link], verb, done)

    def _note(self, key: str, verb: str, done: bool) -> bool:
        self._given.append({"key": key, "email": self.inhabitant.resident.email, "verb": verb, "done": done})
        return done


async def live(folder: Path, port: int, seconds: float, size: Size, seed: int) -> None:
    """Found a town, let it live at its pace, and write down what came of it."""
    place = await town.found(town.configuration(town.fresh_folder(folder / "demo"), port), size=size, seed=seed)
    life, given = Life(place), list[Json]()
    service = Service(place.runtime, tick=1.0, concurrency=demo.LANES, extend=demo.with_pages(life))
    life.ticker = service.ticker
    for email, played in place.neighbours.items():
        place.neighbours[email] = Noted(played, given)
    try:
        try:
            place.clock.set(FOUNDED)
            await service.start()
            await life.begin(seed)
            async for _ in life.until(BEGIN):
                pass
            await _at_pace(folder, seconds, life)
            await settled(place.runtime, look=service.ticker.tick)
        finally:
            await service.stop()
        (folder / "effects").write_text(json.dumps(list(effects(place))))
        (folder / "given").write_text(json.dumps(given))
        known = [{"id": identifier, "email": email} for email, identifier in place.people.items()]
        (folder / "people").write_text(json.dumps(known))
    finally:
        await town.close(place)


async def _at_pace(folder: Path, seconds: float, life: Life) -> None:
    """Let time pass as it does in the demo, and look at what this process holds meanwhile."""
    life.pace = PACE
    passing, began = asyncio.create_task(life.keep_pace()), time.monotonic()
    with (folder / "samples").open("w", buffering=1) as file:
        while (passed := time.monotonic() - began) < seconds and not passing.done():
            now = life.town.clock.now().isoformat()
            file.write(json.dumps({"at": passed, "town": now, "cpu": time.process_time(), **_held()}) + "\n")
            await asyncio.sleep(max(0.5, seconds / SAMPLES))
    life.pace = timedelta(0)
    while life.busy and not passing.done():  # noqa: ASYNC110 - only the end of a step leaves everybody answered
        await asyncio.sleep(0.1)
    passing.cancel()
    (fault,) = await asyncio.gather(passing, return_exceptions=True)
    assert isinstance(fault, asyncio.CancelledError), fault


def _held() -> dict[str, float]:
    """Return what this process holds; memory in MB."""
    descriptors = []
    for name in os.listdir("/proc/self/fd"):
        try:
            descriptors.append(os.readlink(f"/proc/self/fd/{name}"))
        except FileNotFoundError:
            continue  # it was the one that listed them
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return {
        "memory": pages * os.sysconf("SC_PAGE_SIZE") / 2**20,
        "descriptors": len(descriptors),
        "connections": sum(one.endswith(".db") for one in descriptors),
        "tasks": len(asyncio.all_tasks()),
        "threads": threading.active_count(),
    }


def effects(place: Town) -> Iterator[dict[str, Any]]:
    """Yield each message or card that a stand-in carried out, by its journal.

    *name* is what a delivery calls it, *key* what an arrival does, *to* the address of who got it, or the place.
    """
    for one in place.stand_ins:
        yield from {"teams": _teams, "zoom": _zoom, "trello": _trello, "web": _mail}[one.name](one)


def _teams(sandbox: Any) -> Iterator[dict[str, Any]]:
    server = sandbox.stand_in
    for one in server.arrivals("connector", "POST"):
        if "/activities" not in one.path or json.loads(one.body).get("type") == "typing":
            continue
        ref, identifier = one.to.partition(";")[0], json.loads(one.answer)["id"]
        chat = server.tenant.conversations[ref]
        to = server.tenant.people[chat.members[0]].mail if chat.kind == "personal" else ref
        yield {"platform": "teams", "name": f"{ref}|{identifier}", "key": f"{ref}/{identifier}", "to": to}


def _zoom(sandbox: Any) -> Iterator[dict[str, Any]]:
    users = {f"{user.lower()}@xmpp.zoom.us": known["email"] for user, known in sandbox.server.town.users.items()}
    for one in sandbox.server.arrived("POST", "/im/chat/messages"):
        if one.status < 400:
            said = json.loads(one.answer)
            to = users.get(said["to_jid"], said["to_jid"])
            yield {"platform": "zoom", "name": said["message_id"], "key": said["message_id"], "to": to}


def _trello(sandbox: Any) -> Iterator[dict[str, Any]]:
    for one in sandbox.server.carried_out("POST", "/cards"):
        card = json.loads(one.answer)
        yield {"platform": "trello", "name": card["id"], "key": card["id"], "to": card["idBoard"]}


def _mail(mailbox: Any) -> Iterator[dict[str, Any]]:
    for one in mailbox.messages():
        yield {"platform": "web", "name": one.message_id, "key": str(one.number), "to": one.recipient}


def main() -> None:
    """Live as the arguments say."""
    folder, port, seconds, employees, freelancers, seed = sys.argv[1:]
    sys.setswitchinterval(demo.SWITCH)
    journal.begin("WARNING")
    size = Size(employees=int(employees), freelancers=int(freelancers))
    asyncio.run(live(Path(folder), int(port), float(seconds), size, int(seed)))


if __name__ == "__main__":
    main()
