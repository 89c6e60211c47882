"""The demo lives at a hundred times the real pace: nothing piles up in its process; each journal fits the database.

Two minutes in the common run, where it is begun first; half an hour with `-m campaign`.
"""

from __future__ import annotations

import asyncio
import json
import socket
import sqlite3
import statistics
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import combinations
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tertulia.sandbox.organization import Size, inhabitants

SEED = 27
"""Among twenty-eight people of this seed, some live on each platform, and some by mail alone."""
PLATFORMS = {"teams", "zoom", "trello", "web"}
HOUR = 3600.0
ALLOWED = {
    # what may come in an hour, and what passes for noise: both must be exceeded
    "memory": (60.0, 24.0),
    "descriptors": (20.0, 12.0),
    "connections": (6.0, 4.0),
    "tasks": (20.0, 12.0),
    "threads": (6.0, 4.0),
}
pytestmark = pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="/proc tells what a process holds")


@dataclass(frozen=True)
class Soaked:
    """Hold what the demo left in a folder."""

    folder: Path

    @property
    def samples(self) -> list[dict[str, Any]]:
        """Return what the process held, from time to time."""
        return [json.loads(line) for line in (self.folder / "samples").read_text().splitlines()]

    def said(self, name: str) -> list[dict[str, Any]]:
        """Return `effects`, `given` or `people`."""
        found: list[dict[str, Any]] = json.loads((self.folder / name).read_text())
        return found

    def rows(self, query: str) -> list[dict[str, Any]]:
        """Return what is in the database."""
        with closing(sqlite3.connect(self.folder / "demo" / "tertulia.db")) as connection:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute(query)]


@contextmanager
def demo(folder: Path, seconds: int, size: Size) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Start the demo in a process of its own; it ends by itself."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    told = [str(one) for one in (folder, port, seconds, size.employees, size.freelancers, SEED)]
    command = [sys.executable, str(Path(__file__).with_name("soak_worker.py")), *told]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            yield process, f"http://127.0.0.1:{port}"
        finally:
            process.kill()


async def read_along(process: subprocess.Popen[str], url: str, folder: Path, you: str, every: float) -> int:
    """Read pages as whoever runs the program does, for as long as time goes on; returns how many."""
    while not (folder / "samples").exists():
        assert process.poll() is None, process.communicate()[0]
        await asyncio.sleep(0.2)
    read, ending, jar = 0, False, aiohttp.CookieJar(unsafe=True)
    headers = {"Sec-Fetch-Site": "same-origin"}
    async with aiohttp.ClientSession(url, cookie_jar=jar, headers=headers) as browser:
        async with browser.post("/sandbox/sit", data={"email": you, "room": "console"}) as page:
            console = page.url.path
        paths = ("/sandbox", "/my", console, f"{console}/rounds", f"{console}/overview", f"{console}/people")
        while not (folder / "effects").exists() and process.poll() is None:
            try:
                async with browser.get(paths[read % len(paths)]) as page:
                    # it may turn requests away once it ends, and then gives no page any more
                    ending = ending or page.status == 503
                    assert page.status == (503 if ending else 200), (page.url, page.status)
                read += not ending
            except aiohttp.ClientConnectionError:
                pass  # it is stopping
            await asyncio.sleep(every)
    return read


async def soak(folder: Path, seconds: int, employees: int, freelancers: int) -> Soaked:
    """Let the demo live so long, and return what it left."""
    size = Size(employees=employees, freelancers=freelancers)
    you = inhabitants(size, SEED)[0].resident.email
    with demo(folder, seconds, size) as (process, url):
        read = await read_along(process, url, folder, you, max(3.0, seconds / 120))
        said, _ = await asyncio.to_thread(process.communicate, timeout=600)
        assert process.returncode == 0, said
    assert read > 3
    assert said == "", "nothing to warn about"
    return Soaked(folder)


def growth(samples: list[dict[str, Any]], name: str) -> tuple[float, float]:
    """Return how *name* grows after the first third: within an hour, and in all.

    The hourly figure is the median of the slopes between all pairs of moments (Theil 1950, Sen 1968), so that a few
    busy moments count for nothing. The other compares the medians of the first and the last sixth.
    """
    settled = samples[len(samples) // 3 :]
    thin = settled[:: max(1, len(settled) // 80)]
    slopes = [(b[name] - a[name]) / (b["at"] - a["at"]) for a, b in combinations(thin, 2)]
    part = max(1, len(settled) // 4)
    ends = [statistics.median(one[name] for one in some) for some in (settled[:part], settled[-part:])]
    return HOUR * statistics.median(slopes), ends[1] - ends[0]


def assert_nothing_piles_up(soaked: Soaked) -> None:
    samples = soaked.samples
    assert len(samples) > 30
    assert samples[-1]["town"] > samples[len(samples) // 2]["town"] > samples[0]["town"], "time goes on"
    for name, (hourly, noise) in ALLOWED.items():
        slope, grown = growth(samples, name)
        first, last = samples[len(samples) // 3][name], samples[-1][name]
        print(f"{name}: {first:g} to {last:g}, {slope:+.2f} an hour, {grown:+.2f} in all")
        assert slope < hourly or grown < noise, f"{name} grows by {slope:.1f} an hour"


def named(platform: str, ref: str) -> str:
    """Return what the journal of a platform calls the message that a delivery names."""
    parts = ref.split("|")
    known = {"teams": "|".join(parts[1:3]), "zoom": parts[1] if len(parts) > 1 else "", "trello": ref[-24:]}
    return known.get(platform, ref)


class Journal:
    """Hold what arrived on the platforms beside what the database says was sent."""

    def __init__(self, soaked: Soaked):
        self.soaked = soaked
        self.effects = {(one["platform"], one["name"]): one for one in soaked.said("effects")}
        self.count = len(soaked.said("effects"))
        deliveries = soaked.rows(
            "SELECT d.*, s.due, p.ref AS place FROM delivery d JOIN shard s ON s.id = d.shard_id"
            " LEFT JOIN place p ON p.id = d.recipient"
        )
        self.people = {one["id"]: one["email"] for one in soaked.said("people")}
        last = 1000 * datetime.fromisoformat(soaked.samples[-1]["town"]).timestamp()
        self.sent = [one for one in deliveries if one["state"] == "sent"]
        unfinished = [one for one in deliveries if one["state"] in ("planned", "sending", "failed")]
        self.unfinished = [one for one in unfinished if one["state"] != "planned" or one["due"] <= last]
        self.unknown = [one for one in deliveries if one["state"] == "ambiguous"]
        self.first = [one for one in self.sent if one["purpose"] != "summary"]
        self.by_key = {
            self.effects[effect]["key"]: one for one in self.first if (effect := self._effect(one)) in self.effects
        }

    def _effect(self, one: dict[str, Any]) -> tuple[str, str]:
        return one["platform"], named(one["platform"], one["ref"])

    def _to(self, one: dict[str, Any]) -> str | None:
        return one["place"] or self.people.get(one["recipient"])

    def check(self) -> None:
        """Compare both, delivery by delivery and effect by effect."""
        assert self.count == len(self.effects), "no message has two names"
        assert self.unfinished == []
        claimed = Counter(self._effect(one) for one in self.first)
        assert [effect for effect, count in claimed.items() if count > 1] == [], "no effect of two deliveries"
        for one in self.first:
            effect = self.effects.get(self._effect(one))
            assert effect is not None, ("sent, and never arrived", one)
            assert effect["to"] == self._to(one), ("it arrived with somebody else", one, effect)
        left = Counter((e["platform"], e["to"]) for name, e in self.effects.items() if name not in claimed)
        unexplained = left - self._explained()
        replies = self.soaked.rows(
            "SELECT i.plugin FROM outbox o JOIN installation i ON i.id = o.installation_id"
            " WHERE o.state = 'sent' AND o.purpose <> 'refresh'"
        )
        replied = Counter(one["plugin"] for one in replies)
        assert Counter(platform for platform, _ in unexplained.elements()) <= replied, unexplained

    def round_of(self, key: str) -> str:
        """Return the round of what was answered; a posting's key names who answers, too."""
        known = self.by_key.get(key) or self.by_key[key.partition("/")[0]]
        return str(known["round_id"])

    def _explained(self) -> Counter[tuple[str, str]]:
        """Count what may arrive without a name of its own.

        That is the word at a round's end, what ended unknown, one card that tells what is read on a board, and that a
        candle burns, which its responder and the deputy are told and reminded of.
        """
        where = [(one["platform"], one["place"]) for one in self.sent if one["purpose"] == "summary"]
        boards = {("trello", one["ref"]) for one in self.soaked.rows("SELECT ref FROM place WHERE kind = 'board'")}
        unknown = ((one["platform"], self._to(one)) for one in self.unknown)
        duty = self.soaked.rows("SELECT person_id FROM role WHERE role = 'responder'")
        candles = len(self.soaked.rows("SELECT id FROM candle"))
        told = [self.people[one["person_id"]] for one in duty] * 3 * candles
        return Counter([*where, *boards, *unknown, *((platform, one) for platform in PLATFORMS for one in told)])


def assert_journals_fit(journal: Journal) -> None:
    """Each message that is called sent arrived once with whom it was for, and nothing else arrived."""
    assert {one["platform"] for one in journal.sent} == PLATFORMS, "each stand-in carried something"
    journal.check()
    rows = journal.soaked.rows
    assert rows("SELECT purpose, state, reason FROM outbox WHERE state <> 'sent'") == []
    assert rows("SELECT state, reason FROM inbox WHERE state <> 'done'") == []


def assert_answers_are_kept(journal: Journal) -> None:
    """Whatever was acknowledged is a response or a ballot, and there is none that nobody gave."""
    rows, acknowledged, tried = journal.soaked.rows, defaultdict(set), defaultdict(set)
    people = {email: identifier for identifier, email in journal.people.items()}
    linked = {one["user"] for one in rows("SELECT user FROM identity WHERE person_id IS NOT NULL")}
    for one in journal.soaked.said("given"):
        if one["verb"] in ("answer", "pass"):
            # on a board anybody may comment, and an account that is nobody's yet is counted as unresolved
            known = one["key"] in journal.by_key or one["key"].rpartition("/")[2] in linked
            given = (acknowledged, tried) if one["done"] and known else (tried,)
            for kept in given:
                kept[journal.round_of(one["key"])].add(people[one["email"]])
    assert sum(map(len, acknowledged.values())) > 3
    kept = defaultdict(set)
    for one in rows("SELECT round_id, person_id FROM response UNION SELECT round_id, person_id FROM respondent"):
        kept[one["round_id"]].add(one["person_id"])
    answered = "SELECT round_id, person_id, count(*) AS n FROM participation WHERE kind = 'answered' GROUP BY 1, 2"
    took_part = {(one["round_id"], one["person_id"]): one["n"] for one in rows(answered)}
    for one in rows("SELECT round_id, person_id FROM response WHERE NOT passed"):
        assert took_part.get((one["round_id"], one["person_id"])) == 1
    ballots = {one["round_id"]: one["n"] for one in rows("SELECT round_id, count(*) AS n FROM ballot GROUP BY 1")}
    for round_ in rows("SELECT id, practice, confidential, state FROM round"):
        name, sure, most = round_["practice"], acknowledged[round_["id"]], tried[round_["id"]]
        if round_["confidential"] and round_["state"] == "open":
            assert len(sure) <= ballots.get(round_["id"], 0) <= len(most), name
        else:
            assert sure <= kept[round_["id"]] <= most, name


async def soaked_well(folder: Path, seconds: int, employees: int, freelancers: int) -> None:
    """Let the demo live so long, and look at what it held and left."""
    soaked = await soak(folder, seconds, employees, freelancers)
    assert_nothing_piles_up(soaked)
    journal = Journal(soaked)
    assert_journals_fit(journal)
    assert_answers_are_kept(journal)


async def test_two_minutes_at_a_hundred_times_the_real_pace(tmp_path: Path) -> None:
    await soaked_well(tmp_path, 120, employees=12, freelancers=16)


@pytest.mark.campaign
async def test_half_an_hour_at_a_hundred_times_the_real_pace(tmp_path: Path) -> None:
    await soaked_well(tmp_path, 1800, employees=68, freelancers=172)
