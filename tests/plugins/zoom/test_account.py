"""zoomus behind the one module: each of its faults, which a Zoom on loopback would feel."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tertulia import OperatorError, OutcomeUnknown, RetryLater, Unreachable
from tertulia_zoom.account import Account
from tertulia_zoom.answers import NotOnPlan
from tertulia_zoom.limits import Rate
from tertulia_zoom.paths import Gone
from tertulia_zoom.rest import Operation, Rest
from tertulia_zoom.stand_in import ZoomServer, faults
from tertulia_zoom.transport import configuration

WAYS = ["zoomus", "aiohttp"]


async def once(bench: Any, way: str) -> Any:
    """Read one thing through either client."""
    if way == "zoomus":
        return await bench.desk.account.meeting(bench.number)
    operation = Operation(method="GET", template="/meetings/{meetingId}", rate=Rate.LIGHT)
    return await bench.desk.rest.call(operation, bench.number)


@pytest.mark.parametrize("way", WAYS)
async def test_an_expired_token_is_replaced_once(open_bench: Any, way: str) -> None:
    async with open_bench() as bench:
        await once(bench, way)
        bench.server.revoke_tokens()
        assert (await once(bench, way))["topic"] == "Weekly"
        assert bench.server.tokens_given["server"] == 2
        bench.server.script(faults.expired_token(), faults.expired_token())
        with pytest.raises(OperatorError, match="client id and secret"):
            await once(bench, way)
        assert bench.server.tokens_given["server"] == 3  # the new one was refused too, and dropped


@pytest.mark.parametrize("way", WAYS)
async def test_without_a_token_nothing_is_asked(open_bench: Any, way: str) -> None:
    """zoomus 1.2.1 sends `Bearer None` where the token was refused, to this day."""
    async with open_bench(server={**SERVER, "client_secret": "the wrong one, long enough"}) as bench:
        with pytest.raises(OperatorError, match=r"server\.client_secret"):
            await once(bench, way)
        assert bench.server.journal == []


SERVER = {"account_id": "AbCdEfGhIjKlMnOpQr", "client_id": "client_id_of_s2s", "client_secret": "x" * 20}


async def test_many_who_need_a_token_share_one_request(open_bench: Any) -> None:
    async with open_bench() as bench:
        await asyncio.gather(*(bench.desk.account.meeting(bench.number) for _ in range(12)))
        assert bench.server.tokens_given["server"] == 1
        assert {one.headers["authorization"].partition(".")[0] for one in bench.server.journal} == {"Bearer server"}


@pytest.mark.parametrize("fault", [faults.refusal(500), faults.refusal(503), faults.reset(carried_out=False)])
async def test_a_token_address_in_trouble_is_asked_again_later(open_bench: Any, fault: Any) -> None:
    async with open_bench() as bench:
        bench.server.script_tokens(fault)
        with pytest.raises(RetryLater):
            await bench.desk.account.meeting(bench.number)
        assert await bench.desk.account.meeting(bench.number)


async def test_a_token_address_that_hangs_is_given_up(open_bench: Any) -> None:
    async with open_bench(timeout=0.2) as bench:
        bench.server.script_tokens(faults.hang())
        with pytest.raises(RetryLater):
            await bench.desk.account.meeting(bench.number)


async def test_pages_are_read_to_the_end(open_bench: Any) -> None:
    async with open_bench() as bench:
        for number in range(700):
            bench.town.add_user(f"Person {number}", f"p{number}@example.org")
        pages = [page async for page in bench.desk.account.users()]
        assert [len(page) for page in pages] == [300, 300, 103]
        assert len({row["id"] for page in pages for row in page}) == 703


async def test_a_page_token_that_ran_out_starts_the_reading_over(open_bench: Any) -> None:
    async with open_bench() as bench:
        for number in range(400):
            bench.town.add_user(f"Person {number}", f"p{number}@example.org")
        pages = bench.desk.account.users()
        await anext(pages)
        bench.clock.advance(timedelta(minutes=16))
        with pytest.raises(OperatorError, match="code 300"):
            await anext(pages)


@pytest.mark.parametrize("uuid", ["/ab==", "a//b+c==", "a/b+cdEFghIJ==", "abcdefgh+/=="])
async def test_uuids_with_slashes_reach_their_meeting(open_bench: Any, uuid: str) -> None:
    """zoomus 1.2.1 encodes only where a UUID begins with a slash or has two, and in reports never."""
    async with open_bench() as bench:
        if len(uuid) < 8:
            uuid += "=" * 8
        instance = bench.server.meetings.start(bench.number, uuid=uuid)
        for user in bench.users:
            bench.server.meetings.join(instance, user)
        bench.server.meetings.end(instance)
        account = bench.desk.account
        assert (await account.past_meeting(uuid))["uuid"] == uuid
        assert [len(page) async for page in account.participants(uuid)] == [3]
        assert [len(page) async for page in account.reported_participants(uuid)] == [3]
        assert all("%25" in one.path and uuid not in str(one.query) for one in bench.server.journal)


@pytest.mark.parametrize(
    "value",
    ["../accounts/me/settings", "..", ".", "a/b", "me?x=1", "me#", "", "a b", "é", "%2e%2e", "x" * 300, "a\nb"],
)
async def test_an_id_is_never_a_path(open_bench: Any, value: str) -> None:
    """zoomus 1.2.1 puts ids into paths as they are: `../accounts/me/settings` reads the account's settings."""
    async with open_bench() as bench:
        account: Account = bench.desk.account
        for ask in (
            lambda: account.user(value),
            lambda: account.delete_meeting(value),
            lambda: account.create_meeting(value, {"topic": "x"}, datetime.now(UTC)),
            lambda: bench.desk.rest.call(Operation(method="GET", template="/users/{userId}", rate=Rate.LIGHT), value),
        ):
            with pytest.raises(Gone):
                await ask()
        assert bench.server.journal == []


async def test_ids_stand_in_the_path_only(open_bench: Any) -> None:
    """zoomus 1.2.1 repeats them in the query, or in the body."""
    async with open_bench() as bench:
        account, user = bench.desk.account, bench.users[0]
        made = await account.create_meeting(user, {"topic": "Café", "type": 2}, datetime(2026, 2, 1, 9, tzinfo=UTC))
        number = str(made["id"])
        await account.change_meeting(number, {"topic": "Tea"})
        assert (await account.meeting(number))["topic"] == "Tea"
        await account.delete_meeting(number)
        with pytest.raises(Gone):
            await account.meeting(number)
        created, changed = bench.server.journal[0], bench.server.journal[1]
        assert created.body == {"topic": "Café", "type": 2, "start_time": "2026-02-01T09:00:00Z"}
        assert changed.body == {"topic": "Tea"}
        assert all(one.query == {} for one in bench.server.journal)


async def test_reports_are_asked_for_by_the_day(open_bench: Any) -> None:
    """zoomus 1.2.1 sends instants where the description wants days."""
    async with open_bench() as bench:
        pages = bench.desk.account.reported_meetings(bench.users[0], date(2026, 1, 1), date(2026, 1, 31))
        assert [page async for page in pages] == [[]]
        (asked,) = bench.server.journal
        assert (asked.query["from"], asked.query["to"]) == ("2026-01-01", "2026-01-31")


async def test_redirects_are_not_followed(open_bench: Any) -> None:
    async with open_bench() as bench:
        bench.server.script(faults.Fault(status=302, headers={"Location": f"{bench.server.url}/v2/users"}))
        with pytest.raises(OperatorError, match="302"):
            await bench.desk.account.meeting(bench.number)
        assert len(bench.server.journal) == 1


async def test_the_machine_s_own_settings_do_not_matter(
    open_bench: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """requests takes a proxy from the environment, and lets a .netrc replace the token."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    async with open_bench() as bench:
        assert await bench.desk.account.meeting(bench.number)
        assert bench.server.journal[0].headers["authorization"].startswith("Bearer ")


@pytest.mark.parametrize("fault", [faults.hang(), faults.drip(30.0)])
async def test_an_answer_that_takes_too_long_is_given_up(open_bench: Any, fault: faults.Fault) -> None:
    async with open_bench(timeout=0.3) as bench:
        bench.server.script(fault, fault)
        begun = time.monotonic()
        with pytest.raises(RetryLater):
            await bench.desk.account.meeting(bench.number)
        with pytest.raises(OutcomeUnknown):
            await bench.desk.account.create_meeting(bench.users[0], {"topic": "x"}, datetime.now(UTC))
        assert time.monotonic() - begun < 20


async def test_threads_that_hang_do_not_multiply(open_bench: Any) -> None:
    async with open_bench(timeout=1.5) as bench:
        account = Account(bench.desk.settings, bench.desk.tokens, bench.desk.rates, threads=2)
        bench.server.script(faults.hang(), faults.hang())
        results = await asyncio.gather(*(account.meeting(bench.number) for _ in range(6)), return_exceptions=True)
        assert all(isinstance(one, RetryLater | dict) for one in results)
        assert sum(isinstance(one, RetryLater) for one in results) >= 2
        assert await account.meeting(bench.number)


@pytest.mark.parametrize(
    ("fault", "read", "write"),
    [
        (faults.refusal(500), RetryLater, OutcomeUnknown),
        (faults.error_after(), RetryLater, OutcomeUnknown),
        (faults.refusal(503), RetryLater, OutcomeUnknown),
        (faults.reset(carried_out=True), RetryLater, OutcomeUnknown),
        (faults.reset(carried_out=False), RetryLater, OutcomeUnknown),
        (faults.bad_json(), OutcomeUnknown, OutcomeUnknown),
        (faults.too_many(), RetryLater, RetryLater),
        (faults.refusal(404), Gone, Gone),
        (faults.refusal(403), Unreachable, Unreachable),
        (faults.no_scope(), OperatorError, OperatorError),
        (faults.not_on_plan(), NotOnPlan, NotOnPlan),
        (faults.refusal(400), OperatorError, OperatorError),
    ],
)
async def test_every_failure_is_one_of_the_four(open_bench: Any, fault: Any, read: type, write: type) -> None:
    async with open_bench() as bench:
        account, rest = bench.desk.account, bench.desk.rest
        making = Operation(method="POST", template="/users/{userId}/meetings", rate=Rate.LIGHT)
        bench.server.choose = lambda *_: fault  # aiohttp itself repeats a GET whose connection was reset
        for ask, expected in (
            (lambda: account.meeting(bench.number), read),
            (lambda: account.create_meeting(bench.users[0], {"topic": "x"}, datetime.now(UTC)), write),
            (lambda: once(bench, "aiohttp"), read),
            (lambda: rest.call(making, bench.users[0], body={"topic": "x"}), write),
        ):
            with pytest.raises(expected):
                await ask()


@pytest.mark.parametrize("way", WAYS)
async def test_where_nobody_listens_nothing_was_sent(open_bench: Any, way: str) -> None:
    async with open_bench() as bench:
        await bench.desk.tokens.get("server")
        settings = bench.desk.settings.model_copy(update={"stand_in": "http://127.0.0.1:9"})
        shared = (settings, bench.desk.tokens, bench.desk.rates)
        making = Operation(method="POST", template="/users/{userId}/meetings", rate=Rate.LIGHT)
        body = {"topic": "x"}
        asked = (
            Account(*shared).create_meeting(bench.users[0], body, datetime.now(UTC))
            if way == "zoomus"
            else Rest(bench.context, *shared).call(making, bench.users[0], body=body)
        )
        with pytest.raises(RetryLater):
            await asked


async def test_the_event_loop_is_never_blocked(open_bench: Any) -> None:
    """Sixty slow calls through zoomus, while a heart beats every 5 ms."""
    async with open_bench() as bench:
        slow = asyncio.Event()
        late: list[float] = []

        async def beat() -> None:
            while not slow.is_set():
                before = time.monotonic()
                await asyncio.sleep(0.005)
                late.append(time.monotonic() - before - 0.005)

        async def tarry(request: web.Request) -> web.Response:
            await asyncio.sleep(0.05)
            return web.json_response({"id": 1, "uuid": "x", "topic": "slow"})

        async with Slow(tarry) as url:
            settings = bench.desk.settings.model_copy(update={"stand_in": url})
            account = Account(settings, bench.desk.tokens, bench.desk.rates)
            heart = asyncio.create_task(beat())
            await asyncio.gather(*(account.meeting(bench.number) for _ in range(60)))
            slow.set()
            await heart
        late.sort()
        # 60 calls of 50 ms one after the other would stop the heart for 3 s; a busy machine alone costs some
        assert len(late) > 20
        assert late[-1] < 1.0
        assert late[len(late) // 2] < 0.1


class Slow:
    """Answer everything with one handler."""

    def __init__(self, handler: Any):
        self._handler = handler

    async def __aenter__(self) -> str:
        app = web.Application()
        app.router.add_route("*", "/{tail:.*}", self._handler)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()


def test_no_secret_is_where_zoomus_could_leak_it() -> None:
    assert set(configuration("a token", 1.0)) == {"version", "data_type", "token", "seconds"}


async def test_the_chat_token_is_another_one(open_bench: Any) -> None:
    async with open_bench() as bench:
        server, chat = await bench.desk.tokens.get("server"), await bench.desk.tokens.get("chat")
        assert (server.partition(".")[0], chat.partition(".")[0]) == ("server", "chat")
    async with open_bench(app=None) as bench:
        with pytest.raises(OperatorError, match="general app"):
            await bench.desk.tokens.get("chat")


async def test_a_stand_in_takes_foreign_credentials_for_nothing() -> None:
    async with ZoomServer() as server:
        import aiohttp

        async with (
            aiohttp.ClientSession() as session,
            session.get(f"{server.url}/v2/users", headers={"authorization": "Bearer None"}) as answer,
        ):
            assert answer.status == 401
