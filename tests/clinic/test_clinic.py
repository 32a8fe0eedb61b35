"""Recorded environments and what must be said of them.

tests/clinic/<slug>/facts.json was recorded on a real one (tools/record_clinic.py); expected.txt is
the report, reviewed as a diff. GPUFIX_UPDATE_GOLDENS=1 rewrites it. A folder may hold gpus.txt,
the targets to judge for, one a line.
"""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest
from rich.console import Console

from gpufix.diagnosis.diagnose import Request, diagnose
from gpufix.diagnosis.redaction import load
from gpufix.model import Diagnosis, Severity
from gpufix.report import terminal

CASES = sorted(p.parent for p in Path(__file__).parent.glob("*/facts.json"))


def judged(case: Path) -> Diagnosis:
    named = case / "gpus.txt"
    gpus = tuple(named.read_text("utf-8").split("\n")[:-1]) if named.exists() else ()
    return diagnose(load(case / "facts.json"), Request(gpus=gpus))


def shown(diagnosis: Diagnosis) -> str:
    out = io.StringIO()
    terminal.show(diagnosis, Console(file=out, width=80, force_terminal=False), here=False)
    return out.getvalue()


@pytest.mark.parametrize("case", CASES, ids=lambda p: p.name)
def test_what_is_said(case: Path) -> None:
    golden, text = case / "expected.txt", shown(judged(case))
    if os.environ.get("GPUFIX_UPDATE_GOLDENS"):
        golden.write_text(text, encoding="utf-8")
    assert text == golden.read_text("utf-8")


@pytest.mark.parametrize(
    "case", [c for c in CASES if c.name.startswith(("healthy", "empty"))], ids=lambda p: p.name
)
def test_healthy_ones_have_no_error(case: Path) -> None:
    assert [f.code for f in judged(case).findings if f.severity is Severity.error] == []


def test_the_clinic_is_not_empty() -> None:
    assert len(CASES) >= 8


@pytest.mark.parametrize("case", CASES, ids=lambda p: p.name)
def test_nothing_personal_is_recorded(case: Path) -> None:
    text = (case / "facts.json").read_text("utf-8")
    assert "/root" not in text
    assert "/tmp/" not in text
