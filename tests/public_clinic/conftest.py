"""The public benchmark lies beside gpufix, not in it: clinic/ at the root of the repository."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
