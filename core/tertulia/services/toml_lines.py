"""Where a TOML document says what: the line of every key, found by reading the text once more."""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_right
from typing import Final, TypeAlias

Path: TypeAlias = tuple[str | int, ...]

BLANK: Final = re.compile(r"(?:[ \t\n\r]|#[^\n]*)*")
STRING: Final = re.compile(
    r'"""(?:[^\\]|\\.)*?"""(?!")'
    r"|'''.*?'''(?!')"
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|'[^'\n]*'",
    re.DOTALL,
)
NAME: Final = re.compile(r"[A-Za-z0-9_-]+")
SCALAR: Final = re.compile(r"[^,\]}#\n]*")


def locate(text: str) -> dict[Path, int]:
    """Return the line of every table, key and array item of *text*, which must be valid TOML."""
    return _Reader(text.replace("\r\n", "\n")).read()


def line_of(lines: dict[Path, int], path: Path) -> int:
    """Return the line of *path*, or of the nearest thing around it."""
    while path and path not in lines:
        path = path[:-1]
    return lines.get(path, 1)


class _Reader:
    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0
        self.lines: dict[Path, int] = {}
        self.newlines = [found.start() for found in re.finditer("\n", text)]
        self.last: dict[Path, int] = {}  # array of tables -> index of its last table

    def read(self) -> dict[Path, int]:
        table: Path = ()
        while self._skip():
            if self.text.startswith("[", self.at):
                table = self._header()
            else:
                self._pair(table)
        return self.lines

    def _header(self) -> Path:
        many = self.text.startswith("[[", self.at)
        line = self._line()
        self.at += 2 if many else 1
        names = self._key()
        self.at += 2 if many else 1
        path: Path = ()
        for name in names[:-1]:
            path = self._newest((*path, name))
        path = (*path, names[-1])
        if many:
            self.last[path] = self.last.get(path, -1) + 1
            self.lines.setdefault(path, line)
        path = self._newest(path)
        self.lines[path] = line
        return path

    def _newest(self, path: Path) -> Path:
        return (*path, self.last[path]) if path in self.last else path

    def _pair(self, table: Path) -> None:
        line = self._line()
        path = table
        for name in self._key():
            path = (*path, name)
            self.lines.setdefault(path, line)
        self.at += 1  # the equals sign
        self._value(path)

    def _key(self) -> tuple[str, ...]:
        names: list[str] = []
        while True:
            self._skip()
            found = STRING.match(self.text, self.at) or NAME.match(self.text, self.at)
            if found is None:
                raise ValueError(f"no key at line {self._line()}: the text is not valid TOML")
            raw = found[0]
            names.append(tomllib.loads(f"key = {raw}")["key"] if raw[0] in "\"'" else raw)
            self.at = found.end()
            self._skip()
            if not self.text.startswith(".", self.at):
                return tuple(names)
            self.at += 1

    def _value(self, path: Path) -> None:
        self._skip()
        opening = self.text[self.at]
        if opening == "[":
            self._items("]", path, keyed=False)
        elif opening == "{":
            self._items("}", path, keyed=True)
        else:
            found = STRING.match(self.text, self.at) or SCALAR.match(self.text, self.at)
            self.at = found.end() if found else self.at

    def _items(self, closing: str, path: Path, *, keyed: bool) -> None:
        self.at += 1
        index = 0
        while self._skip() and self.text[self.at] != closing:
            if self.text[self.at] == ",":
                self.at += 1
            elif keyed:
                self._pair(path)
            else:
                self.lines[(*path, index)] = self._line()
                self._value((*path, index))
                index += 1
        self.at += 1

    def _skip(self) -> bool:
        found = BLANK.match(self.text, self.at)
        self.at = found.end() if found else self.at
        return self.at < len(self.text)

    def _line(self) -> int:
        return bisect_right(self.newlines, self.at - 1) + 1
