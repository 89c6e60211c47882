"""A sealed file of JSON lines: compressed in chunks, each bound to its file and its position, with a marked end.

Layout: a line that names the format, 16 bytes that name the file, then chunks of a flag byte (1: the last), a
length of 4 bytes and a sealed, compressed piece. A chunk altered, moved, repeated or missing is refused.
"""

from __future__ import annotations

import json
import os
import secrets
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from tertulia.domain.identifiers import Entropy
from tertulia.errors import Mistake, Refused
from tertulia.storage.vault import Vault

MAGIC = b"tertulia archive 1\n"
NAME = 16
CHUNK = 1 << 20
HEADER = struct.Struct(">BI")


class Writer:
    """Write lines to a file that appears under its name once it is whole; its methods block."""

    def __init__(self, target: Path, vault: Vault, entropy: Entropy = secrets.token_bytes):
        self._target, self._vault = target, vault
        self._draft = target.with_name(f".{target.name}.{entropy(4).hex()}")
        if target.exists():
            raise Mistake(f"{target} exists; choose a name that is not taken.")
        self.name = entropy(NAME).hex()
        self._file = _create(self._draft)
        self._file.write(MAGIC + bytes.fromhex(self.name))
        self._waiting: list[bytes] = []
        self._size = self._index = 0

    def write(self, lines: list[Any]) -> None:
        """Add *lines*, any JSON values."""
        for line in lines:
            encoded = json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode(errors="surrogatepass")
            self._waiting.append(encoded)
            self._size += len(encoded)
            if self._size >= CHUNK:
                self._flush(last=False)

    def finish(self) -> None:
        """Mark the end, make the file durable and give it its name."""
        self._flush(last=True)
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._draft.replace(self._target)
        folder = os.open(self._target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def discard(self) -> None:
        """Remove what was written."""
        self._file.close()
        self._draft.unlink(missing_ok=True)

    def _flush(self, *, last: bool) -> None:
        plain = zlib.compress(b"\n".join(self._waiting))
        sealed = self._vault.seal(plain, *_place(self.name, self._index, last))
        self._file.write(HEADER.pack(last, len(sealed)) + sealed)
        self._waiting, self._size = [], 0
        self._index += 1


def read(source: Path, vault: Vault) -> Iterator[list[Any]]:
    """Yield the lines of *source* in batches; raises `Mistake` for a file that is not whole and unaltered."""
    try:
        with source.open("rb") as file:
            if file.read(len(MAGIC)) != MAGIC:
                raise Mistake(f"{source} is not an archive of Tertulia; name the file that was written by it.")
            name = file.read(NAME).hex()
            index, last = 0, False
            while not last:
                last, lines = _chunk(file, vault, name, index)
                yield lines
                index += 1
            if file.read(1):
                raise Refused("something follows the end")
    except OSError as error:
        raise Mistake(f"{source} cannot be read ({error.strerror}); name the file that was written.") from None
    except Refused as error:
        raise Mistake(
            f"{source} is cut or altered, or TERTULIA_KEYS lacks its key ({error}); use another copy, or the "
            "key file of its time."
        ) from None


def _chunk(file: BinaryIO, vault: Vault, name: str, index: int) -> tuple[bool, list[Any]]:
    header = file.read(HEADER.size)
    if len(header) != HEADER.size:
        raise Refused("the end is missing")
    flag, length = HEADER.unpack(header)
    if flag not in (0, 1):
        raise Refused("a chunk has no known flag")
    sealed = file.read(length)
    if len(sealed) != length:
        raise Refused("the end is missing")
    plain = zlib.decompress(vault.open(sealed, *_place(name, index, flag == 1)))
    return flag == 1, [json.loads(line.decode(errors="surrogatepass")) for line in plain.split(b"\n") if line]


def _place(name: str, index: int, last: bool) -> tuple[str, ...]:
    return ("archive", name, str(index), "last" if last else "more")


def _create(path: Path) -> BinaryIO:
    try:
        return open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
    except OSError as error:
        raise Mistake(f"{path.parent} cannot be written to ({error.strerror}); choose another folder.") from None
