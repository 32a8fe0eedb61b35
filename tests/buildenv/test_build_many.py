"""Several builds at once: how they share, and that none is left behind."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from gpufix.engine.builds.build_process import Ended, Running, Task, build_all
from gpufix.fixes.build_environment.variables import Folder

FOLDERS = [Folder(f"/src/{n}", "python") for n in range(5)]


class Watch:
    """Remembers the most that ran at once."""

    def __init__(self) -> None:
        self.jobs: dict[str, int] = {}
        self.at_once = 0

    def started(self, folder: Folder, jobs: int) -> None:
        self.jobs[folder.path] = jobs

    def progress(self, running: Sequence[tuple[Folder, Running]]) -> None:
        self.at_once = max(self.at_once, len(running))

    def ended(self, ended: Ended) -> None:
        return


def task(tmp_path: Path, folder: Folder, *codes: str, limit_s: float | None = None) -> Task:
    commands = [[sys.executable, "-I", "-S", "-c", code] for code in codes]
    log = tmp_path / f"{folder.path.rpartition('/')[2]}.log"
    return Task(commands, {"PATH": os.defpath}, str(tmp_path), log, limit_s)


@pytest.mark.parametrize(
    ("count", "slots", "jobs", "shares"),
    [
        (1, 1, 8, [8]),
        (2, 2, 8, [4, 4]),
        (3, 3, 2, [1, 1, 1]),
        (3, 3, 8, [2, 3, 3]),
        (5, 2, 4, None),
    ],
)
def test_jobs_are_shared(
    tmp_path: Path, count: int, slots: int, jobs: int, shares: list[int] | None
) -> None:
    watch = Watch()
    ended = build_all(FOLDERS[:count], lambda f, _: task(tmp_path, f, "pass"), (slots, jobs), watch)
    assert [e.reason for e in ended] == [None] * count
    assert watch.at_once <= slots
    assert shares is None or sorted(watch.jobs.values()) == shares


def test_the_first_command_that_fails_ends_it(tmp_path: Path) -> None:
    codes = ("print('one')", "import sys; print('two'); sys.exit(3)", "print('three')")
    (ended,) = build_all(FOLDERS[:1], lambda f, _: task(tmp_path, f, *codes), (1, 1), Watch())
    assert ended.reason is not None and ended.reason.endswith("exits with 3")
    log = (tmp_path / "0.log").read_text()
    assert "one\n" in log and "two\n" in log and "three\n" not in log


FAILURES = {
    "a signal": ("import os; os.kill(os.getpid(), 9)", "SIGKILL"),
    "its time": ("import time; time.sleep(60)", "did not end within 1 s"),
}


@pytest.mark.parametrize("case", FAILURES)
def test_other_ends(tmp_path: Path, case: str) -> None:
    code, reason = FAILURES[case]
    made = build_all(
        FOLDERS[:1],
        lambda f, _: task(tmp_path, f, code, limit_s=1.0 if case == "its time" else 60),
        (1, 1),
        Watch(),
    )
    (ended,) = made
    assert ended.reason is not None and reason in ended.reason


def test_a_program_that_is_not_there_and_a_folder_that_cannot_be_prepared(tmp_path: Path) -> None:
    def prepare(folder: Folder, _: int) -> Task:
        if folder is FOLDERS[0]:
            raise OSError("no space left")
        return Task([["/no/such/program"]], {}, str(tmp_path), tmp_path / "x.log")

    ended = list(build_all(FOLDERS[:2], prepare, (2, 2), Watch()))
    assert "no space left" in str(ended[0].reason)
    assert "could not be started" in str(ended[1].reason)


def test_what_a_program_leaves_behind_goes_with_it(tmp_path: Path) -> None:
    code = "import os, time\nif os.fork() == 0:\n open('pid', 'w').write(str(os.getpid())); time.sleep(60)\n"
    code += "while not os.path.exists('pid') or not open('pid').read(): time.sleep(0.01)"
    list(build_all(FOLDERS[:1], lambda f, _: task(tmp_path, f, code), (1, 1), Watch()))
    assert gone(int((tmp_path / "pid").read_text()))


def test_abandoned_builds_are_killed(tmp_path: Path) -> None:
    code = "import os, time; open('pid', 'w').write(str(os.getpid())); time.sleep(60)"

    class Impatient(Watch):
        def progress(self, running: Sequence[tuple[Folder, Running]]) -> None:
            if (tmp_path / "pid").exists() and (tmp_path / "pid").read_text():
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(build_all(FOLDERS[:1], lambda f, _: task(tmp_path, f, code), (1, 1), Impatient()))
    assert gone(int((tmp_path / "pid").read_text()))


def gone(pid: int) -> bool:
    for _ in range(200):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state == "Z":
            return True
        time.sleep(0.02)
    return False
