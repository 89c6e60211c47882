"""What people type is tidied or refused in one sentence that names the field."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tertulia.errors import Mistake
from tertulia.services import profiles


@pytest.mark.parametrize(
    ("field", "text", "kept"),
    [
        ("name", "  Ana \n García ", "Ana García"),
        ("name", "=HYPERLINK(1)", "=HYPERLINK(1)"),
        ("email", " Ana@Example.ORG ", "ana@example.org"),
        ("email", "ana+x@bücher.example", "ana+x@bücher.example"),
        ("zone", "America/Argentina/Buenos_Aires", "America/Argentina/Buenos_Aires"),
        ("languages", "PT_br, en;zh-hans", ["pt-BR", "en", "zh-Hans"]),
        ("languages", "en en", ["en"]),
        ("worker_type", "Freelancer", "freelancer"),
        ("work_start", "9:05", "09:05"),
        ("team", "  ", None),
        ("message_budget", "0", 0),
    ],
)
def test_good_values_are_tidied(field: str, text: str, kept: profiles.Value) -> None:
    assert profiles.checked({field: text}) == {field: kept}


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("name", ""),
        ("name", "x" * 201),
        ("name", "Ana\x00"),
        ("name", "ana\u202egro"),
        ("name", "\ud800"),
        ("email", "ana"),
        ("email", "ana@localhost"),
        ("email", "a b@example.org"),
        ("email", "ana@example.org\r\nBcc: x@example.org"),
        ("email", "ana@-x.org"),
        ("email", "a@" + "x" * 260 + ".org"),
        ("zone", "Mars/Olympus"),
        ("zone", "../../etc/passwd"),
        ("zone", "Europe"),
        ("zone", "localtime"),
        ("languages", ","),
        ("languages", "english!"),
        ("worker_type", "robot"),
        ("work_start", "24:00"),
        ("quiet_end", "７:00"),
        ("message_budget", "-1"),
        ("message_budget", "1001"),
        ("message_budget", "000000000999999"),
        ("message_budget", "³"),
        ("shoe_size", "42"),
    ],
)
def test_a_fault_is_one_sentence_that_names_the_field_and_the_cure(field: str, text: str) -> None:
    with pytest.raises(Mistake) as caught:
        profiles.checked({field: text})
    sentence = str(caught.value)
    assert sentence.startswith(field)
    assert "\n" not in sentence
    assert sentence[-1] in ".?"


def test_a_misspelt_zone_gets_a_hint() -> None:
    with pytest.raises(Mistake, match=r"did you mean Europe/Madrid\?"):
        profiles.zone("zone", "Europe/Madird")


@given(st.sampled_from(sorted(profiles.CHECKS)), st.text())
def test_whatever_is_kept_is_kept_again(field: str, text: str) -> None:
    try:
        kept = profiles.checked({field: text})[field]
    except Mistake:
        return
    again = None if kept is None else ",".join(kept) if isinstance(kept, list) else str(kept)
    assert profiles.checked({field: again}) == {field: kept}
