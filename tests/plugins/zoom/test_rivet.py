"""Zoom's own `@zoom/rivet`: its receiver takes what the stand-in posts, its client reads what that answers."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tertulia.testing.samples import sample_prompt
from tertulia_zoom import messages
from tertulia_zoom.stand_in.chat import jid_of
from tertulia_zoom.stand_in.sender import Sender

RIVET = "@zoom/rivet@0.4.0"
SCRIPT = Path(__file__).parent / "rivet" / "receiver.mjs"


@pytest.fixture(scope="module")
def rivet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the official package once; npm keeps it, so that later runs are offline."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("node and npm are not installed, so the official @zoom/rivet cannot be had")
    folder = tmp_path_factory.mktemp("rivet")
    command = [npm, "install", RIVET, "--silent", "--no-audit", "--no-fund", "--ignore-scripts", "--prefer-offline"]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, timeout=120, check=False)
    except subprocess.TimeoutExpired:
        pytest.skip("npm took too long to fetch @zoom/rivet")
    if done.returncode:
        pytest.skip(f"npm cannot fetch {RIVET}: no registry within reach")
    return folder


async def test_the_official_receiver_and_client_agree_with_the_stand_in(open_bench: Any, rivet: Path) -> None:
    async with open_bench() as bench:
        meetings, sender = bench.server.meetings, bench.server.sender
        sender.fate = "lost"
        was = meetings.start(bench.number, uuid="/aB//c+dEfGhIjK==")
        for user in bench.users:
            meetings.join(was, user)
        meetings.end(was)
        token = await bench.desk.tokens.get("server")
        given = (str(rivet), bench.server.secret, f"{bench.server.url}/v2", token, was.uuid)
        receiver = await asyncio.create_subprocess_exec(
            "node", str(SCRIPT), *given, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
        )
        assert receiver.stdout is not None
        try:
            said = json.loads(await asyncio.wait_for(receiver.stdout.readline(), 60))
            assert said.get("participants") == 3, said
            sender.fate, sender.url = "sent", f"http://127.0.0.1:{said['port']}/zoom/events"
            await answers_the_question(sender)
            instance = meetings.start(bench.number, uuid="Überraschung //==")  # not only ASCII
            stay = meetings.join(instance, bench.users[0], name="Zoë 🙂")
            meetings.leave(instance, meetings.exit(instance, meetings.enter(instance, stay, "room-1")))
            meetings.end(instance)
            await sender.quiet()
            assert [one.status for one in sender.attempts] == [200] * 7
            told = [json.loads(await asyncio.wait_for(receiver.stdout.readline(), 20)) for _ in range(6)]
        finally:
            receiver.kill()
            await receiver.wait()
        assert {one["event"].removeprefix("meeting.") for one in told} == {
            *("started", "ended", "participant_joined", "participant_left"),
            *("participant_joined_breakout_room", "participant_left_breakout_room"),
        }
        assert {one["uuid"] for one in told} == {instance.uuid}


async def answers_the_question(sender: Sender) -> None:
    """The official receiver answers as our own does."""
    status, answer = await sender.validate("qgg8vlvZRS6UYooatFL8Aw")
    encrypted = hmac.new(sender.secret.encode(), b"qgg8vlvZRS6UYooatFL8Aw", hashlib.sha256).hexdigest()
    assert (status, json.loads(answer)["encryptedToken"]) == (200, encrypted)


async def test_the_official_chatbot_takes_what_people_do_and_answers_them(open_bench: Any, rivet: Path) -> None:
    async with open_bench() as bench:
        user, server = bench.users[0], bench.server
        token = await bench.desk.tokens.get("chat")
        given = (str(rivet), server.secret, f"{server.url}/v2", token, server.robot, bench.town.account)
        receiver = await asyncio.create_subprocess_exec(
            "node",
            str(SCRIPT.with_name("chatbot.mjs")),
            *given,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        assert receiver.stdout is not None
        try:
            port = json.loads(await asyncio.wait_for(receiver.stdout.readline(), 60))["port"]
            server.bot.url = f"http://127.0.0.1:{port}/zoom/events"
            message = bench.town.chat.write(jid_of(user), messages.question(sample_prompt()))
            server.chatter.install(user)
            server.chatter.say(user, "Grüße an <!all>")
            server.chatter.choose(user, message, "One", "2 <of> 3 & more")
            server.chatter.fill_in(user, message, "Short", "Zoë 🙂")
            server.chatter.press(user, message, "Send")
            await server.bot.quiet()
            told = [json.loads(await asyncio.wait_for(receiver.stdout.readline(), 20)) for _ in range(5)]
        finally:
            receiver.kill()
            await receiver.wait()
        assert [one.status for one in server.bot.attempts] == [200] * 5
        assert {one["user"] for one in told} == {user}
        assert len({one["event"] for one in told}) == 5
        (answer,) = [one for one in told if "sent" in one]
        assert (answer["sent"], answer["command"]) == (200, "Grüße an <!all>")
        assert bench.town.chat.said(user)[-1].content["body"][0]["text"] == "Grüße an <!all>"
