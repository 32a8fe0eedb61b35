"""The predictions on real wheels against the real loader (a small corpus; downloads wheels)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ORACLE = Path(__file__).parents[2] / "benchmarks" / "loader_oracle.py"


@pytest.mark.slow
@pytest.mark.needs("package index")
def test_predictions_agree_with_the_real_loader(tmp_path: Path) -> None:
    command = [sys.executable, str(ORACLE), "--quick", "--folder", str(tmp_path)]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
