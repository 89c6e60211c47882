"""Say for people why a delivery waits, failed or is of unknown outcome, and what can be done about it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tertulia.domain.rounds import repeatability

SHARED = frozenset({"post", "gather", "summary"})
"""The purposes that are shown to several at once."""
ALONE = "Nothing to do: it goes on by itself."
NEVER_AGAIN = (
    "Nothing is sent again: where the first one did arrive, it would arrive twice. The reminder is the second chance."
)


@dataclass(frozen=True, kw_only=True)
class Explained:
    """Hold what happened, in *what*, and what to do, in *cure*.

    *personal* is whether the reason lies with single people; *installation* whether it concerns all that goes by a
    platform, so that naming the platform tells of nobody.
    """

    what: str
    cure: str
    personal: bool = False
    installation: bool = False


REPLACED = "sent anew by another message"
"""Of a reminder that failed, where the same person is sent another message of the round instead."""
UNREACHABLE = Explained(
    what="Some accounts cannot be written to: the app was taken away there, or the account is gone.",
    cure="Sending again takes another way where a person has one. Otherwise the next round does so by itself.",
    personal=True,
)


def explain(purpose: str, state: str, reason: str | None) -> Explained | None:
    """Explain why a delivery of *purpose* is in *state*; `None` of what was sent or simply waits its turn.

    What is skipped is not explained one by one: a single reason could tell who opted out.
    """
    said = reason or ""
    match state:
        case "planned":
            return _waits(said) if said else None
        case "failed":
            refused = _refused(said) if purpose.partition(":")[0] in SHARED else None
            return refused or _by(FAILED, said) or _unknown(said)
        case "ambiguous":
            return _uncertain(purpose, said)
    return None


def _waits(said: str) -> Explained:
    return _by(WAITS, said) or Explained(what=f"The platform puts it off: {_sentence(said)}", cure=ALONE)


def _uncertain(purpose: str, said: str) -> Explained:
    cure = NEVER_AGAIN if repeatability(purpose) == "never" else ALONE
    if said == "the worker stopped while sending":
        what = "The service stopped at the very moment of sending; nobody knows whether it arrived."
    elif said == "restored from a backup":
        what = "The service was restored from a backup made while this was being sent; it may have arrived."
    else:
        told = f" ({said.rstrip('.')})" if said else ""
        what = f"The platform gave no clear answer{told}; nobody knows whether it arrived."
    return Explained(what=what, cure=cure)


def _refused(said: str) -> Explained | None:
    """Explain that a shared place, or a group as a whole, cannot be written to: that lies with no single person."""
    found = re.fullmatch(r"unreachable: (.*)", said, re.DOTALL)
    if found is None:
        return None
    cure = "Look at the practice's places, or at the plugin's settings on the page Plugins; then send it again."
    return Explained(what=f"The platform refuses it there: {_sentence(found[1])}", cure=cure)


def _unknown(said: str) -> Explained:
    told = f"It failed, and all that is known is: “{said}”." if said else "It failed, and no reason was kept."
    return Explained(what=told, cure="Send it again. If it fails once more, show this to whoever runs the service.")


def _sentence(text: str) -> str:
    return f"{text.strip().rstrip('.')}."


_Rules = Mapping[str, Callable[[re.Match[str]], Explained]]


def _by(rules: _Rules, said: str) -> Explained | None:
    for pattern, made in rules.items():
        if found := re.fullmatch(pattern, said, re.DOTALL):
            return made(found)
    return None


FAILED: _Rules = {
    r"the plugin was disabled": lambda _: Explained(
        what="The plugin that carries this platform was disabled, or could not start, when this was due.",
        cure="Enable it on the page Plugins and test the connection; then send it again.",
        installation=True,
    ),
    r"unreachable: (.*)": lambda found: Explained(
        what=f"The platform cannot write to these accounts: {_sentence(found[1])}",
        cure=UNREACHABLE.cure,
        personal=True,
    ),
    r"gave up after (\d+) attempts: (.*)": lambda found: Explained(
        what=f"The platform did not take it in {found[1]} attempts: {_sentence(found[2])}",
        cure="Test the connection on the page Plugins; once it holds, send it again.",
    ),
}
"""By what `tertulia.delivery.sending` and `tertulia.delivery.shards` write down of a failure."""

WAITS: _Rules = {
    r"for the operator: (.*)": lambda found: Explained(
        what=f"It waits for whoever looks after the platform: {_sentence(found[1])}",
        cure="Put that right, mostly on the page Plugins. It then goes on by itself within five minutes.",
        installation=True,
    ),
    r"the platform's rate limit is used up": lambda found: Explained(
        what=f"The platform puts it off: {_sentence(found[0])}", cure=ALONE, installation=True
    ),
    r"could not be prepared, see the log": lambda _: Explained(
        what="It could not be prepared: a fault of the service, or of the plugin that brings this kind of practice.",
        cure="It is tried again by itself. The service's log tells more to whoever runs it.",
    ),
    r"repeated: the worker stopped while sending": lambda _: Explained(
        what="The service stopped while sending it; being a reminder or a result, it is sent once more.", cure=ALONE
    ),
}
"""By what is written down of a delivery that is tried again."""

ROUNDS = {
    "left out by those who run the program": "It was left out by those who run the program.",
    "missed: the service did not run": "The service did not run when it was due, and it would have closed since.",
    "its program version is gone": "The version of the program that planned it is gone.",
    "restored from a backup": "The service was restored from a backup, and its moment had passed.",
    "rests: hard weeks": "These are hard weeks, in which such practices rest.",
    "hard weeks ended": "The hard weeks that it was about have ended.",
    "taken back": "What it was about was taken back.",
}
"""By why a round was cancelled."""


def explain_round(reason: str | None) -> str:
    """Say in a sentence why a round was cancelled."""
    said = (reason or "").strip().rstrip(".")
    return ROUNDS.get(said) or (f"{said[:1].upper()}{said[1:]}." if said else "No reason was kept.")
