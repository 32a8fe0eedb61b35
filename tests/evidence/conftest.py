"""Tests of what is concluded from facts use the same hand-made facts as tests of checks."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "checks"))
