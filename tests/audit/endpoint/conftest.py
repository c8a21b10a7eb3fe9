"""Makes the servers and texts that stand beside these tests importable by name."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent))
