"""Let the tests of this folder attack measures with what attacks surveys."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "surveys" / "confidentiality"))
