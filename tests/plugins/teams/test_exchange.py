"""What Microsoft writes is read, or left, whatever it is."""

from __future__ import annotations

import contextlib
import urllib.parse
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tertulia import OutcomeUnknown
from tertulia_teams.exchange import Exchanged, retry_after
from tertulia_teams.reach import organizer_of
from tertulia_teams.references import Reference, place_of


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("7", timedelta(seconds=7)),
        ("0.5", timedelta(seconds=0.5)),
        ("-3", timedelta(0)),
        ("Tue, 01 Jan 2030 12:00:00 GMT", datetime(2030, 1, 1, 12, tzinfo=UTC)),
        ("2030-01-01T12:00:00Z", datetime(2030, 1, 1, 12, tzinfo=UTC)),
        ("2030-01-01T12:00:00", datetime(2030, 1, 1, 12, tzinfo=UTC)),
        ("soon", None),
        ("nan", None),
        ("inf", None),
        (None, None),
    ],
)
def test_retry_after_is_read_in_every_form(text: str | None, meant: timedelta | datetime | None) -> None:
    assert retry_after(text) == meant


@given(st.text() | st.integers().map(str) | st.floats().map(str) | st.datetimes().map(str))
def test_an_odd_retry_after_is_none(text: str) -> None:
    known = retry_after(text)
    assert known is None or isinstance(known, timedelta) or known.tzinfo is not None


@given(st.binary())
def test_an_odd_body_is_an_unknown_outcome(body: bytes) -> None:
    with contextlib.suppress(OutcomeUnknown):
        assert isinstance(Exchanged(200, None, body).json(), dict)


@given(st.text())
def test_an_odd_meeting_address_names_nobody(text: str) -> None:
    for address in (text, f"https://teams.microsoft.com/l/meetup-join/x?context={urllib.parse.quote(text)}"):
        known = organizer_of(address)
        assert known is None or isinstance(known, str)


def test_a_reference_is_read_back() -> None:
    known = Reference(service_url="https://x/", conversation="19:a@thread.tacv2;messageid=1", activity="2", user="u")
    assert Reference.parse(str(known)) == known
    assert known.thread().conversation == "19:a@thread.tacv2;messageid=2"
    for odd in ("", "|||", "a|b", "a|b|c|d|e"):
        with pytest.raises(ValueError):
            Reference.parse(odd)


@pytest.mark.parametrize(
    ("conversation", "kind"),
    [
        ({"id": "a:1", "conversationType": "personal"}, None),
        ({"id": "19:a@thread.tacv2;messageid=1", "conversationType": "channel"}, "channel"),
        ({"id": "19:meeting_x@thread.v2", "conversationType": "groupChat"}, "meeting"),
        ({"id": "19:x@thread.v2", "conversationType": "groupChat"}, "chat"),
    ],
)
def test_a_conversation_is_a_place_or_none(conversation: dict[str, str], kind: str | None) -> None:
    place = place_of({"conversation": conversation})
    assert (place.kind if place else None) == kind
    assert place is None or ";" not in place.ref
