"""gpufix from Python: the three questions, as a notebook and a script ask them."""

from __future__ import annotations

import html
import json
import subprocess
import sys
from pathlib import Path

import pytest

import gpufix
from gpufix.model import Severity

CLINIC = Path(__file__).parent.parent / "clinic"
DELETED = CLINIC / "libc10-deleted" / "facts.json"


def test_a_diagnosis_of_a_snapshot() -> None:
    report = gpufix.diagnose(facts=DELETED, gpus=["RTX 5080"])
    assert (report.verdict, report.ok) == ("faults", False)
    assert report.findings[0].code == "WHL503"
    assert report.findings[0].severity is Severity.error
    assert report.environment.torch == "torch 2.13.0+cpu (broken)"
    assert json.loads(report.to_json())["findings"][0]["code"] == "WHL503"
    assert str(report).startswith("✗ faults: ")


def test_a_notebook_shows_the_report_in_a_frame_of_its_own() -> None:
    shown = gpufix.diagnose(facts=DELETED)._repr_html_()
    assert shown.startswith("<iframe srcdoc=")
    assert " sandbox " in shown
    page = html.unescape(shown.split('srcdoc="')[1].split('" sandbox')[0])
    assert page.startswith("<!DOCTYPE html>")
    assert "libc10.so" in page


def test_this_environment_is_judged_and_planned_for(tmp_path: Path) -> None:
    folder = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    report = gpufix.diagnose(folder)
    assert report.environment.prefix == str(folder)
    assert report.environment.chosen == "named with --python"
    assert gpufix.plan(folder).plans == []


def test_an_error_is_explained() -> None:
    found = gpufix.explain_error(
        "ImportError: libc10.so: cannot open shared object file: No such file"
    )
    assert found is not None
    assert found.rule == "SYM402"
    assert gpufix.explain_error("all is well") is None


@pytest.mark.parametrize(
    "asked",
    [
        {"environment": "/no/such"},
        {"facts": DELETED, "gpus": ["RTX 5O80"]},
        {"facts": DELETED, "select": ["SYM999"]},
        {"facts": "/no/such"},
    ],
)
def test_what_cannot_be_done_says_why(asked: dict[str, object]) -> None:
    with pytest.raises(gpufix.GpufixError):
        gpufix.diagnose(**asked)  # type: ignore[arg-type]


def test_importing_gpufix_loads_nothing() -> None:
    code = (
        "import sys, time; before = set(sys.modules); start = time.perf_counter(); import gpufix;"
        "print(time.perf_counter() - start, sorted(set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    seconds, _, loaded = done.stdout.partition(" ")
    assert set(loaded.strip(" []\n").split(", ")) == {"'gpufix'"}
    assert float(seconds) < 0.25  # a millisecond; more only where the disk is slow
