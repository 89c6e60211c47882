"""Rules: each applies where it says, names its evidence, and drafts a program that holds."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from tertulia import rituals
from tertulia.measures.change import change
from tertulia.measures.components import Component
from tertulia.measures.drafts import draft
from tertulia.measures.overview import Standing
from tertulia.measures.recommendations import GRADES, Rule, Signal, applying, rules, snapshot
from tertulia.plugins import Plugins
from tertulia.services import program_document
from tertulia.services.program_plan import differences
from tertulia.surveys.scoring import Estimate

EXAMPLE = (Path(__file__).parents[3] / "docs" / "program.example.toml").read_text(encoding="utf-8")
TODAY = date(2027, 3, 3)  # a Wednesday
COMMON = """\
[[practice]]
key = "round"  # everybody at once
kind = "check-in"
title = "Round"
cadence = { start = "2027-01-04T10:00", rule = "FREQ=DAILY", time = "common", zone = "Europe/Lisbon" }
audience = { worker_types = ["employee"] }
"""
PULSE = """\
message_budget = 3
[[practice]]
key = "pulse"
kind = "pulse"
title = "Pulse"
[practice.cadence]
start = "2027-01-04T10:00"
rule = "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO"
"""
BARE = (
    'message_budget = 3\npractice = [{ key = "a", kind = "check-in", title = "A", '
    'cadence = { start = "2027-01-04T10:00", rule = "FREQ=DAILY" } }]\n'
)


def standing(key: str, before: float, after: float, *, better: str = "higher", wide: float = 2) -> Standing:
    component = Component(
        key=key,
        title=key,
        about="…",
        shown="percent",
        better="higher" if better == "higher" else "lower",
        practical=5,
        formula="x",
    )
    values = [Estimate(one, one - wide, one + wide, 100) for one in (before, after)]
    return Standing(component=component, now=values[1], baseline=values[0], change=change(values[0], values[1]))


def plugins() -> Plugins:
    return Plugins.load(allowed=frozenset(), extra={"rituals": rituals})


def test_every_rule_names_its_evidence_and_sources() -> None:
    assert len(rules()) >= 10
    for rule in rules().values():
        assert rule.evidence in GRADES
        assert all(len(one) > 20 for one in rule.source)
        assert rule.component in {one.component for one in rule.when}
        assert timedelta(weeks=8) <= rule.judge <= timedelta(weeks=52)
    coffee = rules()["cross-team-coffee"]
    assert coffee.evidence == "mixed"  # that virtual water-coolers help is not settled, and must not be told as such
    assert "1,370" in " ".join(coffee.source)
    assert "is not" in coffee.why


@pytest.mark.parametrize("key", sorted(rules()))
@pytest.mark.parametrize("document", [EXAMPLE, COMMON, PULSE, ""], ids=["example", "common", "pulse", "empty"])
def test_every_draft_is_a_program_that_holds(key: str, document: str) -> None:
    kinds, rule = plugins(), rules()[key]
    made = draft(document, rule, today=TODAY, zone="Europe/Lisbon")
    if made is None:
        assert not (rule.add and document == "")
        return
    old = program_document.parse(document, version=1, plugins=kinds) if document else None
    new = program_document.parse(made, version=2, plugins=kinds)
    assert differences(old, new)
    if old is not None:  # nothing is taken out, and what the rule is not about stays
        assert {one.key for one in old.practices} <= {one.key for one in new.practices}


def changed(document: str, key: str) -> set[str]:
    kinds = plugins()
    made = draft(document, rules()[key], today=TODAY, zone="UTC")
    if made is None:
        return set()
    old, new = (program_document.parse(text, version=1, plugins=kinds) for text in (document, made))
    return {f"{one.practice} {one.field} {one.new}" for one in differences(old, new)}


def test_what_a_draft_changes_is_what_was_said() -> None:
    assert changed(COMMON, "rotate-time-zones") == {"round cadence.time local", "round cadence.zone UTC"}
    assert changed(COMMON, "invite-freelancers") == {"round audience.worker_types employee, freelancer"}
    assert changed(PULSE, "fewer-questions") == {
        "pulse cadence.rule FREQ=WEEKLY;INTERVAL=4;BYDAY=MO",
        "pulse options.questions 3",
    }
    assert changed(EXAMPLE, "fewer-questions") == {
        "monthly-pulse options.questions 3",
        "monthly-pulse cadence.rule FREQ=MONTHLY;INTERVAL=2;BYDAY=1MO",
        "quarterly-engagement options.questions 3",
        "quarterly-engagement cadence.rule FREQ=MONTHLY;INTERVAL=6;BYDAY=3MO",
    }
    (wishes,) = changed(EXAMPLE, "cross-team-coffee")
    assert '"team": 0.4' in wishes
    assert changed(EXAMPLE, "offsite") == set()  # a gathering is planned already
    assert changed(EXAMPLE, "say-what-is-done") == set()


def test_a_draft_keeps_comments_and_dates_are_ahead() -> None:
    made = draft(COMMON, rules()["offsite"], today=TODAY, zone="Europe/Lisbon")
    assert made is not None
    assert "# everybody at once" in made
    added = tomllib.loads(made)["practice"][1]
    assert added["cadence"]["start"] == "2027-03-15T10:00"
    assert added["options"]["dates"] == ["2027-06-07T10:00", "2027-06-14T10:00"]
    again = draft(COMMON.replace('"round"', '"meet-newcomers"'), rules()["meet-newcomers"], today=TODAY, zone="UTC")
    assert 'key = "meet-newcomers-2"' in (again or "")
    assert draft(BARE, rules()["offsite"], today=TODAY, zone="UTC") is None


def test_a_rule_applies_where_its_component_stands_so() -> None:
    worse = standing("cross_team", 60, 50)
    assert [rule.key for rule, _ in applying([worse])] == ["cross-team-coffee", "offsite"]
    assert applying([standing("cross_team", 50, 60), standing("cross_team", 50, 49)]) == []
    assert applying([replace(worse, now=None)]) == []
    fair, unfair = standing("time_zones", 20, 28, better="lower"), standing("time_zones", 40, 40, better="lower")
    assert [rule.key for rule, _ in applying([fair])] == ["rotate-time-zones"]  # worse, though not by itself high
    assert [rule.key for rule, _ in applying([unfair])] == ["rotate-time-zones"]  # high, though no worse
    assert applying([standing("time_zones", 31, 31, better="lower")]) == []  # its interval holds 30


def test_a_signal_needs_the_whole_interval() -> None:
    below = Signal(component="reach", below=50)
    assert below.seen(standing("reach", 40, 47))
    assert not below.seen(standing("reach", 40, 49))


def test_what_is_remembered_are_published_figures_alone() -> None:
    kept = snapshot(standing("reach", 60, 40))
    assert kept["status"] == "worsened"
    assert kept["now"] == {"value": 40, "low": 38, "high": 42, "n": 100}
    assert set(kept) == {"component", "quarter", "status", "now", "baseline", "change"}
    assert Rule.model_validate(
        {
            "key": "a",
            "component": "b",
            "when": [{"component": "b", "below": 1}],
            "seen": "c",
            "try": "d",
            "evidence": "practice",
            "why": "e",
            "source": ["f"],
            "judge": "13w",
            "stop": "g",
        }
    ).judge == timedelta(weeks=13)
