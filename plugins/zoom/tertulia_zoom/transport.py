"""Let zoomus send its requests our way: a token of ours, a deadline, no redirects, no proxy, and checked paths.

zoomus 1.2.1 by itself fetches its token without a time-out and goes on without one, keeps the client secret in its
configuration, follows redirects, lets a `.netrc` replace the token, puts ids unescaped into paths and repeats them
in queries and bodies. Its components only build requests here; `Transport` sends them.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from typing import Any

import requests
from zoomus.components.meeting import MeetingComponentV2
from zoomus.components.past_meeting import PastMeetingComponentV2
from zoomus.components.report import ReportComponentV2
from zoomus.components.user import UserComponentV2
from zoomus.util import API_VERSION_2

from tertulia_zoom.answers import LARGEST, Answer

CHUNK = 65_536
ENDPOINT = re.compile(r"(?:/[A-Za-z0-9_@.+=%-]+)+")
IDS = frozenset({"id", "user_id", "meeting_id"})
"""What zoomus repeats beside the path, where no description knows it."""


class Lost(Exception):
    """Tell that no whole answer came; *sent* is false where the request cannot have arrived."""

    def __init__(self, *, sent: bool):
        super().__init__("no answer")
        self.sent = sent


class Transport:
    """Send the requests of a zoomus component, each with a deadline for all of it."""

    base_uri: str
    config: Mapping[str, Any]

    def get_request(self, endpoint: str, params: Any = None, headers: Any = None) -> Answer:
        """Send GET."""
        return self._send("GET", endpoint, params, None)

    def post_request(
        self, endpoint: str, params: Any = None, data: Any = None, headers: Any = None, cookies: Any = None
    ) -> Answer:
        """Send POST."""
        return self._send("POST", endpoint, params, data)

    def patch_request(
        self, endpoint: str, params: Any = None, data: Any = None, headers: Any = None, cookies: Any = None
    ) -> Answer:
        """Send PATCH."""
        return self._send("PATCH", endpoint, params, data)

    def put_request(
        self, endpoint: str, params: Any = None, data: Any = None, headers: Any = None, cookies: Any = None
    ) -> Answer:
        """Send PUT."""
        return self._send("PUT", endpoint, params, data)

    def delete_request(
        self, endpoint: str, params: Any = None, data: Any = None, headers: Any = None, cookies: Any = None
    ) -> Answer:
        """Send DELETE."""
        return self._send("DELETE", endpoint, params, data)

    def _send(self, method: str, endpoint: str, params: Any, data: Any) -> Answer:
        if not ENDPOINT.fullmatch(endpoint) or any(not part.strip(".") for part in endpoint.split("/")[1:]):
            raise ValueError("zoomus made a path that no operation has")
        deadline = time.monotonic() + self.config["seconds"]
        headers = {"Authorization": f"Bearer {self.config['token']}"}
        body = None
        if data is not None:
            headers["Content-Type"] = "application/json"
            body = json.dumps(_without_ids(data), ensure_ascii=False).encode()
        with requests.Session() as session:
            session.trust_env = False  # no proxy and no .netrc of the machine
            try:
                with session.request(
                    method,
                    self.base_uri + endpoint,
                    params=_without_ids(params or {}),
                    data=body,
                    headers=headers,
                    timeout=(min(10.0, self.config["seconds"]), self.config["seconds"]),
                    allow_redirects=False,
                    stream=True,
                ) as response:
                    return _read(response, deadline)
            except requests.exceptions.ConnectTimeout:
                raise Lost(sent=False) from None
            except requests.exceptions.ConnectionError as error:
                raise Lost(sent="NewConnectionError" not in repr(error)) from None
            except (requests.exceptions.RequestException, OSError):
                raise Lost(sent=True) from None


class Users(Transport, UserComponentV2):  # type: ignore[misc]  # zoomus has no types
    """Build requests about users."""


class Meetings(Transport, MeetingComponentV2):  # type: ignore[misc]  # zoomus has no types
    """Build requests about meetings to come."""


class PastMeetings(Transport, PastMeetingComponentV2):  # type: ignore[misc]  # zoomus has no types
    """Build requests about meetings that were."""


class Reports(Transport, ReportComponentV2):  # type: ignore[misc]  # zoomus has no types
    """Build requests about reports."""


def configuration(token: str, seconds: float) -> dict[str, object]:
    """Return what a component needs to know: no id and no secret of the app is among it."""
    return {"version": API_VERSION_2, "data_type": "json", "token": token, "seconds": seconds}


def _without_ids(given: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in given.items() if name not in IDS}


def _read(response: requests.Response, deadline: float) -> Answer:
    """Read the body piece by piece, so that one that drips ends at the deadline."""
    raw = bytearray()
    while piece := response.raw.read1(CHUNK, decode_content=True):
        raw += piece
        if len(raw) > LARGEST or time.monotonic() > deadline:
            raise Lost(sent=True)
    headers = {str(name).lower(): str(value) for name, value in response.headers.items()}
    return Answer(int(response.status_code), headers, bytes(raw))
