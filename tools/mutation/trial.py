"""Runs in a forked child: some test files on a copy of the tree, which may hold a mutant."""

from __future__ import annotations

import os
import resource
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

_MEMORY, _FILE = 8 << 30, 1 << 30  # bytes: a mutant's endless loop must not take the machine down


@dataclass(frozen=True)
class Copy:
    """A copy of the tree: where it lies, its package, a folder for temporary files, its interpreter."""

    tree: Path
    source: str
    package: str
    temporary: Path
    python: Path


@dataclass
class Said:
    """What the tests came to. `cpu`: seconds; `wrong`: why it says nothing of the copy."""

    passed: int = 0
    failed: list[str] = field(default_factory=list)
    cpu: float = 0
    wrong: str = ""


class _Watch:
    def __init__(self, copy: Copy, first: Sequence[str]) -> None:
        self.copy, self.first, self.said = copy, first, Said()

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items.sort(key=lambda item: item.nodeid not in self.first)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.said.failed.append(report.nodeid)
        elif report.passed and report.when == "call":
            self.said.passed += 1

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.said.failed.append(report.nodeid)

    def pytest_sessionfinish(self) -> None:
        module = sys.modules.get(self.copy.package)
        here = str(getattr(module, "__file__", ""))
        if module and not here.startswith(f"{self.copy.tree}/"):
            self.said.wrong = f"the tests have imported {here}"


def run(
    copy: Copy,
    options: Sequence[str],
    cpu: int,
    first: Sequence[str],
    write: bool,
    send: Connection,
) -> None:
    """Run pytest in the copy, with what it prints in a file beside it.

    `cpu`: its limit, and that of each program that it starts. `first`: tests to begin with.
    `write`: byte code, too.
    """
    os.setsid()
    output = os.open(copy.temporary / "output", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for descriptor in (0, 1, 2):
        os.dup2(output if descriptor else os.open(os.devnull, os.O_RDONLY), descriptor)
    resource.setrlimit(resource.RLIMIT_CPU, (cpu, cpu + 5))
    resource.setrlimit(resource.RLIMIT_DATA, (_MEMORY, _MEMORY))
    resource.setrlimit(resource.RLIMIT_FSIZE, (_FILE, _FILE))
    os.chdir(copy.tree)
    os.environ |= {
        "PYTHONDONTWRITEBYTECODE": "" if write else "1",  # of programs that tests start
        "HYPOTHESIS_STORAGE_DIRECTORY": str(copy.temporary / "hypothesis"),
    }
    os.environ.pop("PYTEST_ADDOPTS", None)
    sys.dont_write_bytecode = not write
    sys.executable = str(copy.python)
    sys.path.insert(0, str(copy.tree / copy.source))
    watch = _Watch(copy, first)
    code = pytest.main([*options, f"--basetemp={copy.temporary / 'tests'}"], plugins=[watch])
    if (
        code not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)
        and not watch.said.failed
    ):
        watch.said.failed.append(f"pytest ended with {code!s}")
    watch.said.cpu = _cpu()
    send.send(watch.said)
    os.killpg(0, signal.SIGKILL)  # with what the tests have left running


def _cpu() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(u.ru_utime + u.ru_stime for u in used)
