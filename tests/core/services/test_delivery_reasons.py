"""Every reason that the service writes down has a sentence and a cure; what it does not know it says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import tertulia
from tertulia.services.delivery_reasons import ALONE, NEVER_AGAIN, ROUNDS, explain, explain_round

CORE = Path(tertulia.__file__).parent


def test_what_goes_its_way_is_not_explained() -> None:
    assert explain("invite", "sent", None) is None
    assert explain("invite", "planned", None) is None
    # a single reason could tell who opted out
    assert explain("invite", "skipped", "opted out") is None


@pytest.mark.parametrize(
    ("reason", "what", "cure"),
    [
        ("the plugin was disabled", "was disabled", "page Plugins"),
        ("unreachable: blocked or gone", "blocked or gone.", "another way"),
        ("gave up after 8 attempts: busy", "in 8 attempts: busy.", "send it again"),
        ("a flood", "“a flood”", "Send it again"),
        (None, "no reason was kept", "Send it again"),
    ],
)
def test_a_failure_has_a_cure(reason: str | None, what: str, cure: str) -> None:
    found = explain("invite", "failed", reason)
    assert found is not None
    assert what in found.what
    assert cure in found.cure
    assert found.personal is (reason == "unreachable: blocked or gone")


def test_a_place_that_refuses_is_no_person() -> None:
    found = explain("post", "failed", "unreachable: a question for one person is never put on a board")
    assert found is not None
    assert found.what.startswith("The platform refuses it there: a question")
    assert "practice's places" in found.cure
    assert not found.personal


def test_what_is_unclear_is_never_sent_again_where_it_could_arrive_twice() -> None:
    for reason in ("the worker stopped while sending", "restored from a backup", "it did not answer within 30 s", ""):
        found = explain("invite", "ambiguous", reason)
        assert found is not None
        assert found.cure == NEVER_AGAIN
        assert "may have arrived" in found.what or "nobody knows whether it arrived" in found.what
    reminder = explain("remind:1", "ambiguous", "reset")
    assert reminder is not None
    assert reminder.cure == ALONE


def test_what_waits_for_somebody_says_for_whom() -> None:
    found = explain("invite", "planned", "for the operator: check app_id")
    assert found is not None
    assert "check app_id." in found.what
    busy = explain("invite", "planned", "the rate limit is used up")
    assert busy is not None
    assert busy.cure == ALONE


def test_every_reason_in_the_code_for_a_cancelled_round_has_a_sentence() -> None:
    source = "\n".join(path.read_text() for path in (CORE / "services").glob("*.py"))
    written = set(re.findall(r'"cancelled", reason="([^"]+)"', source))
    assert {"missed: the service did not run", "taken back"} <= written <= set(ROUNDS)
    assert explain_round("somebody said so") == "Somebody said so."
    assert explain_round(None) == "No reason was kept."
