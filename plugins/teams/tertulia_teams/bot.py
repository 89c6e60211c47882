"""Run a turn through the Bot Framework SDK: all that the plugin has to do with botbuilder is in this module.

The SDK's own adapter and handler run the turn. What they would do before and after (verify tokens, read the body,
build a connector client and a user token client for each turn, write invoke answers) is replaced: that is where the
SDK's faults are, and nearly all of its time. `docs/decisions/0021-successor-sdk.md` says what another SDK changes.
"""

from __future__ import annotations

from typing import NoReturn, Protocol

from botbuilder.core import ActivityHandler, TurnContext
from botbuilder.integration.aiohttp import CloudAdapter
from botbuilder.schema import Activity, ChannelAccount, ConversationAccount
from botframework.connector.auth import (
    AuthenticateRequestResult,
    BotFrameworkAuthentication,
    ClaimsIdentity,
    ConnectorFactory,
)

from tertulia import Json
from tertulia_teams.activities import Incoming

CARD_ACTION = "adaptiveCard/action"


class Turns(Protocol):
    """Do what a turn asks for."""

    async def card_action(self, incoming: Incoming) -> Json:
        """Take an answer given through a card and return the invoke's answer."""
        ...

    async def message(self, incoming: Incoming) -> None:
        """Take a message: a command, an answer from an older client, or somebody's word in a channel."""
        ...

    async def installation(self, incoming: Incoming) -> None:
        """Take that the app was added or removed."""
        ...

    async def conversation(self, incoming: Incoming) -> None:
        """Take that a conversation changed."""
        ...

    async def reaction(self, incoming: Incoming) -> None:
        """Take a reaction."""
        ...

    async def event(self, incoming: Incoming) -> None:
        """Take an event, a meeting's for instance."""
        ...


class Bot:
    """Take verified activities, one turn each."""

    def __init__(self, turns: Turns):
        self._turns = turns
        self._adapter = CloudAdapter(_Verified())

    async def turn(self, incoming: Incoming) -> tuple[int, Json | None]:
        """Run the turn of *incoming*, which was verified, and return the HTTP status and body of its answer."""
        handler = _Handler(self._turns, incoming)
        await self._adapter.process_activity(_admitted(), _activity(incoming), handler.on_turn)
        return handler.status, handler.body


def _activity(incoming: Incoming) -> Activity:
    """Give the SDK what it needs to run a turn; what people wrote and answered stays out of its hands.

    Its own deserialiser, which parses sixty fields for this, would be a third of a turn's time.
    """
    body = incoming.activity
    return Activity(
        type=incoming.kind,
        id=incoming.message,
        name=incoming.name,
        channel_id=str(body.get("channelId") or ""),
        service_url=incoming.origin.service_url,
        conversation=ConversationAccount(id=incoming.origin.conversation),
        from_property=ChannelAccount(id=str(body.get("from", {}).get("id") or "")),
        recipient=ChannelAccount(id=incoming.bot),
    )


def _admitted() -> AuthenticateRequestResult:
    result = AuthenticateRequestResult()
    result.claims_identity = ClaimsIdentity({}, True)
    result.connector_factory = _NoClients()
    result.audience = ""
    return result


class _NoClients(ConnectorFactory):  # type: ignore[misc]  # botbuilder has no types
    """Give the adapter no client: whatever is sent leaves through our own connector."""

    async def create(self, service_url: str, audience: str) -> object:
        return self


class _Verified(BotFrameworkAuthentication):  # type: ignore[misc]  # botbuilder has no types
    """Refuse every other way into the adapter: its turns start after our own verifier, or not at all."""

    async def authenticate_request(self, activity: Activity, auth_header: str) -> NoReturn:
        raise PermissionError

    async def authenticate_streaming_request(self, auth_header: str, channel_id_header: str) -> NoReturn:
        raise PermissionError

    async def authenticate_channel_request(self, auth_header: str) -> NoReturn:
        raise PermissionError

    def create_connector_factory(self, claims_identity: ClaimsIdentity) -> NoReturn:
        raise PermissionError

    def create_bot_framework_client(self) -> NoReturn:
        raise PermissionError

    def get_originating_audience(self) -> str:
        return ""

    async def create_user_token_client(self, claims_identity: ClaimsIdentity) -> None:
        return None


class _Handler(ActivityHandler):  # type: ignore[misc]  # botbuilder has no types
    """Let the SDK's handler choose what an activity is, and hand it on."""

    def __init__(self, turns: Turns, incoming: Incoming):
        super().__init__()
        self._turns, self._incoming = turns, incoming
        self.status = 200
        self.body: Json | None = None

    async def on_message_activity(self, turn_context: TurnContext) -> None:
        await self._turns.message(self._incoming)

    async def on_invoke_activity(self, turn_context: TurnContext) -> None:
        # the answer goes past the SDK, which would copy it in depth and then write it twice
        if self._incoming.name == CARD_ACTION:
            self.body = await self._turns.card_action(self._incoming)
        else:
            self.status, self.body = 400, {"code": "NotSupported", "message": "This bot takes no such call."}

    async def on_installation_update(self, turn_context: TurnContext) -> None:
        await self._turns.installation(self._incoming)

    async def on_conversation_update_activity(self, turn_context: TurnContext) -> None:
        await self._turns.conversation(self._incoming)

    async def on_message_reaction_activity(self, turn_context: TurnContext) -> None:
        await self._turns.reaction(self._incoming)

    async def on_event_activity(self, turn_context: TurnContext) -> None:
        await self._turns.event(self._incoming)
