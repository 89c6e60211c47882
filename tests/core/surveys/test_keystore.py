"""The secrets of open survey rounds: made once, found by all workers, destroyed for good."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tertulia.domain.identifiers import new_id
from tertulia.errors import Refused
from tertulia.surveys.keystore import KeyStore


def test_all_workers_get_the_same_keys(tmp_path: Path) -> None:
    round_id = new_id()
    with ThreadPoolExecutor(8) as workers:
        made = list(workers.map(lambda _: KeyStore(tmp_path / "keys").create(round_id), range(24)))
    assert len(set(made)) == 1
    assert (len(made[0].secret), len(made[0].key)) == (32, 32)
    assert KeyStore(tmp_path / "keys").find(round_id) == made[0]
    assert [path.name for path in (tmp_path / "keys").iterdir()] == [f"{round_id}.key"]


def test_only_the_service_may_read_them(tmp_path: Path) -> None:
    store, round_id = KeyStore(tmp_path / "keys"), new_id()
    store.create(round_id)
    assert (tmp_path / "keys").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "keys" / f"{round_id}.key").stat().st_mode & 0o777 == 0o600


def test_what_is_destroyed_is_gone(tmp_path: Path) -> None:
    store, round_id, other = KeyStore(tmp_path / "keys"), new_id(), new_id()
    store.create(round_id)
    kept = store.create(other)
    for _ in range(2):
        store.destroy(round_id)
    assert store.find(round_id) is None
    assert store.held() == [other]
    assert store.find(other) == kept
    assert KeyStore(tmp_path / "nowhere").held() == []


@pytest.mark.parametrize("name", ["../secrets", "", "a/b", "a.b"])
def test_only_a_rounds_id_names_keys(tmp_path: Path, name: str) -> None:
    store = KeyStore(tmp_path / "keys")
    for act in (store.create, store.find, store.destroy):
        with pytest.raises(Refused):
            act(name)
