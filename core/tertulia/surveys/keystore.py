"""The secrets of open survey rounds: files outside the database, shared by all workers, destroyed at the close."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from tertulia.domain.identifiers import Entropy, Id
from tertulia.errors import Refused


@dataclass(frozen=True)
class RoundKeys:
    """Hold what joins and opens the ballots of one round: the secret of their ids and the key of their content."""

    secret: bytes
    key: bytes


class KeyStore:
    """Keep one file of 64 bytes per open survey round in *folder*, readable by the service's user only."""

    def __init__(self, folder: Path, entropy: Entropy = secrets.token_bytes):
        self._folder, self._entropy = folder, entropy

    def create(self, round_id: Id) -> RoundKeys:
        """Make the keys of a round, or return those that another worker made."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self._path(round_id)
        draft = path.with_suffix(f".{self._entropy(8).hex()}")
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(self._entropy(64))
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)  # atomic, and never over keys that are already in use
        except FileExistsError:
            pass
        finally:
            draft.unlink()
        _sync(self._folder)
        keys = self.find(round_id)
        if keys is None:
            raise Refused("the round has closed", 410)
        return keys

    def find(self, round_id: Id) -> RoundKeys | None:
        """Return the keys of an open round; `None` once they are destroyed."""
        try:
            content = self._path(round_id).read_bytes()
        except FileNotFoundError:
            return None
        return RoundKeys(content[:32], content[32:])

    def destroy(self, round_id: Id) -> None:
        """Overwrite and remove the keys; repeating it is harmless."""
        path = self._path(round_id)
        try:
            with path.open("r+b") as file:
                file.write(bytes(64))
                file.flush()
                os.fsync(file.fileno())
            path.unlink()
        except FileNotFoundError:
            return
        _sync(self._folder)

    def held(self) -> list[Id]:
        """Return the rounds whose keys are here."""
        return sorted(path.stem for path in self._folder.glob("*.key"))

    def _path(self, round_id: Id) -> Path:
        if not round_id.isalnum():
            raise Refused("not a round's id", 404)
        return self._folder / f"{round_id}.key"


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
