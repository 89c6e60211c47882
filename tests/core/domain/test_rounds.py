from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from tertulia.domain.rounds import DELIVERY, PURPOSES, ROUND, SESSION, ShardDue, next_step, repeatability

START = datetime(2026, 11, 23, 8, tzinfo=UTC)
HOUR = timedelta(hours=1)


def shard(purpose: str, hours: float, *, started: bool) -> ShardDue:
    at = START + HOUR * hours
    return ShardDue(purpose=purpose, origin=at, due=at, started=started)


def test_an_unstarted_shard_comes_first() -> None:
    step = next_step([shard("invite", 0, started=False)], (), START + 24 * HOUR)
    assert (step.action, step.at) == ("deliver", START)


def test_reminders_follow_each_due_instant_once() -> None:
    shards = [shard("invite", 0, started=True), shard("invite", 3, started=True), shard("remind:1", 4, started=True)]
    step = next_step(shards, (4 * HOUR,), START + 24 * HOUR)
    assert (step.action, step.at) == ("remind", START + 7 * HOUR)


def test_a_reminder_deferred_by_quiet_hours_is_not_planned_again() -> None:
    late = ShardDue(purpose="remind:1", origin=START + 4 * HOUR, due=START + 12 * HOUR, started=False)
    step = next_step([shard("invite", 0, started=True), late], (4 * HOUR,), START + 24 * HOUR)
    assert (step.action, step.at) == ("deliver", START + 12 * HOUR)


def test_a_reminder_after_the_close_is_never_planned() -> None:
    step = next_step([shard("invite", 0, started=True)], (30 * HOUR,), START + 24 * HOUR)
    assert step.action == "close"


@given(
    dues=st.lists(st.integers(0, 40), min_size=1, max_size=6),
    reminders=st.lists(st.integers(1, 30), max_size=3, unique=True),
    open_for=st.integers(1, 50),
)
def test_a_round_always_ends_and_repeats_no_step(dues: list[int], reminders: list[int], open_for: int) -> None:
    """Play the timer of a round: every step happens once, in order, and the last one is the close."""
    closes = START + HOUR * (max(dues) + open_for)
    shards = {("invite", START + HOUR * due): False for due in dues}
    pauses = tuple(HOUR * hours for hours in reminders)
    before = START
    for _ in range(200):
        known = [ShardDue(purpose=p, origin=at, due=at, started=started) for (p, at), started in shards.items()]
        step = next_step(known, pauses, closes)
        assert before <= step.at <= closes
        before = step.at
        if step.action == "close":
            break
        if step.action == "deliver":
            for purpose, at in shards:
                shards[purpose, at] = shards[purpose, at] or at <= step.at
        else:
            for due in set(dues):
                for number, pause in enumerate(pauses, start=1):
                    if START + HOUR * due + pause <= step.at:
                        shards.setdefault((f"remind:{number}", START + HOUR * due + pause), False)
    else:
        raise AssertionError("the round never closed")
    assert all(started for (_, at), started in shards.items() if at < closes)


def test_every_state_reaches_an_end() -> None:
    for machine in (ROUND, DELIVERY, SESSION):
        ends = {state for state, following in machine.items() if not following}
        assert ends
        for state in machine:
            reached, frontier = {state}, [state]
            while frontier:
                following = machine[frontier.pop()] - reached
                reached |= following
                frontier.extend(following)
            assert reached & ends, state


def test_invitations_are_never_repeated() -> None:
    assert repeatability("invite") == "never"
    assert repeatability("remind:2") == "repeat"
    assert set(PURPOSES.values()) == {"never", "repeat"}
