"""Questions that steer, ask two things, ask who answers, or belong to somebody else."""

from __future__ import annotations

import pytest

from tertulia.surveys.linter import lint


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


@pytest.mark.parametrize(
    "question", ["I can do my work without being interrupted.", "I would tell a friend or colleague to work here."]
)
def test_a_plain_question_passes(question: str) -> None:
    assert lint(question) == ()
