"""The configuration of one service, read from the environment, checked before anything starts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Config:
    """Hold what the operator set. *plugins* is the allow-list; `None` allows all that are installed."""

    mode: Literal["production", "sandbox"]
    database_url: str
    engine_url: str
    public_url: str
    host: str
    port: int
    keys_file: Path
    keystore: Path
    plugins: frozenset[str] | None = None
    log_level: str = "INFO"

    @property
    def sandbox(self) -> bool:
        """Tell whether this is the sandbox."""
        return self.mode == "sandbox"

    @property
    def embedded(self) -> bool:
        """Tell whether the database is SQLite: one process, nothing to install."""
        return self.database_url.startswith("sqlite")
