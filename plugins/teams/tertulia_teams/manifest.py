"""Write the app package: a manifest of version 1.29 with the least permissions, and its icons."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from tertulia_teams import icons
from tertulia_teams.config import Settings
from tertulia_teams.tab import FRAMES, FRAMES_ELSEWHERE, TAB, resource
from tertulia_teams.texts import phrase

SCHEMA = "https://developer.microsoft.com/en-us/json-schemas/teams/v1.29/MicrosoftTeams.schema.json"
PERMISSIONS = {
    "OnlineMeeting.ReadBasic.Chat": "hear that a meeting which is a place of the program starts and ends",
    "OnlineMeetingParticipant.Read.Chat": "hear who joins and leaves such a meeting",
}
"""Resource-specific consent, granted by the owner of the one chat that adds the app, with what it is for."""
READ_CHANNELS = "ChannelMessage.Read.Group"
"""Asked for only where wanted: with it Teams also sends messages of the team that do not mention the app."""
COMMANDS = {
    "help": "See what Tertulia understands",
    "check-in": "Open the check-in that is running",
    "icebreaker": "Open the icebreaker that is running",
    "kudos": "Thank a colleague: kudos @name and why",
    "snooze": "Get nothing for a while: snooze 3 days",
    "settings": "Choose channel, hours and practices",
    "my data": "See or erase what is held about you",
    "candle": "Ask one person for care, in private",
    "stop": "Not to be invited again",
}
PRIVATE = ("my data", "candle")


@dataclass(frozen=True, kw_only=True)
class App:
    """Hold what the operator says of the app: its version, and the organization's own pages about it."""

    privacy_url: str
    terms_url: str
    version: str = "1.0.0"
    read_channels: bool = False


def package(settings: Settings, public_url: str, app: App) -> bytes:
    """Return the package as a zip file, the same bytes every time."""
    written = json.dumps(manifest(settings, public_url, app), indent=2, ensure_ascii=False)
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in (
            ("manifest.json", written.encode()),
            ("color.png", icons.colour()),
            ("outline.png", icons.outline()),
        ):
            file.writestr(zipfile.ZipInfo(name), content)
    return raw.getvalue()


def manifest(settings: Settings, public_url: str, app: App) -> dict[str, Any]:
    """Return the manifest of the app of one installation, whose routes are below *public_url*."""
    parts = urlsplit(public_url)
    home, host = f"{parts.scheme}://{parts.netloc}", parts.hostname or ""
    names = [*PERMISSIONS, *([READ_CHANNELS] if app.read_channels else [])]
    return {
        "$schema": SCHEMA,
        "manifestVersion": "1.29",
        "version": app.version,
        "id": settings.manifest_id,
        "developer": {
            "name": "Tertulia",
            "websiteUrl": home,
            "privacyUrl": app.privacy_url,
            "termsOfUseUrl": app.terms_url,
        },
        "name": {"short": "Tertulia", "full": "Tertulia: a program for belonging together"},
        "description": {
            "short": "Check-ins, icebreakers and kudos for people who work apart.",
            "full": "Tertulia asks how your day goes, starts conversations and passes thanks on. It says before "
            "every answer what is kept and who sees it; everyone may pass, snooze or stop, see what is held about "
            "them and have it erased.",
        },
        "icons": {"color": "color.png", "outline": "outline.png"},
        "accentColor": icons.ACCENT,
        "defaultInstallScope": "personal",
        "bots": [_bot(settings)],
        "staticTabs": _tabs(settings, public_url, home),
        "webApplicationInfo": {"id": settings.app_id, "resource": resource(settings, public_url)},
        "authorization": {
            "permissions": {"resourceSpecific": [{"name": name, "type": "Application"} for name in names]}
        },
        "validDomains": [host],
    }


def _tabs(settings: Settings, public_url: str, home: str) -> list[dict[str, Any]]:
    chat = {"entityId": "conversations", "scopes": ["personal"]}
    if not FRAMES_ELSEWHERE.get(settings.cloud, FRAMES):
        return [chat]
    page = {"entityId": "page", "name": phrase("mine", "en"), "contentUrl": public_url + TAB}
    return [chat, {**page, "websiteUrl": f"{home}/my", "scopes": ["personal"]}]


def _bot(settings: Settings) -> dict[str, Any]:
    lists = [(["personal"], COMMANDS), (["team", "groupChat"], _shared())]
    return {
        "botId": settings.app_id,
        "scopes": ["personal", "team", "groupChat"],
        "isNotificationOnly": False,
        "supportsFiles": False,
        "supportsCalling": False,
        "supportsVideo": False,
        "commandLists": [
            {"scopes": scopes, "commands": [{"title": title, "description": text} for title, text in known.items()]}
            for scopes, known in lists
        ],
    }


def _shared() -> dict[str, str]:
    """Return the commands for a place with others: what is answered in private is not offered there."""
    return {title: text for title, text in COMMANDS.items() if title not in PRIVATE}
