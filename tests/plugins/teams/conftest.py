"""Microsoft's own contracts, which lie beside the checkout and are no part of it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

BESIDE = Path(__file__).parents[4] / "shared" / "contracts"


@cache
def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.fixture
def contract() -> Callable[[str], Any]:
    """Return what reads a contract by its path; a test that needs an absent one is skipped."""
    folder = Path(os.environ.get("TERTULIA_CONTRACTS", BESIDE))

    def read(name: str) -> Any:
        if not (folder / name).is_file():
            pytest.skip(f"the contract {name} is not here; TERTULIA_CONTRACTS names the folder it is in")
        return _read(folder / name)

    return read
