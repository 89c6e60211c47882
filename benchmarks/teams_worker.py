"""The process that `teams_inbound` measures: one messaging endpoint made in three ways, over the same two inboxes."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from uuid import UUID

import sqlalchemy as sa
from aiohttp import web
from botbuilder.core import ActivityHandler, InvokeResponse, TurnContext
from botbuilder.integration.aiohttp import CloudAdapter, ConfigurationBotFrameworkAuthentication
from botbuilder.schema._models_py3 import AdaptiveCardInvokeResponse
from botframework.connector.auth import ChannelValidation

from benchmarks.processes import say, settings
from benchmarks.setting import BEFORE, OPENS, Setting, Town, core, populate
from benchmarks.teams_inbound import APP, METADATA, TENANT
from tertulia import Actor, Json
from tertulia.domain.identifiers import new_id
from tertulia.domain.prompts import Reply
from tertulia.runtime import Runtime
from tertulia.services import rounds
from tertulia.services.advance import advance
from tertulia.services.inbox import InstallationInbox
from tertulia.services.prompts import Ticket, seal_ticket
from tertulia.storage.tables import identity, round_table
from tertulia.testing.clock import DrivenClock
from tertulia.testing.context import FakeContext
from tertulia.testing.samples import sample_prompt
from tertulia_teams import cards
from tertulia_teams.config import Settings
from tertulia_teams.ports import Outbound
from tertulia_teams.routes import Messages, OutboundSpeech

PEOPLE = 500


class Memory:
    """Take answers in memory; what is shown is as large as the core's."""

    reply = Reply(status="taken", prompt=sample_prompt())

    async def answered(self, token: str, actor: Actor, values: Json, key: str, reply_to: str | None = None) -> Reply:
        """Answer as the core does."""
        return self.reply


class Stock(ActivityHandler):
    """Be the handler that the SDK's guide describes, its fault of writing answers twice avoided."""

    def __init__(self, inbox: InstallationInbox | Memory):
        super().__init__()
        self._inbox = inbox

    async def on_invoke_activity(self, turn_context: TurnContext) -> InvokeResponse:
        """Take the answer."""
        activity = turn_context.activity
        data = activity.value["action"]["data"]
        who = Actor(platform="teams", realm=TENANT, user=activity.from_property.aad_object_id)
        reply = await self._inbox.answered(data[cards.TOKEN], who, cards.read_values(data), activity.id)
        written = cards.invoke_reply(reply)
        body = AdaptiveCardInvokeResponse(
            status_code=written["statusCode"], type=written["type"], value=written["value"]
        )
        return InvokeResponse(status=200, body=body)


class Configuration:
    """Configure the stock adapter as its samples do."""

    APP_ID = APP
    APP_PASSWORD = "s" * 20
    APP_TYPE = "SingleTenant"
    APP_TENANTID = TENANT


async def main() -> None:
    """Serve until ended."""
    given = settings()
    folder, issuer = Path(given["folder"]), given["issuer"]
    ChannelValidation.open_id_metadata_endpoint = issuer + METADATA
    where = Setting(database_url=f"sqlite:///{folder / 'tertulia.db'}", folder=folder, port=1)
    async with core(where) as runtime:
        town = await populate(runtime, PEOPLE, url="http://127.0.0.1:1")
        lines = await _answers(runtime, town, f"{issuer}/connector/")
        await asyncio.to_thread((folder / "activities").write_text, "\n".join(lines), "utf-8")
        inbox = InstallationInbox(
            runtime,
            organization=town.organization,
            installation=town.installation,
            workspace=town.workspace,
            plugin="teams",
        )
        async with FakeContext(settings=Settings.model_validate(_settings(issuer))) as context:
            app = web.Application()
            app.router.add_get("/cpu", _cpu)
            for job, chosen in (("memory", Memory()), ("core", inbox)):
                _add(app, job, chosen, context)
            runner = web.AppRunner(app, access_log=None)
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            say(port=runner.addresses[0][1])
            await asyncio.Event().wait()


def _settings(issuer: str) -> Json:
    return {"app_id": APP, "app_secret": "s" * 20, "tenant_id": TENANT, "stand_in": issuer}


async def _cpu(_: web.Request) -> web.Response:
    return web.Response(text=str(time.process_time()))


def _add(app: web.Application, job: str, inbox: InstallationInbox | Memory, context: FakeContext) -> None:
    own = FakeContext(settings=context.settings, _http=context.http)
    own.inbox = inbox
    messages = Messages(own, OutboundSpeech(Outbound(own)))
    adapter = CloudAdapter(ConfigurationBotFrameworkAuthentication(Configuration()))
    handler = Stock(inbox)

    async def stock(request: web.Request) -> web.Response:
        return await adapter.process(request, handler)

    async def bare(request: web.Request) -> web.Response:
        activity = await request.json()
        data = activity["value"]["action"]["data"]
        who = Actor(platform="teams", realm=TENANT, user=activity["from"]["aadObjectId"])
        reply = await inbox.answered(data[cards.TOKEN], who, cards.read_values(data), activity["id"])
        return web.json_response(cards.invoke_reply(reply))

    app.router.add_post(f"/ours/{job}", messages.take)
    app.router.add_post(f"/stock/{job}", stock)
    app.router.add_post(f"/bare/{job}", bare)


async def _answers(runtime: Runtime, town: Town, service_url: str) -> list[str]:
    """Open the round, give everybody an account in Teams, and return an answer of each."""
    assert isinstance(runtime.clock, DrivenClock)
    runtime.clock.set(OPENS)
    async with runtime.database.read() as tx:
        due = (await tx.execute(sa.select(round_table.c.id, round_table.c.step))).all()
    for round_id, step in due:
        await advance(runtime, round_id, step)
    async with runtime.database.read() as tx:
        known = await rounds.recent(tx, town.organization, town.workspace)
    opened = next(one for one in known if one.state == "open")
    users = [str(UUID(int=number + 1)) for number in range(PEOPLE)]
    account = {"organization_id": town.organization, "platform": "teams", "realm": TENANT, "verified": "import"}
    account |= {"reachable": True, "seen_at": BEFORE}
    async with runtime.database.write() as tx:
        rows = [
            {**account, "id": new_id(), "person_id": person, "user": user}
            for person, user in zip(town.persons, users, strict=True)
        ]
        await tx.execute(identity.insert(), rows)
    lines = []
    for person, user in zip(town.persons, users, strict=True):
        ticket = Ticket(town.organization, town.workspace, opened.id, person, "answer")
        lines.append(json.dumps(_activity(user, seal_ticket(runtime.vault, ticket), service_url)))
    return lines


def _activity(user: str, token: str, service_url: str) -> Json:
    data = {cards.TOKEN: token, "scale.going": "4", "long.work": "The quarterly report", "one.mood": "steady"}
    return {
        "type": "invoke",
        "name": "adaptiveCard/action",
        "id": "f:ACTIVITY",
        "timestamp": "2026-11-23T09:10:00.123Z",
        "localTimestamp": "2026-11-23T10:10:00.123+01:00",
        "channelId": "msteams",
        "serviceUrl": service_url,
        "from": {"id": f"29:{user}", "name": "Ana", "aadObjectId": user},
        "recipient": {"id": f"28:{APP}", "name": "Tertulia"},
        "conversation": {"id": f"a:{user}", "conversationType": "personal", "tenantId": TENANT},
        "channelData": {"tenant": {"id": TENANT}, "source": {"name": "message"}, "legacy": {"replyToId": "1:1"}},
        "entities": [{"type": "clientInfo", "locale": "en-GB", "country": "GB", "platform": "Web"}],
        "replyToId": "1700000000000",
        "locale": "en-GB",
        "value": {"action": {"type": "Action.Execute", "verb": "answer", "data": data}, "trigger": "manual"},
    }


if __name__ == "__main__":
    asyncio.run(main())
