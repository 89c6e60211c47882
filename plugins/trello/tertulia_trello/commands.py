"""`tertulia trello`: look at Trello's side before and after the plugin is enabled."""

from __future__ import annotations

import asyncio
import json
import tomllib
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, TypeAlias

import aiohttp
import click
from pydantic import ValidationError
from yarl import URL

from tertulia import Json, Mistake, SendError, Window
from tertulia_trello.client import Client
from tertulia_trello.config import Settings

Level: TypeAlias = Literal["ok", "note", "fault"]
Finding: TypeAlias = tuple[Level, str]
SIGNS: dict[Level, str] = {"ok": "ok   ", "note": "note ", "fault": "FAULT"}


class Unlimited:
    """Let the few calls of a command pass at once."""

    async def acquire(self, limits: Mapping[str, Sequence[Window]]) -> None:
        """Let one call pass."""

    async def penalty(self, key: str, seconds: float) -> None:
        """Forget it: the command ends here."""


@dataclass(frozen=True)
class Outside:
    """Be what the client needs where there is no installation."""

    http: aiohttp.ClientSession
    limiter: Unlimited


@click.group("trello")
def trello() -> None:
    """See what the settings of Trello lead to; they are read from a file, as `plugins enable --file` takes it."""


settings_file = click.option(
    "--file", "file", type=click.Path(path_type=Path), required=True, help="Settings, as JSON or TOML."
)


@trello.command("boards")
@settings_file
def boards(file: Path) -> None:
    """List the boards of the Trello workspace with their ids, to choose which take part."""
    settings = read_settings(file)
    for board in asyncio.run(_boards(settings)):
        chosen = "takes part" if board["id"] in settings.boards else ""
        click.echo(f"{board['id']}  {board.get('name', '')}  {chosen}".rstrip())


@trello.command("doctor")
@settings_file
@click.option("--public-url", help="TERTULIA_PUBLIC_URL, to tell our webhooks from those of others.")
def doctor(file: Path, public_url: str | None) -> None:
    """Check token, boards, lists and webhooks; each line says what is wrong and how to mend it."""
    findings = asyncio.run(_examined(read_settings(file), public_url))
    for level, text in findings:
        click.echo(f"{SIGNS[level]} {text}")
    if any(level == "fault" for level, _ in findings):
        raise SystemExit(1)


def read_settings(file: Path) -> Settings:
    """Read settings from a file; what is wrong is said in one sentence without the values."""
    try:
        text = file.read_text(encoding="utf-8")
        given: dict[str, Any] = tomllib.loads(text) if file.suffix == ".toml" else json.loads(text)
        return Settings.model_validate(given)
    except OSError as error:
        raise Mistake(f"{file} cannot be read: {error.strerror}.") from None
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        name = ".".join(str(part) for part in first["loc"]) or "the settings"
        raise Mistake(f"{file}: {name}: {first['msg']}.") from None
    except ValueError:
        raise Mistake(f"{file} is neither JSON nor, with the ending .toml, TOML.") from None


async def _boards(settings: Settings) -> list[Json]:
    async with aiohttp.ClientSession() as http:
        try:
            return await Client(Outside(http, Unlimited()), settings).workspace_boards(settings.workspace_id)
        except SendError as error:
            raise Mistake(f"{error}.") from None


async def _examined(settings: Settings, public_url: str | None) -> list[Finding]:
    async with aiohttp.ClientSession() as http:
        client = Client(Outside(http, Unlimited()), settings)
        return [finding async for finding in examine(client, settings, public_url)]


async def examine(client: Client, settings: Settings, public_url: str | None) -> AsyncIterator[Finding]:
    """Yield findings about everything that the settings lead to."""
    try:
        me = await client.me()
        yield _account(me, settings)
        yield _permissions(await client.token())
        yield _sign_in(settings)
        if not settings.boards:
            yield "note", "boards is empty: no board takes part; list them with `tertulia trello boards`."
        for board in settings.boards:
            async for finding in _board(client, settings, board, str(me["id"])):
                yield finding
        for finding in _hooks(await client.webhooks(), settings, public_url):
            yield finding
    except SendError as error:
        yield "fault", f"{error}."


def _account(me: Json, settings: Settings) -> Finding:
    name = str(me.get("username", "")).lower()
    if name != settings.username:
        return "fault", f"username is {settings.username!r}, but the token belongs to {name!r}; set username to it."
    return "ok", f"The token belongs to {name}."


def _permissions(token: Json) -> Finding:
    granted = token.get("permissions") or []
    if not any(one.get("write") and str(one.get("modelType")).lower() in ("board", "*") for one in granted):
        return "fault", "The token may not write to boards; make one with the scopes read and write."
    expires = token.get("dateExpires")
    if isinstance(expires, str):
        day = datetime.fromisoformat(expires).date()
        return "note", f"The token ends on {day}; make a new one before, or one that never expires."
    return "ok", "The token may read and write, and does not expire."


def _sign_in(settings: Settings) -> Finding:
    host = str(URL(settings.oauth_url).host)
    if settings.oauth_client_id is None:
        return "note", "oauth_client_id is not set: members link their accounts by codes alone."
    if host not in (*settings.allowed_hosts, "127.0.0.1", "localhost"):
        return "fault", f"Members cannot sign in at Trello: add {host} to allowed_hosts."
    return "ok", "Members can link their accounts by signing in at Trello."


async def _board(client: Client, settings: Settings, board: str, own: str) -> AsyncIterator[Finding]:
    try:
        found = await client.board(board)
        members = await client.board_members(board)
        lists = await client.board_lists(board)
    except SendError as error:
        yield "fault", f"Board {board} cannot be read ({error}); add the account to the board, or remove it here."
        return
    if found.get("closed"):
        yield "fault", f"Board {board} is archived; open it again, or remove it from boards."
    if all(str(member["id"]) != own for member in members):
        yield "note", f"Board {board}: the account is no member, which only works while the board is visible to it."
    if all(one.get("name") != settings.ritual_list for one in lists) and not settings.create_list:
        cure = f"make a list called {settings.ritual_list!r}, or set create_list to true"
        yield "fault", f"Board {board} has no ritual list; {cure}."
        return
    yield "ok", f"Board {board} can carry cards."


def _hooks(hooks: list[Json], settings: Settings, public_url: str | None) -> list[Finding]:
    if public_url is None:
        return [("note", "Webhooks were not looked at; name the service with --public-url.")]
    ours = [hook for hook in hooks if str(hook.get("callbackURL", "")).startswith(f"{public_url.rstrip('/')}/hooks/")]
    found: list[Finding] = []
    for board in settings.boards:
        hook = next((one for one in ours if one.get("idModel") == board), None)
        if hook is None:
            found.append(("note", f"Board {board} has no webhook yet; the service makes it within an hour."))
        elif not hook.get("active", True):
            found.append(("fault", f"Board {board}: Trello switched the webhook off; is {public_url} reachable?"))
        elif hook.get("consecutiveFailures"):
            count = hook["consecutiveFailures"]
            found.append(
                ("note", f"Board {board}: the webhook failed {count} times in a row; see the service's log.")
            )
        else:
            found.append(("ok", f"Board {board} has a webhook that works."))
    return found
