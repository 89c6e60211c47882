"""Questions that steer, ask two things, ask who answers, or belong to somebody else."""

from __future__ import annotations

import pytest

from tertulia.surveys.instruments import instrument, instruments
from tertulia.surveys.linter import BLOCKED, lint


@pytest.mark.parametrize(
    ("question", "fault", "refused"),
    [
        ("Don't you love our new office?", "leading", False),
        ("How great was the offsite?", "leading", False),
        ("Are you happy with your pay and your tools?", "double", False),
        ("I trust my lead/my colleagues.", "double", False),
        ("What is your job title?", "identifying", True),
        ("Have you had a diagnosis this year?", "identifying", True),
        ("Do you have a best friend at work?", "blocked", True),
        ("x" * 170, "long", False),
    ],
)
def test_a_fault_is_named(question: str, fault: str, refused: bool) -> None:
    (finding,) = lint(question)
    assert (finding.fault, finding.refused) == (fault, refused)
    assert finding.sentence.endswith(".")


LEADING = (
    "Isn't it great to work here?",
    "Would you agree that our offices are modern?",
    "How much did you enjoy the summer party?",
    "Most people think our food is good. What do you think?",
    "How satisfied are you with your amazing team?",
    "I always get help.",
)
DOUBLE = (
    "My lead is fair and friendly.",
    "I get feedback as well as praise.",
    "Are your goals clear or your tasks well described?",
    "My tools are fast but hard to learn.",
    "I can speak up; nobody laughs.",
    "Pay & benefits are fair.",
)
IDENTIFYING = (
    "What is your first name?",
    "When did you join the company?",
    "How old are you?",
    "Which team are you in?",
    "What is your boss's name?",
    "Are you a member of a trade union?",
    "What is your nationality?",
    "Do you have a disability?",
    "Your e-mail, please.",
)
PLAIN = (
    "I can do my work without being interrupted.",
    "I would tell a friend or colleague to work here.",
    "Health and safety is taken seriously here.",
    "I can decide when I work.",
    "I got the help that I asked for this month.",
    "Meetings leave me enough time for my own work.",
    "Which room is too loud?",
    "My workload is manageable.",
    "Decisions are explained to us.",
    "I know whom to ask when I am stuck.",
    "Sooner or later problems are solved here.",
    "I feel listened to in my team.",
)


@pytest.mark.parametrize(
    ("question", "fault", "refused"),
    [
        *((question, "leading", False) for question in LEADING),
        *((question, "double", False) for question in DOUBLE),
        *((question, "identifying", True) for question in IDENTIFYING),
    ],
)
def test_each_fault_is_among_those_found(question: str, fault: str, refused: bool) -> None:
    found = {finding.fault: finding for finding in lint(question)}
    assert found[fault].refused == refused  # type: ignore[index]  # the names are a fault's


@pytest.mark.parametrize("words", BLOCKED, ids=lambda words: " ".join(sorted(words)))
def test_protected_wording_is_refused_however_it_is_turned(words: frozenset[str]) -> None:
    for order in (sorted(words), sorted(words, reverse=True)):
        question = f"In the past weeks, {' '.join(order).upper()}?"
        assert any(finding.fault == "blocked" and finding.refused for finding in lint(question))


@pytest.mark.parametrize("question", PLAIN)
def test_a_plain_question_passes(question: str) -> None:
    assert lint(question) == ()


@pytest.mark.parametrize("name", instruments())
def test_what_is_shipped_is_neither_leading_nor_refused(name: str) -> None:
    texts = [question.text for question in instrument(name).item if question.text]
    assert [finding for text in texts for finding in lint(text) if finding.fault != "double"] == []
