"""Cards hold to the official schema, carry every field and action, and read nothing into people's words."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import cache
from typing import Any, TypeAlias

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from jsonschema import Draft6Validator

from tertulia import Action, Bullets, Field, Markup, Media, Option, Paragraph, Prompt, Reply, Span
from tertulia.testing.injections import TEXTS
from tertulia.testing.samples import opaque, sample_prompt, summary_prompt
from tertulia_teams import cards
from tertulia_teams.texts import neutral, shown

NAMES = (*TEXTS.values(), "a" * 10_000, "\x00\x1b[31m\ud800")
WRITTEN = st.text(max_size=60) | st.sampled_from(NAMES)


Check: TypeAlias = Callable[[Mapping[str, Any]], None]


@pytest.fixture
def check(contract: Callable[[str], Any]) -> Check:
    """Hold cards to the schema, part by part, since its one big `anyOf` does not say what is wrong."""
    schema = contract("adaptivecards/adaptive-card-1.5.0.json")

    def holds(card: Mapping[str, Any]) -> None:
        for part in ({**card, "body": [], "actions": []}, *card["body"], *card.get("actions", ())):
            checker(json.dumps(schema), part["type"]).validate(part)

    return holds


@cache
def checker(schema: str, kind: str) -> Draft6Validator:
    return Draft6Validator({**json.loads(schema), "anyOf": [{"$ref": f"#/definitions/{kind}"}]})


def walk(value: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, Mapping):
        yield value
        for inner in value.values():
            yield from walk(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from walk(inner)


def parts(card: Any, kind: str) -> list[Mapping[str, Any]]:
    return [part for part in walk(card) if part.get("type") == kind]


def full() -> Prompt:
    media = (
        Media(url="https://tertulia.example/one.png", kind="image", alt="A square"),
        Media(url="https://tertulia.example/one.mp3", kind="audio", alt="A song"),
        Media(url="http://tertulia.example/one.mp4", kind="video", alt="A film"),
    )
    return replace(sample_prompt(), media=media)


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("prompt", [full(), summary_prompt(), replace(full(), privacy="confidential")])
def test_cards_are_valid(check: Check, prompt: Prompt, shared: bool) -> None:
    check(cards.card(prompt, shared=shared))
    check(cards.card(prompt, shared=shared, form=False))


def test_every_field_is_asked_for() -> None:
    card = cards.card(full())
    inputs = {part["id"]: part for part in walk(card) if part.get("type", "").startswith("Input.")}
    assert list(inputs) == ["one.one", "many.many", "scale.scale", "short.short", "long.long", "confirm.confirm"]
    assert inputs["one.one"]["isRequired"]
    assert inputs["one.one"]["errorMessage"] == "Please answer this."
    assert inputs["many.many"]["isMultiSelect"]
    titles = [choice["title"] for choice in inputs["scale.scale"]["choices"]]
    assert (titles[0][-5:], titles[-1][-6:]) == ("– low", "– high")
    assert inputs["long.long"]["isMultiline"]
    assert inputs["long.long"]["placeholder"] == "As you like"


def test_every_action_is_of_both_kinds_and_holds_the_token_alone() -> None:
    prompt = full()
    card = cards.card(prompt)
    execute = [action for action in card["actions"] if action["type"] == "Action.Execute"]
    assert len(execute) == len(prompt.actions)
    for written, action in zip(execute, prompt.actions, strict=True):
        assert written["data"] == written["fallback"]["data"] == {cards.TOKEN: action.token}
        assert written["fallback"]["type"] == "Action.Submit"
        assert written["title"] == written["fallback"]["title"] == action.label
        assert written["verb"] == action.verb
        assert (written.get("associatedInputs") == "none") == (action.verb in ("pass", "stop"))
    assert [action["style"] for action in execute] == ["positive", "default", "destructive"]


def test_many_actions_go_into_the_menu(check: Check) -> None:
    actions = tuple(Action(verb=f"v{number}", label=str(number), token=opaque("1")) for number in range(8))
    card = cards.card(replace(sample_prompt(), actions=actions, link=None))
    check(card)
    assert [action.get("mode") for action in card["actions"]] == [None] * 6 + ["secondary"] * 2


def test_what_is_kept_is_always_said() -> None:
    for prompt in (full(), summary_prompt()):
        for form in (True, False):
            card = cards.card(prompt, shared=True, form=form)
            assert prompt.recorded in json.dumps(card["body"])
            assert prompt.recorded in card["fallbackText"]


def test_a_personal_link_is_not_shared() -> None:
    prompt = full()
    assert prompt.link is not None
    assert prompt.link in json.dumps(cards.card(prompt))
    assert prompt.link not in json.dumps(cards.message(prompt, shared=True))
    assert prompt.link not in cards.card(prompt)["fallbackText"]


def test_a_confidential_question_is_not_answered_in_a_shared_place() -> None:
    card = cards.card(replace(full(), privacy="confidential"), shared=True)
    assert "actions" not in card
    assert not [part for part in walk(card) if part.get("type", "").startswith("Input.")]


def test_languages_and_directions(check: Check) -> None:
    german = cards.card(replace(full(), language="de-AT"))
    assert german["lang"] == "de"
    assert parts(german, "Input.ChoiceSet")[0]["errorMessage"] == "Bitte beantworten."
    hebrew = cards.card(replace(full(), language="he"))
    check(hebrew)
    assert hebrew["rtl"] is True


def test_what_was_answered_before_is_filled_in(check: Check) -> None:
    options = (Option(value="a,b", label="A"), Option(value="50%", label="B"), Option(value="c", label="C"))
    fields = (
        Field(key="many", kind="many", label="Many", options=options, value=("a,b", "50%", "gone")),
        Field(key="one", kind="one", label="One", options=options, value="50%"),
        Field(key="text", kind="long", label="Text", value="so [far](https://evil.example)"),
        Field(key="sure", kind="confirm", label="Sure", value=True),
    )
    card = cards.card(replace(sample_prompt(), fields=fields))
    check(card)
    sent = {part["id"]: part.get("value", "") for part in walk(card) if part.get("type", "").startswith("Input.")}
    assert cards.read_values(sent) == {
        "many": ["a,b", "50%"],
        "one": "50%",
        "text": "so [far](https://evil.example)",
        "sure": True,
    }


@given(st.lists(WRITTEN, min_size=6, max_size=6))
@examples(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_peoples_words_stay_words(check: Check, words: list[str]) -> None:
    stay_words(check, words)


@pytest.mark.parametrize("text", NAMES, ids=range(len(NAMES)))
def test_no_text_of_the_corpus_becomes_markup(check: Check, text: str) -> None:
    stay_words(check, [text] * 6)


def stay_words(check: Check, words: list[str]) -> None:
    title, paragraph, bullet, label, choice, kept = words
    prompt = Prompt(
        id="1" * 32,
        version=1,
        title=title,
        body=Markup((Paragraph((Span(paragraph, bold=True),)), Bullets(((Span(bullet),),)))),
        language="en",
        recorded=kept,
        media=(Media(url="https://tertulia.example/one.mp3", kind="audio", alt=bullet),),
        fields=(
            Field(key="one", kind="one", label=label, options=(Option(value="1", label=choice),), hint=choice),
            Field(key="sure", kind="confirm", label=label),
        ),
        actions=(Action(verb="answer", label=label, token=opaque("1")),),
    )
    card = cards.card(prompt)
    check(card)
    for part in walk(card):
        if "inlines" not in part and part.get("type") != "TextRun":
            for key in ("text", "fallbackText", "title") if not part.get("type", "").startswith("Action.") else ():
                assert not MARKDOWN.search(part.get(key, "")), (key, part)
    written = json.dumps(card, ensure_ascii=False)
    assert not re.search("[\u202a-\u202e\u2066-\u2069\ud800-\udfff]", written)
    assert len(written.encode("utf-16-le")) < 80_000


MARKDOWN = re.compile(r"\]\(|<[a-z/h]|[*_`]|^(?:[-+>]|\d+[.)])\s", re.IGNORECASE | re.MULTILINE)


def test_a_long_summary_is_cut_to_what_a_message_can_hold(check: Check) -> None:
    body = Markup.bullets(f"answer {number} " + "ä" * 1_500 for number in range(200))
    message = cards.message(replace(summary_prompt(), body=body))
    check(message["attachments"][0]["content"])
    assert len(json.dumps(message).encode()) < 200_000
    assert len(json.dumps(message, ensure_ascii=False).encode("utf-16-le")) < 80_000
    assert "…" in json.dumps(message, ensure_ascii=False)


def test_only_secure_links_are_followed() -> None:
    body = Markup((Paragraph((Span("a", link="http://x.example"), Span("b", link="https://x.example"))),))
    runs = parts(cards.card(replace(summary_prompt(), body=body)), "TextRun")
    assert [run["text"] for run in runs if "selectAction" in run] == ["b"]


class TestReading:
    def test_values(self) -> None:
        data = {
            "tertulia": "token",
            "one.going": "3",
            "scale.energy": 4,
            "many.days": "mon,a%2Cb,",
            "short.name": "  Ana ",
            "long.text": "",
            "confirm.sure": "true",
            "confirm.not": "false",
            "other": "x",
            "one.": "x",
            "evil.key": "x",
            "one.list": ["x"],
            "one.none": None,
        }
        assert cards.read_values(data) == {
            "going": "3",
            "energy": "4",
            "days": ["mon", "a,b"],
            "name": "Ana",
            "sure": True,
            "not": False,
        }
        assert cards.read_token(data) == "token"

    @pytest.mark.parametrize("data", [None, [], "x", 1, {}, {"tertulia": 1}, {"tertulia": ""}, {"tertulia": "ü"}])
    def test_strangers_data(self, data: object) -> None:
        assert cards.read_token(data) is None
        assert cards.read_values(data) == {}


class TestReplies:
    def test_the_card_is_replaced(self, check: Check) -> None:
        answer = cards.invoke_reply(Reply(status="taken", prompt=full(), text=Markup.literal("Thank you.")))
        assert (answer["statusCode"], answer["type"]) == (200, cards.CARD)
        check(answer["value"])

    def test_a_private_card_is_not_put_into_a_shared_place(self) -> None:
        reply = Reply(status="taken", prompt=full(), text=Markup.literal("Thank you."), private=True)
        answer = cards.invoke_reply(reply, shared=True)
        assert answer == {"statusCode": 200, "type": cards.TEXT, "value": "Thank you."}
        assert "Thank you" not in json.dumps(cards.reply_message(reply, shared=True))

    @pytest.mark.parametrize("status", ["taken", "changed", "closed", "refused", "unknown_actor"])
    def test_every_status_says_something(self, check: Check, status: Any) -> None:
        assert cards.invoke_reply(Reply(status=status))["value"]
        message = cards.reply_message(Reply(status=status))
        check(message["attachments"][0]["content"])
        assert message["summary"]

    def test_a_refusal_is_told_in_words(self) -> None:
        answer = cards.invoke_reply(Reply(status="refused", prompt=full(), text=Markup.literal("Too long.")))
        assert answer == {"statusCode": 200, "type": cards.TEXT, "value": "Too long."}

    def test_an_error(self) -> None:
        answer = cards.invoke_error(400, "BadRequest", "What?")
        assert answer["type"] == cards.ERROR
        assert answer["value"] == {"code": "BadRequest", "message": "What?"}


def test_lookalikes_read_the_same() -> None:
    assert neutral("a - b, 1.5 and x>y") == "a - b, 1.5 and x>y"
    assert shown("one\r\ntwo\u2028three") == "one\ntwo\nthree"
