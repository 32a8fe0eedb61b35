"""`gpufix doctor --format html` as a user types it."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_usage import gpufix, patient

__all__ = ["patient"]

CLINIC = Path(__file__).parent.parent / "clinic"


def test_a_report_of_a_patient(patient: list[str], tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    done = gpufix("doctor", *patient, "--gpu", "sm_120", "--format", "html", "-o", str(file))
    assert done.returncode == 0 and not done.stdout
    assert file.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


def test_a_report_of_a_snapshot_beside_another_format() -> None:
    facts = CLINIC / "field-report-002" / "facts.json"
    done = gpufix("doctor", "--facts", str(facts), "--gpu", "RTX 5080", "--format", "html")
    assert done.returncode == 1
    for word in ("WHL503", "no code", "diff-gaussian-rasterization"):
        assert word in done.stdout
    assert "What gpufix fix would do" not in done.stdout


@pytest.mark.parametrize("content", [None, "{", '{"schema_version": 2}'])
def test_a_benchmark_that_is_none(patient: list[str], tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "run.json"
    if content is not None:
        file.write_text(content)
    done = gpufix("doctor", *patient, "--format", "html", "--smoke", str(file))
    assert done.returncode == 2 and "--smoke" in done.stderr and str(file) in done.stderr
