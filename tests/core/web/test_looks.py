"""How a prompt looks on the web channel: the mail that would be sent, and the page behind its link."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tertulia.domain.people import Place
from tertulia.errors import Mistake
from tertulia.testing.contracts import PreviewPortContract
from tertulia.testing.samples import sample_prompt
from tertulia.web.looks import WebLooks


class TestLooks(PreviewPortContract):
    preview = WebLooks("Hub <hub@example.org>")
    places = ()


def test_the_mail_is_the_one_that_would_be_sent() -> None:
    prompt = sample_prompt()
    mailed, page = WebLooks("Hub <hub@example.org>").looks(prompt, None)
    assert mailed.sent is not None
    assert mailed.sent["Subject"] == prompt.title
    assert prompt.link is not None
    assert prompt.link in mailed.sent["text/plain"]
    assert "<script>" not in mailed.sent["text/html"]
    # the questions are asked on the page alone
    assert {"one", "many", "line"} & {piece.kind for piece in page.pieces}
    assert not {"one", "many", "line"} & {piece.kind for piece in mailed.pieces}
    assert page.sent is None
    bare, _ = WebLooks("hub@example.org").looks(replace(prompt, link=None), None)
    assert "link" not in {piece.kind for piece in bare.pieces}


def test_a_mail_goes_to_no_place() -> None:
    with pytest.raises(Mistake, match="one person"):
        WebLooks("hub@example.org").looks(sample_prompt(), Place(platform="web", ref="x", kind="channel"))
