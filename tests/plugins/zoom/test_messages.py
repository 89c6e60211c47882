"""Messages fit Zoom's own types, carry every field and action, and read nothing into people's words."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from jsonschema import Draft7Validator

from tertulia import Bullets, Field, Markup, Media, Option, Paragraph, Prompt, Reply, Span
from tertulia.testing.injections import TEXTS
from tertulia.testing.samples import sample_prompt, summary_prompt
from tertulia_zoom import messages, messages_form
from tertulia_zoom.messages_form import Chosen, Edited, Opened, Sent

BESIDE = Path(__file__).parents[4] / "shared" / "contracts" / "zoom"
NAMES = (
    *TEXTS.values(),
    "<https://evil.example|bank>",
    "*bold* _thin_ ~gone~ `code`",
    "\x00\x1b[31m\ud800",
    "a" * 10_000,
    ":%2C,:",
)
KEY = "0123456789abcdef" * 2
WRITTEN = st.text(max_size=60) | st.sampled_from(NAMES)
Check: TypeAlias = Callable[[Mapping[str, Any]], None]


@pytest.fixture
def check() -> Check:
    """Hold a message's content to the types that Zoom publishes."""
    path = Path(os.environ.get("TERTULIA_CONTRACTS", BESIDE.parent), "zoom")
    path /= "rivet-0.4.0-req-SendChatbotMessages.schema.json"
    if not path.is_file():
        pytest.skip(f"the contract {path.name} is not here; TERTULIA_CONTRACTS names the folder it is in")
    validator = Draft7Validator(json.loads(path.read_text(encoding="utf-8")))

    def holds(content: Mapping[str, Any]) -> None:
        validator.validate({"robot_jid": "r", "to_jid": "t", "account_id": "a", "user_jid": "u", "content": content})

    return holds


def full() -> Prompt:
    media = (
        Media(url="https://tertulia.example/one.png", kind="image", alt="A square"),
        Media(url="https://tertulia.example/one.mp3", kind="audio", alt="A song"),
        Media(url="http://tertulia.example/one.mp4", kind="video", alt="A film"),
    )
    return replace(sample_prompt(), media=media)


def walk(value: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, Mapping):
        yield value
        for inner in value.values():
            yield from walk(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from walk(inner)


def parts(content: Any, kind: str) -> list[Any]:
    return [part for part in walk(content) if part.get("type") == kind]


def buttons(content: Any) -> dict[str, str]:
    return {item["text"]: item["value"] for part in parts(content, "actions") for item in part["items"]}


def written(content: Any) -> tuple[str, ...]:
    send = messages_form.pressed(buttons(content)["Send"])
    assert isinstance(send, Sent)
    assert send.written is not None
    return send.written


@pytest.mark.parametrize("prompt", [full(), summary_prompt(), replace(full(), privacy="confidential")])
def test_messages_are_valid(check: Check, prompt: Prompt) -> None:
    for write in (messages.question, messages.form, messages.invitation):
        check(write(prompt))
        check(messages.headed(write(prompt), "Thank you."))
    check(messages.posting(prompt, KEY))
    check(messages.text_message(prompt.body))
    check(messages.answer_message(Reply(status="taken", prompt=prompt)))
    check(messages.answer_message(Reply(status="closed")))


def test_every_field_is_asked_for_and_every_action_offered() -> None:
    prompt = full()
    content = messages.question(prompt)
    assert [part["text"] for part in parts(content, "select")] == ["One", "Scale"]
    assert [item["key"] for part in parts(content, "fields") for item in part["items"]] == ["Short", "Long"]
    assert written(content) == ("short", "long")
    offered = buttons(content)
    assert {"☐ Confirm", "☐ 1 <of> 3 & more", "Send", "Pass", "Stop"} <= set(offered)
    assert messages_form.pressed(offered["Pass"]) == Sent(prompt.actions[1].token)
    assert parts(content, "select")[1]["select_items"][0]["text"].endswith("– low")
    assert content["body"][-1] == {"type": "message", "text": "Answer on your own page", "link": prompt.link}


def test_a_form_remembers_what_was_filled_in() -> None:
    content: Any = messages.question(full())
    assert messages_form.values(content, written(content)) == {"confirm": False}
    options = {item["text"]: item["value"] for part in parts(content, "select")[:1] for item in part["select_items"]}
    ticks = buttons(content)
    for change in (
        Chosen(options["1 <of> 3 & more"]),
        Chosen(options["2 <of> 3 & more"]),
        Chosen(ticks["☐ Confirm"], toggles=True),
        Chosen(ticks["☐ 1 <of> 3 & more"], toggles=True),
        Chosen(ticks["☐ 3 <of> 3 & more"], toggles=True),
        Edited("Short", " ", "a line"),
        Edited("Long", " ", " two\u202e words "),
    ):
        content = messages_form.changed(content, change)
    content = messages_form.changed(content, Chosen(ticks["☐ 3 <of> 3 & more"], toggles=True))
    given = {"one": "2", "many": ["1"], "short": "a line", "long": "two words", "confirm": True}
    assert messages_form.values(content, written(content)) == given
    assert messages_form.changed(content, Chosen("choose:one:9")) is None
    assert messages_form.changed(content, Edited("Nothing", "", "x")) is None


def test_what_was_answered_before_stands_in_the_form() -> None:
    fields = tuple(
        replace(
            field, value={"one": "1", "scale": "3", "short": "yes", "confirm": True, "many": ("1", "3")}[field.key]
        )
        for field in full().fields
        if field.key != "long"
    )
    content = messages.question(replace(full(), fields=fields))
    known = {"one": "1", "scale": "3", "short": "yes", "confirm": True, "many": ["1", "3"]}
    assert messages_form.values(content, written(content)) == known


def test_two_lines_of_one_name_are_told_apart_by_what_stood_there() -> None:
    fields = (
        Field(key="a", kind="short", label="Why?", value="one"),
        Field(key="b", kind="short", label="Why?", value="two"),
    )
    content = messages.form(replace(full(), fields=fields))
    content = messages_form.changed(content, Edited("Why?", "two", "three")) or {}
    assert messages_form.values(content, written(content)) == {"a": "one", "b": "three"}


def test_a_shared_place_gets_neither_link_nor_form() -> None:
    prompt = full()
    content = messages.posting(prompt, KEY)
    assert prompt.link not in json.dumps(content)
    assert not messages_form.offers_form(content)
    assert messages_form.offers_form(messages.form(prompt))
    assert prompt.link not in json.dumps(messages.form(prompt))
    assert [messages_form.pressed(value) for value in buttons(content).values()] == [
        Opened(KEY),
        Sent(prompt.actions[1].token),
        Sent(prompt.actions[2].token),
    ]
    assert "actions" not in [
        part["type"] for part in messages.posting(replace(prompt, privacy="confidential"), KEY)["body"]
    ]


def test_a_survey_is_a_link_and_no_word_of_the_question() -> None:
    prompt = replace(full(), privacy="confidential")
    content = messages.question(prompt)
    said = json.dumps(content, ensure_ascii=False)
    assert content["body"][-1]["link"] == prompt.link
    assert {part["type"] for part in content["body"]} == {"message"}
    for text in (
        prompt.title,
        prompt.body.plain()[:20],
        *(field.label for field in prompt.fields),
        "Hello",
        "script",
    ):
        assert text not in said
    assert all(action.token not in said for action in prompt.actions)
    assert "link" not in messages.question(replace(prompt, link=None))["body"][0]


@given(WRITTEN, WRITTEN)
@examples(max_examples=80, deadline=None)
def test_peoples_words_are_never_markup(name: str, said: str) -> None:
    never_markup(name, said)


@pytest.mark.parametrize("text", NAMES, ids=range(len(NAMES)))
def test_no_text_of_the_corpus_becomes_markup(text: str) -> None:
    never_markup(text, text)


def never_markup(name: str, said: str) -> None:
    rows = Bullets(((Span(f"{name}:", bold=True), Span(f" {said}")),))
    markup = Markup((Paragraph((Span(said),)), rows))
    prompt = replace(full(), title=name, body=markup, fields=(Field(key="k", kind="short", label=said or "x"),))
    content = messages.form(prompt)
    for part in content["body"]:
        text = str(part.get("text", ""))
        assert not any("\u202a" <= sign <= "\u202e" or "\ud800" <= sign <= "\udfff" for sign in text)
        if part.get("is_markdown_support"):
            assert not set("<>|~`_") & set(text)
            assert text.count("*") in (0, 2)
        assert part.get("link", "https://tertulia.example/").startswith("https://tertulia.example/")
    assert len(json.dumps(content)) < 60_000


@given(st.lists(st.tuples(WRITTEN, WRITTEN), min_size=1, max_size=5, unique_by=lambda pair: pair[0]))
@examples(max_examples=60, deadline=None)
def test_keys_and_options_survive_whatever_they_are(pairs: list[tuple[str, str]]) -> None:
    options = tuple(
        Option(value=value, label=value or "–")
        for value in dict.fromkeys(one.encode(errors="replace").decode() or "none" for _, one in pairs)
    )
    fields = tuple(
        Field(key=key, kind="one", label="Which?", options=options)
        for key in dict.fromkeys(key.encode(errors="replace").decode() for key, _ in pairs)
        if key
    )
    content: Any = messages.form(replace(full(), fields=fields))
    for number in range(len(fields)):
        chosen = parts(content, "select")[number]["select_items"][-1]["value"]
        content = messages_form.changed(content, Chosen(chosen))
    assert messages_form.values(content, ()) == {field.key: options[-1].value for field in fields}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@given(JSON, st.sampled_from([Chosen("choose:a:b"), Chosen("tick:a:", toggles=True), Edited("k", "", "t")]), JSON)
@examples(max_examples=150, deadline=None)
def test_garbage_is_read_as_nothing(junk: Any, change: Any, item: Any) -> None:
    kinds = ("select", "actions", "fields", "message", None)
    bodies = [{"type": kind, "items": [item, junk], "select_items": [item], "selected_item": junk} for kind in kinds]
    for content in (junk, {"body": junk}, {"body": [junk, item, *bodies]}):
        assert messages_form.values(content, ("k",)).keys() <= {"k"} | {str(key) for key in walk(junk)}
        messages_form.changed(content, change)
        messages_form.offers_form(content)
    messages_form.pressed(junk)
    messages_form.pressed(f"send:{junk}:{item}")
