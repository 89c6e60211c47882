"""An archive comes back whole, or not at all."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tertulia.errors import Mistake
from tertulia.storage import archive
from tertulia.storage.vault import Vault

VAULT = Vault({b"key1": b"k" * 32})
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


def write(path: Path, batches: list[list[Any]]) -> None:
    writer = archive.Writer(path, VAULT)
    for batch in batches:
        writer.write(batch)
    writer.finish()


def lines(path: Path, vault: Vault = VAULT) -> list[Any]:
    return [line for batch in archive.read(path, vault) for line in batch]


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=st.lists(st.lists(VALUES, max_size=5), max_size=5))
def test_lines_come_back(tmp_path_factory: Any, batches: list[list[Any]]) -> None:
    path = tmp_path_factory.mktemp("archive") / "a"
    write(path, batches)
    assert lines(path) == [line for batch in batches for line in batch]


def test_a_large_archive_has_several_chunks_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "a"
    content = [["x" * 1000, number] for number in range(5000)]
    write(path, [content])
    assert lines(path) == content
    assert len(list(archive.read(path, VAULT))) > 3
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == ["a"]


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(position=st.integers(0, 10_000), flip=st.integers(1, 255))
def test_an_altered_archive_is_refused(tmp_path: Path, position: int, flip: int) -> None:
    whole, altered = tmp_path / "whole", tmp_path / "altered"
    if not whole.exists():
        write(whole, [[["abc", 1, None]] * 10])
    content = bytearray(whole.read_bytes())
    content[position % len(content)] ^= flip
    altered.write_bytes(content)
    with pytest.raises(Mistake):
        lines(altered)


def chunks(content: bytes) -> tuple[bytes, list[bytes]]:
    start = len(archive.MAGIC) + archive.NAME
    head, pieces = content[:start], []
    while start < len(content):
        _, length = archive.HEADER.unpack(content[start : start + archive.HEADER.size])
        end = start + archive.HEADER.size + length
        pieces.append(content[start:end])
        start = end
    return head, pieces


def test_a_cut_extended_or_reordered_archive_is_refused(tmp_path: Path) -> None:
    path, other = tmp_path / "a", tmp_path / "b"
    write(path, [[["x" * 1000, number] for number in range(4000)]])
    write(other, [[["y" * 1000, number] for number in range(4000)]])
    head, pieces = chunks(path.read_bytes())
    _, others = chunks(other.read_bytes())
    assert len(pieces) >= 4
    wrong = [
        pieces[:-1],
        pieces[1:],
        [pieces[1], pieces[0], *pieces[2:]],
        [pieces[0], *pieces],
        [*pieces, pieces[-1]],
        [others[0], *pieces[1:]],
        [],
        [*pieces[:-1], pieces[-1][:-1]],
        [pieces[0], b"\x01" + pieces[1][1:]],
    ]
    for number, selection in enumerate(wrong):
        broken = tmp_path / f"broken{number}"
        broken.write_bytes(head + b"".join(selection))
        with pytest.raises(Mistake, match="cut or altered"):
            lines(broken)


def test_another_key_does_not_open_it(tmp_path: Path) -> None:
    write(tmp_path / "a", [["secret"]])
    assert b"secret" not in (tmp_path / "a").read_bytes()
    with pytest.raises(Mistake, match="TERTULIA_KEYS"):
        lines(tmp_path / "a", Vault({b"key2": b"l" * 32}))


def test_a_name_that_is_taken_or_a_folder_that_is_missing_is_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "taken").touch()
    for path in (tmp_path / "taken", tmp_path / "none" / "a"):
        with pytest.raises(Mistake, match="choose"):
            archive.Writer(path, VAULT)
    (tmp_path / "other").write_text("something else")
    for path in (tmp_path / "missing", tmp_path / "other"):
        with pytest.raises(Mistake, match="name the file"):
            lines(path)


def test_a_discarded_archive_leaves_nothing(tmp_path: Path) -> None:
    writer = archive.Writer(tmp_path / "a", VAULT)
    writer.write([1, 2])
    writer.discard()
    assert list(tmp_path.iterdir()) == []
