"""Prompts that want everything of a port: every field, every style, text that must be escaped."""

from __future__ import annotations

from dataclasses import replace

from tertulia.domain.identifiers import new_id
from tertulia.domain.markup import Markup
from tertulia.domain.prompts import Action, Field, Option, Prompt


def sample_prompt() -> Prompt:
    """Make a prompt with every kind of field, every style and text that wants escaping."""
    options = tuple(Option(value=str(number), label=f"{number} <of> 3 & more") for number in range(1, 4))
    return Prompt(
        id=new_id(),
        version=1,
        title='Café & "tea"? <b>',
        body=Markup.parse("**Hello**\n\n- *one*\n- [two](https://example.org/?a=1&b=2)")
        + Markup.literal("<script> & *stars* [not](a link)"),
        language="en",
        recorded="Your name and your answer are kept until the end of the month.",
        fields=(
            Field(key="one", kind="one", label="One", options=options, required=True),
            Field(key="many", kind="many", label="Many", options=options),
            Field(key="scale", kind="scale", label="Scale", options=options, ends=("low", "high")),
            Field(key="short", kind="short", label="Short"),
            Field(key="long", kind="long", label="Long", hint="As you like"),
            Field(key="confirm", kind="confirm", label="Confirm"),
        ),
        actions=(
            Action(verb="answer", label="Send", style="primary", token=opaque("1")),
            Action(verb="pass", label="Pass", token=opaque("2")),
            Action(verb="stop", label="Stop", style="destructive", token=opaque("3")),
        ),
        link="https://tertulia.example/a/0123456789abcdef",
    )


def opaque(number: str) -> str:
    """Make what looks like a sealed token: long, and with every character that a real one may have."""
    return f"{number}-_" + "Ab9" * 40


def summary_prompt() -> Prompt:
    """Make a prompt that asks nothing."""
    return replace(sample_prompt(), fields=(), actions=(), link=None)
