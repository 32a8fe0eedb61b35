"""What tests need: declared, skipped with its reason, counted in the last line; no other way."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import needs

HERE = Path(__file__).parent
# The one place that decides: the table, how its rows are found, and this file's own texts.
DECIDES = ("needs.py", "need_finders.py", "test_needs.py")
ASKED_ELSEWHERE = {"GPU", "CUDA GPU", "package index"}  # torch and pip answer, not PATH
OTHER_WAYS = re.compile(
    r"\b(shutil\.which|from shutil import|importorskip|skipif|mark\.skip|pytest\.skip|unittest)\b"
)


def test_nothing_else_decides_what_is_skipped() -> None:
    found = [
        f"{path.relative_to(HERE)}:{number}: {line.strip()}"
        for path in sorted(HERE.rglob("*.py"))
        if path.name not in DECIDES
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if OTHER_WAYS.search(line)
    ]
    assert found == [], "declare it with pytest.mark.needs (tests/needs.py)"


@pytest.mark.parametrize("name", sorted(needs.NEEDS.keys() - ASKED_ELSEWHERE))
def test_a_bare_machine_lacks_it_without_an_error(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    assert isinstance(needs.NEEDS[name].find(), str)


def test_what_is_missing_is_named_once_with_what_it_needs_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    here = {"git": "/x/git", "clang": "/x/clang++"}
    monkeypatch.setattr(needs, "_found", lambda name: here.get(name, ""))
    assert needs.missing("git") == []
    assert needs.missing("git", "patch", "hip", "patch", "nvcc") == ["patch", "g++", "hip", "nvcc"]
    assert needs.path("clang") == "/x/clang++"
    assert (needs.optional("git"), needs.optional("patch")) == ("/x/git", "")
    with pytest.raises(needs.Missing, match=r"^needs patch \(Debian: patch\), root$"):
        needs.require("patch", "git", "root")


TESTS = """
import subprocess
import needs
import pytest

@pytest.fixture(scope="session")
def repository():
    needs.require("git")

@pytest.mark.parametrize("one", [1, 2, 3])
@pytest.mark.needs("Linux")
@pytest.mark.needs("patch")
def test_by_mark(one): subprocess.run(["patch"], check=True)

def test_by_a_shared_fixture(repository): subprocess.run(["git"], check=True)

@pytest.mark.needs("git")
def test_by_both(repository): pass

def test_by_path(): subprocess.run([needs.path("patch")], check=True)

def test_what_is_no_need(): subprocess.run([*"{sh} -c true".split()], check=True)
"""
SHARED = """
import subprocess
import needs
import pytest

@pytest.fixture(scope="session")
def repository():
    needs.require("git")

def test_first(repository): pass

def test_second(repository): subprocess.run(["git"], check=True)
"""
UNDECLARED = """
import subprocess
import pytest

@pytest.mark.needs("patch")
def test_declared(): subprocess.run(["patch"], check=True)

def test_another_declared_it(): subprocess.run(["{bin}/patch"], check=True)

@pytest.mark.needs("no such thing")
def test_mistyped(): pass
"""


def run(folder: Path, text: str, programs: tuple[str, ...], *options: str, **env: str) -> list[str]:
    """The output of pytest on these tests, on a machine that has these programs alone."""
    place = folder / "bin"
    place.mkdir()
    for name in programs:
        (place / name).symlink_to("/bin/true")
    (folder / "test_it.py").write_text(text.replace("{bin}", str(place)).replace("{sh}", "/bin/sh"))
    options = ("-q", "-p", "conftest", "-p", "no:cacheprovider", "-c", "/dev/null", *options)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, "--rootdir", str(folder), str(folder)],
        capture_output=True, text=True, check=False, timeout=120,
        env={"PATH": str(place), "PYTHONPATH": str(HERE), "HOME": str(folder), **env},
    )  # fmt: skip
    return [line for line in (done.stdout + done.stderr).splitlines() if line]


def test_with_everything_nothing_is_added(tmp_path: Path) -> None:
    said = run(tmp_path, TESTS, ("git", "patch"), "-n0", GPUFIX_TESTS_REQUIRE="git,patch")
    assert re.fullmatch(r"7 passed in .*", said[-1]), said


def test_what_a_shared_fixture_declares_holds_for_every_test_of_it(tmp_path: Path) -> None:
    """In whatever order: here another test has set the fixture up."""
    said = run(tmp_path, SHARED, ("git",), "-n0", GPUFIX_TESTS_REQUIRE="git")
    assert re.fullmatch(r"2 passed in .*", said[-1]), said


@pytest.mark.parametrize("workers", ["-n0", "-n1"])
def test_without_the_last_line_counts_what_was_not_run(tmp_path: Path, workers: str) -> None:
    said = run(tmp_path, TESTS, (), workers, "-rs")
    assert re.fullmatch(r"1 passed, 6 skipped in .*", said[-2]), said
    last = "not run because of missing: patch 4 tests (Debian: patch), git 2 (Debian: git)"
    assert said[-1] == last
    reasons = {line.rpartition(": needs ")[2] for line in said if line.startswith("SKIPPED")}
    assert reasons == {"patch (Debian: patch)", "git (Debian: git)"}


def test_what_is_not_declared_fails_where_the_program_is(tmp_path: Path) -> None:
    said = run(tmp_path, UNDECLARED, ("patch",), "-n0", "-rA")
    assert re.fullmatch(r"1 failed, 1 passed, 1 error in .*", said[-1]), said
    outcome = {line.split()[1].rpartition("::")[2]: line for line in said if "::test_" in line}
    assert outcome["test_declared"].startswith("PASSED")
    assert any('declare it with pytest.mark.needs("patch")' in line for line in said)
    assert any("no such thing" in line for line in said)


TABLES = """
import pytest

@pytest.mark.some(3)
@pytest.mark.parametrize("row", range(10))
def test_a_table(row): pass

@pytest.mark.some(3)
@pytest.mark.parametrize("row", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_a_short_one(row): pass
"""


@pytest.mark.parametrize(
    ("when", "rows"),
    [("not slow", ["table[0]", "table[4]", "table[7]", "short_one[0]"]), ("slow", 8), ("", 12)],
)
def test_of_a_marked_table_some_rows_run_each_time(
    tmp_path: Path, when: str, rows: list[str] | int
) -> None:
    said = run(tmp_path, TABLES, (), "-n0", "-rA", "-m", when)
    ran = sorted(line.rpartition("::test_a_")[2] for line in said if line.startswith("PASSED"))
    assert ran == sorted(rows) if isinstance(rows, list) else len(ran) == rows


@pytest.mark.parametrize(
    ("promise", "says"),
    [
        ("git, patch", "GPUFIX_TESTS_REQUIRE=git, patch: not found: patch (Debian: patch)"),
        ("git,pach", "GPUFIX_TESTS_REQUIRE: no need is called pach; there are gcc"),
    ],
)
def test_a_promise_that_does_not_hold_runs_nothing(tmp_path: Path, promise: str, says: str) -> None:
    said = run(tmp_path, TESTS, ("git",), "-n0", GPUFIX_TESTS_REQUIRE=promise)
    assert any(says in line for line in said), said
    assert not any("passed" in line for line in said)
