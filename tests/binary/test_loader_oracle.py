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


@pytest.mark.slow
@pytest.mark.needs("package index")
@pytest.mark.parametrize("more", [(), ("--mutants", "300")], ids=["as installed", "changed"])
def test_libraries_of_a_list_of_wheels(tmp_path: Path, more: tuple[str, ...]) -> None:
    whole = ORACLE.with_name("loader_packages.txt").read_text().splitlines()
    few = [
        row for row in whole if row.partition("==")[0] in ("bitarray", "pycryptodome", "zxing-cpp")
    ]
    (tmp_path / "few.txt").write_text("\n".join(few))
    command = [sys.executable, str(ORACLE), "--folder", str(tmp_path), "--packages"]
    result = subprocess.run(
        [*command, str(tmp_path / "few.txt"), *more], capture_output=True, text=True
    )
    assert result.returncode == 0, result.stdout + result.stderr
