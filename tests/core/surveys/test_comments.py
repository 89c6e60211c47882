"""Comments: at one node each, among at least ten, shuffled, and never before their author has seen a preview."""

from __future__ import annotations

import secrets
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tertulia.errors import Mistake
from tertulia.extension import RoundRequest
from tertulia.surveys import ballots, comments
from tertulia.surveys.comments import FEWEST, Node, arranged, deepest, visible
from tertulia.surveys.pulse import Pulse
from tertulia.surveys.pulse_options import Options

TREES = st.lists(
    st.tuples(st.sampled_from(["A", "B", "C"]), st.sampled_from(["1", "2", "3", "4"])).map(
        lambda pair: (pair[0], f"{pair[0]}{pair[1]}")
    )
    | st.just(())
    | st.sampled_from([("A",), ("B",)]),
    max_size=120,
)


@given(TREES)
def test_every_visible_node_and_every_rest_of_it_has_ten_or_nobody(paths: list[Node]) -> None:
    shown = visible(paths)
    assert (() in shown) == (len(paths) >= FEWEST)
    homes = Counter(deepest(path, shown) for path in paths) if shown else Counter()
    for node in shown:
        inside = [path for path in paths if path[: len(node)] == node]
        assert len(inside) >= FEWEST
        # whoever is in the node and in none of its visible children: nobody, or too many to be told apart
        assert homes[node] == 0 or homes[node] >= FEWEST
        assert all(node[:depth] in shown for depth in range(len(node)))
    assert sum(homes.values()) == (len(paths) if shown else 0)


@given(TREES, st.randoms())
def test_who_commented_changes_nothing_about_where(paths: list[Node], draw: Any) -> None:
    people = {f"p{number}": path for number, path in enumerate(paths)}
    atoms = {one: dict(zip(("department", "team"), path, strict=False)) for one, path in people.items()}
    said = {one: {"q": "5"} | ({"comment": one} if draw.random() < 0.3 else {}) for one in people}
    everyone = {one: {"q": "5", "comment": one} for one in people}
    some = {(one.text, one.node) for one in arranged(said, atoms, secrets.token_bytes)}
    assert some <= {(one.text, one.node) for one in arranged(everyone, atoms, secrets.token_bytes)}


def test_nine_are_too_few_and_the_order_is_drawn() -> None:
    answers = {f"p{number}": {"comment": f"c{number}"} for number in range(9)}
    assert arranged(answers, {}, secrets.token_bytes) == []
    answers |= {f"q{number}": {"comment": f"d{number}"} for number in range(20)}
    orders = {tuple(one.text for one in arranged(answers, {}, secrets.token_bytes)) for _ in range(5)}
    assert len(orders) == 5
    assert {frozenset(order) for order in orders} == {frozenset(one["comment"] for one in answers.values())}


def test_a_team_stands_alone_only_beside_a_large_enough_rest() -> None:
    north, south = [("Sales", "North")] * 12, [("Sales", "South")] * 6
    assert visible(north + south) == {(), ("Sales",)}
    assert visible(north + south * 2) == {(), ("Sales",), ("Sales", "North"), ("Sales", "South")}
    assert visible(north + [("Sales",)] * 10) == {(), ("Sales",), ("Sales", "North")}


def pulse(**more: Any) -> tuple[Pulse, Any]:
    options = Options(instruments=("recommendation", "satisfaction", "support"), questions=3, **more)
    made = Pulse().prepare(RoundRequest(practice="p", options=options, occurrence="o", group_size=30, seed=1))
    return Pulse(), made.content


GOOD = {"recommendation.recommend": "10", "satisfaction.happy": "5", "support.need": ["nothing"]}


def test_a_pulse_asks_for_a_comment_where_its_options_say_so() -> None:
    kind, content = pulse(comment="What should we do next?")
    keys = [field.key for field in kind.prompt(content, "en").fields]
    assert [key for key in keys if key.startswith("comment")] == [comments.KEY, comments.AS_IT_IS]
    given_ = kind.accept(content, "answer", {**GOOD, "comment": " Less noise.\r\n", "comment_as_it_is": True})
    assert given_.values["comment"] == "Less noise."
    assert comments.AS_IT_IS not in given_.values
    assert "comment" not in kind.accept(content, "answer", {**GOOD, "comment": " "}).values
    for wrong in ("x" * (comments.LONGEST + 1), "\x00"):
        with pytest.raises(Mistake):
            kind.accept(content, "answer", {**GOOD, "comment": wrong})
    kind, content = pulse()
    assert "comment" not in kind.accept(content, "answer", {**GOOD, "comment": "unasked"}).values
    assert comments.KEY not in {field.key for field in kind.prompt(content, "en").fields}


def test_a_comment_keeps_the_ballot_s_length() -> None:
    keys = ballots.RoundKeys(bytes(32), bytes(range(32)))
    place = ("r", "b")
    lengths = {
        len(ballots._seal(secrets.token_bytes, keys, place, {"v": {**GOOD, **said}, "k": []}))
        for said in ({}, {"comment": "a"}, {"comment": "x" * comments.LONGEST})
    }
    assert len(lengths) == 1
