"""Tests of the readers write projects the same way as tests of checks."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "checks"))
