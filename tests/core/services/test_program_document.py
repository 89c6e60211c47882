"""Program documents: what a good one means, and what every bad one is told."""

from __future__ import annotations

import tomllib
from datetime import timedelta
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, model_validator

from tertulia.domain.people import Place
from tertulia.domain.programs import Audience, Cadence, Moment
from tertulia.domain.prompts import Privacy
from tertulia.errors import Mistake
from tertulia.plugins import Plugins
from tertulia.services.program_document import Kind, ProgramMistake, parse
from tertulia.services.program_tables import parse_duration, show_duration

EXAMPLE = Path(__file__).parents[3] / "docs" / "program.example.toml"
GOOD = """\
[[practice]]
key = "check-in"
kind = "check-in"
title = "How is it going?"
cadence = { rule = "FREQ=DAILY", start = "2027-01-04T09:30" }
"""


class Question(BaseModel):
    model_config = ConfigDict(extra="forbid")
    text: str
    warmth: Literal["light", "deep"] = "light"


class Options(BaseModel):
    model_config = ConfigDict(extra="forbid")
    digest: bool = True
    questions: list[Question] = []


class CheckIn:
    """A kind with options."""

    privacy: Privacy = "named"

    @property
    def options(self) -> type[BaseModel]:
        return Options


class Broken:
    """A kind whose model has a fault of its own."""

    privacy: Privacy = "named"

    @property
    def options(self) -> type[BaseModel]:
        class Model(BaseModel):
            @model_validator(mode="before")
            @classmethod
            def check(cls, data: object) -> object:
                raise KeyError("secret")

        return Model


class Kinds:
    """Two kinds of the same options, and one that fails."""

    def ritual(self, kind: str) -> Kind:
        if kind == "broken":
            return Broken()
        if kind not in {"check-in", "icebreaker"}:
            raise Mistake(f'There is no kind "{kind}"; known are check-in, icebreaker.')
        return CheckIn()


def faults(text: str) -> list[tuple[int, str, str]]:
    """Return what is wrong with *text*."""
    with pytest.raises(ProgramMistake) as refused:
        parse(text, version=1, plugins=Kinds())
    found = [(fault.line, fault.key, fault.sentence) for fault in refused.value.errors]
    assert str(refused.value).splitlines() == [f"Line {line}, {key}: {said}" for line, key, said in found]
    return found


def fault(text: str) -> tuple[int, str, str]:
    """Return the only thing that is wrong with *text*."""
    (only,) = faults(text)
    return only


def test_the_example_in_the_documentation_is_a_program() -> None:
    program = parse(EXAMPLE.read_text(), version=3, plugins=Plugins.load(allowed=frozenset()))
    assert program.version == 3
    assert program.message_budget == 10
    named = {one.key: one for one in program.practices}
    daily, weekly, monthly = (named[key] for key in ("morning-check-in", "weekly-icebreaker", "monthly-pulse"))
    quarterly, newcomers = named["quarterly-engagement"], named["first-week"]
    coffee, retreat = named["coffee"], named["spring-retreat"]
    assert daily.kind == "check-in"
    assert daily.cadence == Cadence(rule="FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR", start="2027-01-11T09:30:00")
    assert (daily.ask, daily.open_for, daily.reminders) == ("each", timedelta(hours=10), (timedelta(hours=3),))
    assert weekly.audience == Audience(worker_types=("employee", "freelancer"), languages=("en", "de"))
    assert (daily.options["ask"], weekly.options["warmth"]) == ("both", 2)
    assert weekly.cadence.zone == "Europe/Berlin"
    assert weekly.places == (
        Place(platform="teams", ref="19:general@thread.tacv2", kind="channel"),
        Place(platform="zoom", ref="weekly", kind="meeting"),
    )

    assert {one.kind for one in (monthly, quarterly, newcomers)} == {"pulse"}
    assert newcomers.moment == Moment("joined", timedelta(days=7))
    assert (monthly.moment, newcomers.open_for) == (None, timedelta(weeks=13))
    assert [(one.kind, one.join) for one in (coffee, retreat)] == [("cafe", "opt-in"), ("gathering", "all")]
    assert {"kudos", "discussion"} <= {one.kind for one in program.practices}


def test_only_a_survey_is_asked_at_a_moment_of_each_persons_own() -> None:
    text = EXAMPLE.read_text()
    moment = '[practice.moment]\nevent = "joined"\nafter = "7d"\n'
    plugins = Plugins.load(allowed=frozenset())
    with pytest.raises(ProgramMistake, match="only a survey is asked at a moment"):
        parse(
            text.replace(moment, "").replace("[practice.options]", moment + "[practice.options]", 1),
            version=1,
            plugins=plugins,
        )
    with pytest.raises(ProgramMistake, match="event"):
        parse(text.replace('event = "joined"', 'event = "promoted"'), version=1, plugins=plugins)


def test_a_small_document_gets_the_defaults() -> None:
    (practice,) = parse(GOOD, version=1, plugins=Kinds()).practices
    assert practice.audience == Audience()
    assert practice.open_for == timedelta(hours=24)
    assert (practice.places, practice.reminders, practice.options) == ((), (), {})


def test_a_common_time_without_a_zone_means_the_workspaces() -> None:
    text = GOOD.replace("start =", 'time = "common", start =')
    assert parse(text, version=1, zone="Asia/Tokyo").practices[0].cadence.zone == "Asia/Tokyo"


def test_options_are_kept_as_written_and_dates_become_text() -> None:
    text = GOOD + "options = { day = 2027-01-04, nested = [{ at = 09:30:00 }] }\n"
    assert parse(text, version=1).practices[0].options == {"day": "2027-01-04", "nested": [{"at": "09:30:00"}]}


def test_a_byte_order_mark_and_windows_lines_are_accepted() -> None:
    assert parse("\ufeff" + GOOD.replace("\n", "\r\n"), version=1).practice("check-in")


def test_no_practice_must_be_said_on_purpose() -> None:
    assert parse("practice = []", version=1).practices == ()
    assert fault("message_budget = 5") == (1, "practice", "practice is missing; add it.")


def test_a_syntax_error_names_line_and_column() -> None:
    with pytest.raises(ProgramMistake, match=r"^Line 2, column 7: This is not TOML: ") as refused:
        parse("message_budget = 5\nkey = = 3", version=1)
    assert [fault.line for fault in refused.value.errors] == [2]
    with pytest.raises(ProgramMistake, match=r"^Line 3, the end: "):
        parse("\n\nkey = ", version=1)


@pytest.mark.parametrize("text", ["a = " + "[" * 5000 + "]" * 5000, "#" * 300_000])
def test_a_document_beyond_reason_is_refused(text: str) -> None:
    with pytest.raises(ProgramMistake, match=r"^Line 1: The document is"):
        parse(text, version=1)


@pytest.mark.parametrize(
    ("old", "new", "line", "key", "said"),
    [
        ('title = "', 'titel = "', 4, 'practice "check-in" titel', '"titel" is unknown; did you mean "title"?'),
        ('kind = "check-in"', 'kind = "chekin"', 3, 'practice "check-in" kind', "known are check-in, icebreaker"),
        ('key = "check-in"', 'key = "Check In"', 2, 'practice "Check In" key', "lower-case letters"),
        ('key = "check-in"', "key = 5", 2, "practice 1 key", "should be a valid string, but it is 5"),
        ('title = "How is it going?"', 'title = ""', 4, 'practice "check-in" title', "at least 1 character"),
        ("FREQ=DAILY", "FREQ=HOURLY", 5, 'practice "check-in" cadence.rule', "FREQ=HOURLY"),
        ("FREQ=DAILY", "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30", 5, 'practice "check-in" cadence.rule', "never occurs"),
        ("09:30", "25:30", 5, 'practice "check-in" cadence.start', "is no date and time"),
        ("start =", "zone = 'Europe/Berlin', start =", 5, 'practice "check-in" cadence.zone', "no effect on local"),
        ("start =", "time = 'comon', start =", 5, 'practice "check-in" cadence.time', 'did you mean "common"?'),
        (
            "start =",
            "time = 'common', zone = 'Europe/Berln', start =",
            5,
            'practice "check-in" cadence.zone',
            'did you mean "Europe/Berlin"?',
        ),
    ],
)
def test_one_wrong_value_gets_one_sentence(old: str, new: str, line: int, key: str, said: str) -> None:
    found = [each for each in faults(GOOD.replace(old, new)) if "missing" not in each[2]]
    assert [each[:2] for each in found] == [(line, key)]
    assert said in found[0][2]


@pytest.mark.parametrize(
    ("more", "key", "said"),
    [
        ('open_for = "soon"', "open_for", "'soon' is no duration"),
        ('open_for = ""', "open_for", "is no duration"),
        ("open_for = 24", "open_for", "24 is no duration"),
        ('open_for = "1000d"', "open_for", "is no duration"),
        ('open_for = "200d"', "open_for", "outside the limits"),
        ('reminders = ["1d"]', "reminders", 'The reminder after "1d" comes when the round has closed'),
        ('reminders = ["4h", "2h"]', "reminders", "not in order"),
        ('reminders = ["2h", "2h"]', "reminders", "not in order"),
        ('reminders = "2h"', "reminders", "should be a valid list"),
        ('reminders = ["2h", "x"]', "reminders[2]", "'x' is no duration"),
        ('ask = "place"', "ask", 'ask = "place" needs places'),
        ('ask = "all"', "ask", "write one of each, place, both"),
        ('places = ["general"]', "places[1]", '"general" is no place'),
        ('places = [{ platform = "teams" }]', "places[1].ref", "ref is missing"),
        (
            'places = [{ platform = "teams", ref = "a", kind = "chanel" }]',
            "places[1].kind",
            'did you mean "channel"?',
        ),
        ('audience = { team = ["a"] }', "audience.team", 'did you mean "teams"?'),
        ('audience = { worker_types = ["employe"] }', "audience.worker_types[1]", 'did you mean "employee"?'),
        ('audience = { teams = [""] }', "audience.teams[1]", "at least 1 character"),
        ("options = { digst = true }", "options.digst", 'did you mean "digest"?'),
        ("options = { questions = [{ text = 'a', warm = 1 }] }", "options.questions[1].warm", 'mean "warmth"?'),
        ("options = { questions = [{ }] }", "options.questions[1].text", "text is missing"),
        ("options = 5", "options", "should be a valid dictionary"),
    ],
)
def test_one_wrong_addition_gets_one_sentence(more: str, key: str, said: str) -> None:
    line, where, sentence = fault(f"{GOOD}# more\n{more}\n")
    assert (line, where) == (7, f'practice "check-in" {key}')
    assert said in sentence


@pytest.mark.parametrize("value", ["nan", "-inf", '"a\\u0000b"', "[{ x = inf }]", '{ "\\u0000" = 1 }'])
def test_what_no_database_can_keep_is_refused(value: str) -> None:
    text = f"{GOOD}options.x = {value}\n"
    with pytest.raises(ProgramMistake, match=r'^Line 6, practice "check-in" options.x'):
        parse(text, version=1)


def test_what_is_missing_is_named_at_its_table() -> None:
    assert [(line, key) for line, key, _ in faults("\n[[practice]]\n[practice.cadence]\n")] == [
        (2, "practice 1 key"),
        (2, "practice 1 kind"),
        (2, "practice 1 title"),
        (3, "practice 1 cadence.rule"),
        (3, "practice 1 cadence.start"),
    ]


def test_a_key_used_twice_is_refused_at_the_second() -> None:
    line, key, said = fault(GOOD + GOOD)
    assert (line, key) == (7, 'practice "check-in" key')
    assert 'practice 1 has the key "check-in" already' in said


def test_a_kind_that_fails_harms_nobody_else() -> None:
    line, key, said = fault(GOOD.replace('kind = "check-in"', 'kind = "broken"'))
    assert (line, key) == (1, 'practice "check-in" options')
    assert said == "the kind broken failed to check its options (KeyError); tell its author."


def test_all_faults_are_told_at_once_in_the_order_of_the_document() -> None:
    first = GOOD.replace("FREQ=DAILY", "FREQ=HOURLY") + 'open_for = "x"\n'
    second = GOOD.replace('"check-in"', '"other"', 1).replace('kind = "check-in"', 'kind = "quiz"') + "colour = 1\n"
    found = faults("message_budget = 500\nbudget = 1\n" + first + second)
    assert [(line, key) for line, key, _ in found] == [
        (1, "message_budget"),
        (2, "budget"),
        (7, 'practice "check-in" cadence.rule'),
        (8, 'practice "check-in" open_for'),
        (11, 'practice "other" kind'),
        (14, 'practice "other" colour'),
    ]


@pytest.mark.parametrize("text", ["practice = 5", "practice = [5]", "practice = { key = 1 }", "[practice]\nkey = 1"])
def test_practices_of_another_shape_are_refused(text: str) -> None:
    assert all(key.startswith("practice") for _, key, _ in faults(text))


def test_a_long_value_is_shown_in_short() -> None:
    assert len(fault(f"message_budget = '{'x' * 5000}'\npractice = []")[2]) < 200


@given(st.integers(1, 92 * 1440).map(lambda minutes: timedelta(minutes=minutes)))
def test_durations_are_read_as_they_are_shown(duration: timedelta) -> None:
    assert parse_duration(show_duration(duration)) == duration


@given(st.text(max_size=200))
def test_any_text_is_a_program_or_a_mistake(text: str) -> None:
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        with pytest.raises(ProgramMistake):
            parse(text, version=1)
    else:
        with pytest.raises(ProgramMistake, match="practice is missing"):
            parse(text, version=1)


LINES = (
    "[[practice]]",
    "[practice]",
    "[practice.cadence]",
    "[practice.audience]",
    "[[practice.places]]",
    "[[practice.options.questions]]",
    'key = "a"',
    'key = "b"',
    'kind = "check-in"',
    'kind = ["x"]',
    'title = "Title"',
    'title = "two\\nlines"',
    'start = "two\\nlines"',
    'kind = "two\\u2028lines"',
    '"two\\nlines" = 1',
    'rule = "FREQ=DAILY"',
    'rule = "FREQ=DAILY;COUNT=0"',
    'start = "2027-01-04T09:30"',
    "start = 2027-01-04",
    "cadence.rule = 7",
    'cadence = { rule = "FREQ=WEEKLY", start = 2027-01-04T09:30:00 }',
    'open_for = "2d"',
    'reminders = ["4h", 5]',
    'places = ["teams:a", {}, 5]',
    "audience = []",
    'teams = ["Design", ""]',
    "options.questions = [[1], 2]",
    'text = "x"',
    "message_budget = true",
    '"odd key" = nan',
    "practice = [1, { key = 2 }]",
)


@given(st.lists(st.sampled_from(LINES), max_size=14))
def test_any_arrangement_of_lines_is_a_program_or_told_at_its_lines(drawn: list[str]) -> None:
    try:
        parse("\n".join(drawn), version=1, plugins=Kinds())
    except ProgramMistake as mistake:
        told = mistake.errors
    else:
        return
    assert told
    assert all(1 <= fault.line <= max(1, len(drawn)) for fault in told)
    assert all(fault.sentence.endswith((".", "?")) for fault in told)
    assert len("\n".join(map(str, told)).splitlines()) == len(told)
