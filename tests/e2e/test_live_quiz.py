"""A live quiz in a Teams channel, in Zoom's panel and on the web: each answer counts once, all boards agree."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tertulia.storage import tables

sys.path.insert(0, str(Path(__file__).parents[2]))  # the game is the benchmark's

from benchmarks import quiz


@pytest.mark.parametrize("players", [15, pytest.param(300, marks=pytest.mark.campaign)])
async def test_everybody_plays_each_answer_counts_once_and_all_boards_agree(tmp_path: Path, players: int) -> None:
    questions = 3 if players < 100 else 5
    async with quiz.game(players, questions, tmp_path, f"sqlite:///{tmp_path / 't.db'}") as made:
        await quiz.play(made)
        assert made.wrong == []
        assert made.boards >= questions * 6
        for way, taken in made.taken.items():
            assert len(taken) > players / 3, way
        kept = await made.rows(tables.response)
        assert {row.platform for row in kept} == set(quiz.WAYS)
        played = [one for one in made.players if one.said]
        (root,) = [row.id for row in await made.rows(tables.round_table) if row.occurrence.startswith("host:")]
        assert sorted(row.person_id for row in kept if row.round_id == root) == sorted(one.person for one in played)
