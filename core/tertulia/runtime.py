"""What every use case is given: the shared parts of one running service."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tertulia.config import Config
from tertulia.delivery.signals import Signals
from tertulia.delivery.timing import Timing
from tertulia.domain.clock import Clock
from tertulia.domain.identifiers import Entropy, Id, new_id
from tertulia.storage.database import Database
from tertulia.storage.vault import Vault
from tertulia.surveys.keystore import KeyStore

if TYPE_CHECKING:
    from tertulia.delivery.engine import Engine
    from tertulia.extension import Limiter
    from tertulia.plugins import Plugins
    from tertulia.services.installations import Installations


@dataclass(kw_only=True)
class Runtime:
    """Hold the parts that `bootstrap` wired: nothing here is global.

    *installations* and *engine* need the runtime themselves and are set right after it is made.
    """

    config: Config
    database: Database
    vault: Vault
    keys: KeyStore
    clock: Clock
    entropy: Entropy
    plugins: Plugins
    limiter: Limiter
    signals: Signals = field(default_factory=Signals)
    timing: Timing = field(default_factory=Timing)
    installations: Installations = field(init=False)
    engine: Engine = field(init=False)

    def new_id(self) -> Id:
        """Draw a new identifier."""
        return new_id(self.entropy)
