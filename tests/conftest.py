"""For all tests: what they need; a busy machine and the terminal they run from are no reason to fail."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Generator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

import needs

# What tells a program how and in which language to write; a test that means one sets it itself.
_WRITING = """
COLUMNS LINES TERM COLORTERM NO_COLOR FORCE_COLOR CLICOLOR CLICOLOR_FORCE PY_COLORS TERMINAL_WIDTH
TTY_COMPATIBLE TTY_INTERACTIVE LANGUAGE CI GITHUB_ACTIONS GITLAB_CI PYTHONIOENCODING PYTHONUTF8
"""
for name in (*_WRITING.split(), *(name for name in os.environ if name.startswith("LC_"))):
    os.environ.pop(name, None)
# What torch has built for this user is no part of a test either.
os.environ |= {"LANG": "C.UTF-8", "TZ": "UTC", "TORCH_EXTENSIONS_DIR": "/nonexistent"}
time.tzset()
# A background job ignores Ctrl-C, one of nohup the end of its terminal: and so would every program
# that a test interrupts.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) == signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

settings.register_profile("gpufix", deadline=None)
settings.load_profile("gpufix")

REQUIRED = "GPUFIX_TESTS_REQUIRE"
STARTED_BY = {program: name for name, need in needs.NEEDS.items() for program in need.programs}


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "needs(*names): what tests/needs.py must find, or skip")
    folders = [config.rootpath / name for name in config.getini("testpaths")]
    sys.addaudithook(partial(_watch, tuple(map(str, folders or [config.rootpath]))))
    if not hasattr(config, "workerinput"):
        _refuse_hollow(os.environ.get(REQUIRED, ""))


def _refuse_hollow(text: str) -> None:
    """A machine that promises to run all tests of some needs, and could not, runs none."""
    names = [name for part in text.split(",") if (name := part.strip())]
    if unknown := [name for name in names if name not in needs.NEEDS]:
        known = ", ".join(needs.NEEDS)
        raise pytest.UsageError(f"{REQUIRED}: no need is called {unknown[0]}; there are {known}")
    if absent := needs.missing(*names):
        found = ", ".join(map(needs.describe, absent))
        raise pytest.UsageError(f"{REQUIRED}={text}: not found: {found}")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    _all_but_some_are_slow(items)
    for item in items:
        if item.get_closest_marker("slow"):
            item.add_marker(pytest.mark.timeout(3600))


def _all_but_some_are_slow(items: list[pytest.Item]) -> None:
    """Of a test's rows, as many as its mark `some` says run each time, evenly spread over its table."""
    tables: dict[str, list[pytest.Item]] = {}
    for item in items:
        if item.get_closest_marker("some") and not item.get_closest_marker("slow"):
            tables.setdefault(item.nodeid.partition("[")[0], []).append(item)
    for rows in tables.values():
        rows.sort(key=_place)  # they may come in another order
        mark = rows[0].get_closest_marker("some")
        assert mark is not None
        [some] = mark.args
        for at, item in enumerate(rows):
            if at * some % len(rows) >= some:
                item.add_marker(pytest.mark.slow)


def _place(row: pytest.Item) -> tuple[int, ...]:
    """Where it stands in its table."""
    spec = getattr(row, "callspec", None)
    return tuple(spec.indices.values()) if spec else ()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    needs.declared.clear()
    # A fixture that is shared was set up for an earlier test: its declaration is this one's, too.
    needs.declared.update(
        *(_by_fixture.get(name, ()) for name in getattr(item, "fixturenames", ()))
    )
    needs.require(*(name for mark in item.iter_markers("needs") for name in mark.args))


_by_fixture: dict[str, set[str]] = {}


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(fixturedef: pytest.FixtureDef[Any]) -> Generator[None, Any, Any]:
    """Remember what a fixture declares."""
    own = _by_fixture.setdefault(fixturedef.argname, set())
    needs.recorders.append(own)
    try:
        return (yield)
    finally:
        needs.recorders.remove(own)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
    report = yield
    if call.excinfo and isinstance(call.excinfo.value, needs.Missing):
        report.missing = call.excinfo.value.names  # travels with it from a worker
    return report


def pytest_unconfigure(config: pytest.Config) -> None:
    """The last line, below pytest's own."""
    terminal = config.pluginmanager.get_plugin("terminalreporter")
    if terminal is None:  # in a worker
        return
    skipped = terminal.stats.get("skipped", [])
    counts = Counter(name for report in skipped for name in getattr(report, "missing", ()))
    if counts:
        terminal.write_line(f"not run because of missing: {_counted(counts)}")


def _counted(counts: Counter[str]) -> str:
    parts = []
    for name, count in counts.most_common():
        tests = "" if parts else " test" if count == 1 else " tests"
        brings = needs.NEEDS[name].brings
        parts.append(f"{name} {count}{tests}" + (f" ({brings})" if brings else ""))
    return ", ".join(parts)


def _watch(folders: tuple[str, ...], event: str, arguments: tuple[Any, ...]) -> None:
    """Fail a test whose own code starts a program of NEEDS that it has not declared."""
    if event != "subprocess.Popen":
        return
    program = re.sub(r"-\d+$", "", Path(os.fsdecode(arguments[0])).name)
    name = STARTED_BY.get(program)
    if name is None or name in needs.declared:
        return
    frame = sys._getframe(1)
    while frame.f_back and frame.f_code.co_filename == subprocess.__file__:
        frame = frame.f_back
    by = frame.f_code.co_filename
    if by.startswith(folders) and by != needs.find.__file__:
        pytest.fail(f'this test starts {program}: declare it with pytest.mark.needs("{name}")')
