"""A plugin whose fix crashes, installed with pip beside gpufix: every command and format goes on."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest
import venvs
from distribution import Host, source

# Their patient has a stale lock.
pytestmark = pytest.mark.needs("all of the machine's processes")

# Answers also to a rule whose own fix removes the lock below.
CODES = "ZZZ101 JIT703"
CRASHES = r"raise ValueError('\x1b[31mred\n::error::x')"
INTERNAL = 3


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Host:
    """gpufix with a plugin whose fix crashes for two findings of three."""
    host = Host(tmp_path_factory.mktemp("crashing"))
    host.install(source(CRASHES, count=2, codes=CODES))
    return host


@pytest.fixture
def locked(empty: venvs.Venv) -> tuple[venvs.Venv, Path]:
    """A patient with a stale lock: JIT703, which gpufix's own fix removes."""
    lock = empty.home / ".cache/torch_extensions/py311_cpu/my_ext/lock"
    lock.parent.mkdir(parents=True)
    lock.touch()
    os.utime(lock, (time.time() - 7200,) * 2)
    return empty, lock


FORMATS = ("text", "json", "github", "sarif", "junit", "markdown", "html")


@pytest.mark.some(3)
@pytest.mark.parametrize("form", FORMATS)
def test_the_doctor_completes_its_report(
    form: str, host: Host, locked: tuple[venvs.Venv, Path]
) -> None:
    done = host.gpufix(locked[0], "doctor", "--format", form, "--fail-on", "never")
    assert done.returncode == INTERNAL, done.stderr
    for code in ("DOC003", "ZZZ101", "JIT703"):
        assert code in done.stdout
    assert "tidy.py" in done.stdout
    assert "\x1b" not in done.stdout
    assert "\n::error::x" not in done.stdout
    assert "remove" in done.stdout, "the plan of gpufix's own fix is shown"


def test_the_json_report_names_fix_rules_and_place(
    host: Host, locked: tuple[venvs.Venv, Path]
) -> None:
    made = json.loads(host.gpufix(locked[0], "doctor", "--format", "json").stdout)
    (finding,) = [f for f in made["findings"] if f["code"] == "DOC003"]
    assert (finding["name"], finding["subject"]) == ("fix-crashed", "tidy-up")
    assert "planning for JIT703 (" in finding["message"]
    assert "ZZZ101 (2 findings)" in finding["message"]
    place = finding["evidence"][0]
    line = Path(place["path"]).read_text().splitlines()[place["line"] - 1]
    assert line.strip() == CRASHES
    assert made["summary"]["verdict"] == "faults"


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_preview_shows_the_other_plans(
    form: str, host: Host, locked: tuple[venvs.Venv, Path]
) -> None:
    venv, lock = locked
    done = host.gpufix(venv, "fix", "--format", form)
    assert done.returncode == INTERNAL
    assert "DOC003" in done.stdout
    assert str(lock) in done.stdout
    assert "\x1b" not in done.stdout
    assert lock.exists()


def test_a_repair_carries_out_the_other_plans(host: Host, locked: tuple[venvs.Venv, Path]) -> None:
    venv, lock = locked
    done = host.gpufix(venv, "fix", "--apply", "--format", "json")
    outcome = json.loads(done.stdout)
    assert (outcome["state"], done.returncode) == ("kept", INTERNAL), outcome
    assert [f["code"] for f in outcome["fixed"]] == ["JIT703"]
    assert [f["code"] for f in outcome["remaining"]] == ["DOC003", "ZZZ101", "ZZZ101"]
    assert not lock.exists()
    again = host.gpufix(venv, "fix", "--apply")
    assert again.returncode == INTERNAL
    assert "nothing could be applied" in again.stdout
    assert "remaining DOC003 tidy-up" in again.stdout


@pytest.mark.parametrize(
    "code", ["DOC001", *(pytest.param(c, marks=pytest.mark.slow) for c in ("DOC002", "DOC003"))]
)
def test_the_codes_are_explained(code: str, host: Host, empty: venvs.Venv) -> None:
    done = host.gpufix(empty, "explain", code)
    assert done.returncode == 0
    assert "What it does" in done.stdout
    assert code in host.gpufix(empty, "rules").stdout


def test_a_log_is_explained_and_the_crash_is_said(
    host: Host, locked: tuple[venvs.Venv, Path]
) -> None:
    venv, _ = locked
    log = venv.home / "log.txt"
    log.write_text("ImportError: libcudart.so.12: cannot open shared object file: No such file\n")
    done = host.gpufix(venv, "explain", str(log), VIRTUAL_ENV=str(venv.path))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "DOC003: The fix tidy-up (tidy) crashed" in done.stdout


def test_a_healthy_plugin_is_silent(tmp_path: Path, locked: tuple[venvs.Venv, Path]) -> None:
    venv, lock = locked
    host = Host(tmp_path)
    host.install(source("return plan(finding, safety='manual')"))
    made = host.gpufix(venv, "doctor", "--format", "json")
    assert made.returncode == 0, "a warning: no torch is here that would wait for the lock"
    findings = json.loads(made.stdout)["findings"]
    assert sorted(f["code"] for f in findings) == ["JIT703", "ZZZ101"]
    assert [f["title"] for row in findings if row["code"] == "ZZZ101" for f in row["fixes"]] == [
        "tidy up"
    ]
    done = host.gpufix(venv, "fix", "--apply", "--format", "json")
    outcome = json.loads(done.stdout)
    assert [f["code"] for f in outcome["remaining"]] == ["ZZZ101"]
    assert done.returncode == 1, "the drawer is still untidy"
    assert not lock.exists()
