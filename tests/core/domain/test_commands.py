"""The command grammar."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tertulia.domain.commands import ALIASES, UNKNOWN, Parsed, parse_command
from tertulia.domain.people import Actor

ANA = Actor(platform="teams", realm="r", user="ana")
BO = Actor(platform="teams", realm="r", user="bo")
BOT = Actor(platform="teams", realm="r", user="bot")
MENTIONS = {"@ana": ANA, "<at>Bo Müller</at>": BO, "<at>Tertulia</at>": BOT}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("help", Parsed(name="help")),
        ("", Parsed(name="help")),
        ("?", Parsed(name="help")),
        ("@Tertulia: HELP!", Parsed(name="help")),
        ("/tertulia", Parsed(name="help")),
        ("/Tertulia check-in", Parsed(name="check-in")),
        ("<at>Tertulia</at> check in please", Parsed(name="check-in")),
        ("<at>Tertulia</at>  Checkin", Parsed(name="check-in")),
        ("Check‑In", Parsed(name="check-in")),
        ("check-in", Parsed(name="check-in")),
        ("\u200bice\u00a0breaker\u200f", Parsed(name="icebreaker")),
        ("Icebréaker", Parsed(name="icebreaker")),
        ("my data", Parsed(name="my data")),
        ("MyData", Parsed(name="my data")),
        ("candle", Parsed(name="candle")),
        ("/candle in the wind", Parsed(name="candle")),
        ("preferences", Parsed(name="settings")),
        ("snooze", Parsed(name="snooze")),
        ("snooze 3 days", Parsed(name="snooze", args=("3",))),
        ("snooze for 2 weeks.", Parsed(name="snooze", args=("14",))),
        ("pause ３d", Parsed(name="snooze", args=("3",))),
        ("snooze until 2026-12-24", Parsed(name="snooze", args=("2026-12-24",))),
        ("snooze “5”", Parsed(name="snooze", args=("5",))),
        ("snooze till pigs fly", Parsed(name="snooze", args=("till pigs fly",))),
        ("stop", Parsed(name="stop")),
        ("stop “Monday check-in”", Parsed(name="stop", args=("Monday check-in",))),
        ("opt out icebreaker", Parsed(name="stop", args=("icebreaker",))),
        ("link 1234 5678", Parsed(name="link", args=("12345678",))),
        ("link", Parsed(name="link")),
        ("kudos @ana", Parsed(name="kudos", args=(ANA,))),
        ("kudos @ANA for the demo", Parsed(name="kudos", args=(ANA, "for the demo"))),
        (
            "kudos @ana, <at>Bo Müller</at> and @ana “great demo”",
            Parsed(name="kudos", args=(ANA, BO, "great demo")),
        ),
        ("thank you @ana you helped <at>Bo Müller</at> a lot", None),
        ("kudos @anabel nice", Parsed(name="kudos", args=("@anabel nice",))),
        ("icebraker", Parsed(name=UNKNOWN, args=("icebreaker",))),
        ("chek in", Parsed(name=UNKNOWN, args=("check-in",))),
        ("what is the weather", Parsed(name=UNKNOWN)),
        ("@ana", Parsed(name="help")),
        ("…", Parsed(name="help")),
    ],
)
def test_commands(text: str, expected: Parsed | None) -> None:
    parsed = parse_command(text, MENTIONS)
    if expected is None:
        expected = Parsed(name="kudos", args=(ANA, BO, "you helped <at>Bo Müller</at> a lot"))
    assert parsed == expected


def test_a_bot_may_have_another_name() -> None:
    assert parse_command("Circle, stop", {}, names=("circle",)) == Parsed(name="stop")


@given(st.text(max_size=200), st.dictionaries(st.text(max_size=10), st.just(ANA), max_size=3))
def test_any_text_gives_a_command_of_the_grammar(text: str, mentions: dict[str, Actor]) -> None:
    parsed = parse_command(text, mentions)
    assert parsed.name in {*ALIASES, UNKNOWN}
    assert all(isinstance(arg, str | Actor) for arg in parsed.args)


@given(
    st.sampled_from([word for name, others in ALIASES.items() for word in (name, *others)]),
    st.sampled_from(["", "@tertulia ", "/tertulia ", "Tertulia: ", " \u200e"]),
    st.sampled_from([str.upper, str.lower, str.title]),
)
def test_every_wording_is_known_however_it_is_addressed(word: str, address: str, case: object) -> None:
    assert callable(case)
    assert parse_command(address + case(word), None).name == next(
        name for name, others in ALIASES.items() if word in (name, *others)
    )


def test_a_long_text_of_hostile_repetition_is_read_quickly() -> None:
    parse_command("kudos " + "@ana, " * 5000 + " and" * 5000, MENTIONS)
    parse_command(" ,;&and" * 20000, {"@" * 50: ANA})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("join coffee", Parsed(name="join", args=("coffee",))),
        ("Count me in", Parsed(name="join")),
        ("sign up “Coffee with a colleague”", Parsed(name="join", args=("Coffee with a colleague",))),
        ("leave Coffee", Parsed(name="leave", args=("Coffee",))),
        ("count me out", Parsed(name="leave")),
        ("Breathe!", Parsed(name="breathe")),
        ("take a breath", Parsed(name="breathe")),
    ],
)
def test_practices_are_joined_and_left(text: str, expected: Parsed) -> None:
    assert parse_command(text) == expected
