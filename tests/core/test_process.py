"""The runner of programs, with real ones: that behave, chatter, hang, crash and leave others behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gpufix import process
from gpufix.process import Child, Finished, Limits, NoAnswer, NotStarted, Program, ask, run

pytestmark = pytest.mark.timeout(120)

PYTHON = [sys.executable, "-I", "-S", "-c"]
LONG = Limits(60.0)
SOON = Limits(1.0, grace_s=0.3)


def python(code: str, limits: Limits = LONG) -> Finished:
    return run(Program([*PYTHON, code]), limits)


def sh(code: str, limits: Limits = LONG) -> Finished:
    return run(Program(["sh", "-c", code]), limits)


def gone(pid: int) -> bool:
    """Ended: no longer there, or a zombie that nobody reaps here. Else it is killed now."""
    for _ in range(250):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return True
        if state == "Z":
            return True
        time.sleep(0.02)
    os.kill(pid, signal.SIGKILL)
    return False


def written(path: Path, count: int = 1) -> list[int]:
    """Waits for so many process numbers, one a line."""
    deadline = time.monotonic() + 60
    while not path.exists() or path.read_text().count("\n") < count:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return [int(line) for line in path.read_text().split()]


@dataclass(frozen=True)
class End:
    """What is expected of a program."""

    code: int | None
    out: str = ""
    err: str = ""
    signal: str | None = None
    problem: str | None = None


ENDS: dict[str, tuple[str, Limits, End]] = {
    "nothing": ("", LONG, End(0)),
    "a code": ("echo out; echo err >&2; exit 3", LONG, End(3, "out\n", "err\n")),
    "a high code": ("exit 255", LONG, End(255)),
    "a signal": ("kill -SEGV $$", LONG, End(-11, signal="SIGSEGV")),
    "a kill": ("echo a; kill -KILL $$", LONG, End(-9, "a\n", signal="SIGKILL")),
    "a real-time signal": ("kill -40 $$", LONG, End(-40, signal="signal 40")),
    "no text": (r"printf '\377{'", LONG, End(0, "\ufffd{")),
    "a closed output": ("exec >&- 2>&-; sleep 0.2; exit 4", LONG, End(4)),
    "the time": ("echo a; sleep 60", SOON, End(None, "a\n", problem="did not end within 1 s")),
    "a part of a second": (
        "exec sleep 60",
        Limits(0.25, grace_s=0.0),
        End(None, problem="did not end within 0.25 s"),
    ),
    "a good end at the request": (
        # No child: between fork and exec it would still have the trap, and tidy up too.
        "exec 2>/dev/null; trap 'echo tidied; exit 0' TERM; echo a; while :; do :; done",
        Limits(1.0, grace_s=30.0),
        End(None, "a\ntidied\n", problem="did not end within 1 s"),
    ),
    "another request": (
        "exec 2>/dev/null; trap 'echo tidied; exit 0' INT; while :; do :; done",
        Limits(1.0, grace_s=30.0, request=signal.SIGINT),
        End(None, "tidied\n", problem="did not end within 1 s"),
    ),
    "no request": (
        "trap 'echo tidied' TERM; while :; do sleep 0.05; done",
        Limits(0.5, grace_s=0.0),
        End(None, problem="did not end within 0.5 s"),
    ),
    "deaf to the request": (
        "trap '' TERM; while :; do sleep 0.05; done",
        SOON,
        End(None, problem="did not end within 1 s"),
    ),
}


@pytest.mark.some(6)
@pytest.mark.parametrize("case", ENDS)
def test_how_it_ends(case: str) -> None:
    code, limits, end = ENDS[case]
    found = sh(code, limits)
    assert (found.code, found.stdout, found.stderr) == (end.code, end.out, end.err)
    assert (found.signal_name, found.problem) == (end.signal, end.problem)
    assert found.timed_out == (end.problem is not None)
    assert found.dropped == 0
    assert 0 < found.seconds < 20


def test_arguments_environment_and_folder_are_handed_on_without_a_shell(tmp_path: Path) -> None:
    code = "import os, sys; print(sys.argv[1:], dict(os.environ), os.getcwd())"
    program = Program([*PYTHON, code, "$HOME; ls", "*"], {"LC_CTYPE": "C.UTF-8"}, tmp_path)
    said = run(program, LONG).stdout
    assert said == f"['$HOME; ls', '*'] {{'LC_CTYPE': 'C.UTF-8'}} {tmp_path}\n"


def not_there(folder: Path) -> Program:
    return Program([folder / "nothing"])


def not_executable(folder: Path) -> Program:
    (folder / "plain").write_text("#!/bin/sh\n")
    return Program([folder / "plain"])


def text_file(folder: Path) -> Program:
    (folder / "text").write_text("echo a shell would run this\n")
    (folder / "text").chmod(0o755)
    return Program([folder / "text"])


UNSTARTABLE: dict[str, tuple[Callable[[Path], Program], str]] = {
    "not there": (not_there, "No such file or directory"),
    "not executable": (not_executable, "Permission denied"),
    "a text file": (text_file, "Exec format error"),
    "a folder": (lambda folder: Program([folder]), "Permission denied"),
    "not on PATH": (lambda _: Program(["no-such-program-x"]), "No such file or directory"),
    "a zero byte": (lambda _: Program(["a\0b"]), "embedded null byte"),
    "no such folder": (
        lambda folder: Program(["true"], cwd=folder / "no"),
        "No such file or directory: {folder}/no",
    ),
    "no place for the log": (
        lambda folder: Program(["true"], log=folder / "no" / "log"),
        "No such file or directory: {folder}/no/log",
    ),
}


@pytest.mark.parametrize("case", UNSTARTABLE)
def test_what_cannot_be_started(case: str, tmp_path: Path) -> None:
    make, reason = UNSTARTABLE[case]
    with pytest.raises(NotStarted) as caught:
        run(make(tmp_path), LONG)
    assert caught.value.problem == f"could not be started: {reason.format(folder=tmp_path)}"
    assert str(caught.value) == f"it {caught.value.problem}"


def test_a_short_answer() -> None:
    assert ask([*PYTHON, "print(1)"], {}, 60.0).out == b"1\n"


@pytest.mark.parametrize(
    ("code", "seconds", "problem"),
    [
        ("sleep 60", 0.5, "it did not end within 0.5 s"),
        ("yes", 60.0, "it printed more than 1 MiB"),
        ("yes >&2", 60.0, "it printed more than 1 MiB"),
    ],
)
def test_no_answer(code: str, seconds: float, problem: str) -> None:
    with pytest.raises(NoAnswer) as caught:
        ask(["sh", "-c", code], {"PATH": os.environ["PATH"]}, seconds)
    assert str(caught.value) == problem


def test_a_flood_is_counted_and_takes_no_memory() -> None:
    tracemalloc.start()
    try:
        found = sh("head -c 100000000 /dev/zero; echo x >&2", Limits(60.0, kept=1 << 16))
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()
    assert (found.code, len(found.out), found.stderr) == (0, 1 << 16, "x\n")
    assert found.dropped == 100_000_000 - (1 << 16)


def test_what_was_printed_last_is_read() -> None:
    """More than a block of it is in the pipe when the program ends."""
    for _ in range(20):
        found = sh("head -c 65536 /dev/zero; head -c 65536 /dev/zero >&2")
        assert (len(found.out), len(found.err)) == (65536, 65536)


INPUTS = {
    "none": (None, "cat", b""),
    "empty": (b"", "cat", b""),
    "some": (b"a\0b\n", "cat", b"a\0b\n"),
    "more than a pipe holds": (b"x" * (3 << 20), "cat", b"x" * (3 << 20)),
    "not read": (b"x" * (3 << 20), "exec echo done", b"done\n"),
}


@pytest.mark.parametrize("case", INPUTS)
def test_standard_input(case: str) -> None:
    given, code, out = INPUTS[case]
    assert run(Program(["sh", "-c", code], given=given), LONG).out == out


def test_standard_streams_that_are_closed_here(tmp_path: Path) -> None:
    code = script(
        "print(run(Program(['cat'], given=b'abc'), Limits(20)).out, file=open('said', 'w'))"
    )
    subprocess.run(["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", *code], cwd=tmp_path, timeout=60)
    assert (tmp_path / "said").read_text() == "b'abc'\n"


def test_output_in_a_file(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("before\n")
    found = run(Program(["sh", "-c", "echo out; echo err >&2"], log=log), LONG)
    assert (found.code, found.out, found.err) == (0, b"", b"")
    assert log.read_text() == "before\nout\nerr\n"
    found = run(Program(["yes"], log=log), Limits(60.0, most=1 << 20))
    assert (found.code, found.problem) == (None, "printed more than 1 MiB")


@pytest.mark.parametrize("shown", [True, False])
def test_descriptors_are_inherited_on_request_alone(shown: bool) -> None:
    read, write = os.pipe()
    try:
        code = f"sh -c 'echo from a grandchild > /proc/self/fd/{write}'; exit 0"
        run(Program(["sh", "-c", code], pass_fds=(write,) if shown else ()), LONG)
        os.set_blocking(read, False)
        if shown:
            assert os.read(read, 100) == b"from a grandchild\n"
        else:
            with pytest.raises(BlockingIOError):
                os.read(read, 100)
    finally:
        os.close(read)
        os.close(write)


# Each prints the number of a descendant, which is to be ended with the program.
LEFT = {
    "in the background": "sleep 600 & echo $!",
    "that holds no pipe": "sleep 600 >/dev/null 2>&1 & echo $!",
    "deaf": "(trap '' TERM INT HUP; exec sleep 600) & echo $!",
    "deaf, of a grandchild": "sh -c \"trap '' TERM; sleep 600 & echo \\$!\" & wait",
}


@pytest.mark.some(4)
@pytest.mark.parametrize("at", ["its end", "the limit"])
@pytest.mark.parametrize("case", LEFT)
def test_what_it_started_ends_with_it(case: str, at: str) -> None:
    found = sh(LEFT[case] + ("; wait; sleep 600" if at == "the limit" else "; sleep 0.2"), SOON)
    assert found.timed_out == (at == "the limit")
    assert found.seconds < 20
    assert gone(int(found.stdout))


def test_at_a_limit_other_groups_of_its_session_end_too() -> None:
    """`timeout` and job control make such groups: a signal to the leader's does not reach them."""
    code = (
        "import os, time\nif os.fork() == 0:\n  os.setpgid(0, 0); print(os.getpid(), flush=True)\n"
    )
    found = python(code + "time.sleep(600)", SOON)
    assert found.timed_out
    assert gone(int(found.stdout))


def test_a_descendant_with_a_session_of_its_own_lives_on_and_is_not_waited_for() -> None:
    found = sh("setsid sh -c 'echo $$; exec sleep 600' & sleep 0.5")
    pid = int(found.stdout)
    try:
        assert found.code == 0
        assert found.seconds < 20
        os.kill(pid, 0)
    finally:
        os.kill(pid, signal.SIGKILL)


def test_a_program_under_way_is_read_however_short_the_looks_are() -> None:
    child = Child(Program(["head", "-c", "3000000", "/dev/zero"]), LONG)
    try:
        child.start()
        while not child.wait(0.0):
            time.sleep(0.001)
    finally:
        child.end()
    assert child.finished is not None
    assert (child.finished.code, len(child.finished.out)) == (0, 3_000_000)


def test_ending_what_was_never_started_or_has_ended_does_nothing() -> None:
    child = Child(Program(["true"]), LONG)
    child.end()
    assert child.finished is None
    child = Child(Program(["true"]), LONG)
    child.start()
    assert child.wait()
    child.end()
    first = child.finished
    child.end()
    assert child.finished is first is not None


def test_time_counts_from_where_it_is_told() -> None:
    child = Child(Program(["sleep", "60"]), Limits(30.0), since=time.monotonic() - 29.8)
    try:
        child.start()
        assert child.wait(20.0)
    finally:
        child.end()
    assert child.finished is not None
    assert child.finished.problem == "did not end within 30 s"


@pytest.fixture
def reaped_last(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Fails when a group is signalled whose leader was reaped: the number may be another's by then."""
    events: list[str] = []
    killpg, wait = os.killpg, subprocess.Popen.wait

    def watched(group: int, number: int) -> None:
        # Raises ChildProcessError when the leader is no child (any more).
        os.waitid(os.P_PID, group, os.WEXITED | os.WNOWAIT | os.WNOHANG)
        events.append(signal.Signals(number).name)
        killpg(group, number)

    def reap(child: Any, timeout: float | None = None) -> int:
        events.append("reaped")
        return int(wait(child, timeout))

    monkeypatch.setattr(os, "killpg", watched)
    monkeypatch.setattr(subprocess.Popen, "wait", reap)
    yield events
    assert events[-2:] == ["SIGKILL", "reaped"]
    assert events.count("reaped") == 1


@pytest.mark.some(2)
@pytest.mark.parametrize(
    ("code", "limits"),
    [
        ("exit 0", LONG),
        ("kill -KILL $$", LONG),
        ("sleep 600 & exit 0", LONG),
        ("exec sleep 600", SOON),
        ("trap '' TERM; sleep 600 & wait; sleep 600", SOON),
        ("exec sleep 600", Limits(0.3, grace_s=0.0)),
        ("exec yes", Limits(60.0, most=1 << 20)),
    ],
)
def test_the_leader_is_reaped_last(code: str, limits: Limits, reaped_last: list[str]) -> None:
    sh(code, limits)


def test_the_leader_is_reaped_last_after_an_exception(reaped_last: list[str]) -> None:
    child = Child(Program(["sleep", "600"]), LONG)
    child.start()
    child.end()


def test_a_killed_program_that_does_not_go_is_given_up(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As one does that hangs in a driver: here signals do not reach it."""
    mark = tmp_path / "pid"
    code = f"echo $$ > {mark}; exec sleep 600"
    with monkeypatch.context() as patch:
        patch.setattr(os, "killpg", lambda group, number: None)
        patch.setattr(process, "_signal_session", lambda leader, number: None)
        found = sh(code, Limits(1.0, grace_s=0.2, patience_s=0.2))
    try:
        assert found.code is None and found.timed_out
        assert found.problem == "did not end within 1 s and cannot be killed"
        assert found.seconds < 20
    finally:
        (pid,) = written(mark)
        os.kill(pid, signal.SIGKILL)
        for stuck in process._stuck:
            stuck.wait(20)
        process._stuck.clear()


@pytest.mark.parametrize("case", ["a good end", "left behind", "the limit"])
def test_a_kernel_without_pidfd(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(pid: int, flags: int = 0) -> int:
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(os, "pidfd_open", refused)
    code = {"a good end": "echo 0", "left behind": "sleep 600 & echo $!", "the limit": "sleep 600"}
    found = sh(code[case], SOON)
    assert found.timed_out == (case == "the limit")
    assert case != "left behind" or gone(int(found.stdout))


def test_a_system_that_cannot_wait_without_reaping(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is signalled once the leader is reaped; before, its group is."""
    monkeypatch.delattr(os, "waitid")
    signalled: list[int] = []
    killpg = os.killpg

    def watched(group: int, number: int) -> None:
        signalled.append(number)
        killpg(group, number)

    monkeypatch.setattr(os, "killpg", watched)
    assert sh("echo out; exit 3").code == 3
    assert signalled == []
    assert sh("exec sleep 600", SOON).timed_out
    assert signalled == [signal.SIGTERM]


def test_nothing_stays_open() -> None:
    before = sorted(Path("/proc/self/fd").iterdir())
    for code, limits, _ in ENDS.values():
        if limits is LONG:
            sh(code, limits)
    sh("sleep 600", Limits(0.2))
    with pytest.raises(NotStarted):
        run(Program(["/no/such/program"]), LONG)
    assert sorted(Path("/proc/self/fd").iterdir()) == before


# What a signal does is tried on a process of its own, which takes signals as gpufix does.
HEAD = """\
import os, signal, subprocess, sys, threading, time
sys.path.insert(0, {source!r})
from gpufix import process
from gpufix.process import *
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, lambda number, _: sys.exit(128 + number))
"""


def script(code: str) -> list[str]:
    source = str(Path(process.__file__).parents[1])
    return [sys.executable, "-c", HEAD.format(source=source) + code]


def interrupted(command: list[str], mark: Path, count: int, *numbers: int) -> tuple[int, list[int]]:
    """The exit code, and which of the `count` processes that were under way have outlived it."""
    left: list[int] = []
    with subprocess.Popen(command, cwd=mark.parent) as started:
        try:
            pids = written(mark, count)
            for number in numbers:
                started.send_signal(number)
                time.sleep(0.5 if len(numbers) > 1 else 0)
            status = started.wait(60)
        finally:
            started.kill()
            left += [pid for pid in written(mark) if not gone(pid)]
    assert len(pids) == count
    return status, left


TREE = (
    "trap '' INT HUP; sh -c 'echo $$ >> {mark}; exec sleep 600' & echo $$ >> {mark}; exec sleep 600"
)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupt_ends_everything(number: signal.Signals, tmp_path: Path) -> None:
    mark = tmp_path / "pids"
    code = f"run(Program(['sh', '-c', {TREE.format(mark=mark)!r}]), Limits(600))"
    assert interrupted(script(code), mark, 2, number) == (128 + number, [])


def test_a_second_interrupt_ends_the_grace(tmp_path: Path) -> None:
    mark = tmp_path / "pids"
    deaf = f"trap '' TERM; echo $$ >> {mark}; while :; do sleep 0.1; done"
    code = f"run(Program(['sh', '-c', {deaf!r}]), Limits(600, grace_s=600))"
    begin = time.monotonic()
    assert interrupted(script(code), mark, 1, signal.SIGINT, signal.SIGINT) == (130, [])
    assert time.monotonic() - begin < 60


def test_an_interrupt_while_it_starts(tmp_path: Path) -> None:
    """Between the fork and the moment at which its number is known."""
    mark = tmp_path / "pids"
    code = f"""
real = subprocess.Popen
def popen(*arguments, **options):
    child = real(*arguments, **options)
    open({str(mark)!r}, "w").write(f"{{child.pid}}\\n")
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(0.2)
    return child
subprocess.Popen = popen
run(Program(["sleep", "600"]), Limits(600))
"""
    assert interrupted(script(code), mark, 1) == (130, [])


def test_handlers_are_put_back() -> None:
    before = [signal.getsignal(number) for number in process._INTERRUPTS]
    sh("exit 0")
    with pytest.raises(NotStarted):
        run(Program(["/no/such/program"]), LONG)
    assert [signal.getsignal(number) for number in process._INTERRUPTS] == before


def test_stopping_ends_those_of_all_threads_and_lets_none_start(tmp_path: Path) -> None:
    mark = tmp_path / "pids"
    tree = TREE.format(mark=mark)
    code = f"""
ended = []
def work():
    ended.append(run(Program(["sh", "-c", {tree!r}]), Limits(600)).signal_name)
threads = [threading.Thread(target=work) for _ in range(3)]
for thread in threads:
    thread.start()
while not os.path.exists({str(mark)!r}) or open({str(mark)!r}).read().count("\\n") < 6:
    time.sleep(0.01)
stop_all()
for thread in threads:
    thread.join(30)
try:
    run(Program(["true"]), Limits(5))
except Stopped:
    sys.exit(9 if ended == ["SIGKILL"] * 3 else 1)
"""
    assert interrupted(script(code), mark, 6) == (9, [])


def test_where_children_are_reaped_by_the_kernel(tmp_path: Path) -> None:
    """SIGCHLD is ignored by what started gpufix: codes are lost, nothing hangs, nobody is hit."""
    code = """
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
print(run(Program(["echo", "a"]), Limits(20)).out)
print(run(Program(["sleep", "600"]), Limits(0.3)).problem)
"""
    done = subprocess.run(script(code), capture_output=True, text=True, timeout=60)
    assert done.stdout == "b'a\\n'\ndid not end within 0.3 s\n", done.stderr


def test_in_a_thread_no_handler_is_touched() -> None:
    found: list[Finished] = []
    thread = threading.Thread(target=lambda: found.append(sh("echo a")))
    thread.start()
    thread.join(60)
    assert found[0].out == b"a\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_gpufix_leaves_no_program_behind(number: signal.Signals, tmp_path: Path) -> None:
    mark, fake = tmp_path / "pids", tmp_path / "python"
    fake.write_text(f"#!/bin/sh\necho $$ >> {mark}\nsleep 600 & echo $! >> {mark}\nwait\n")
    fake.chmod(0o755)
    command = [sys.executable, "-m", "gpufix", "doctor", "--python", str(fake)]
    assert interrupted(command, mark, 2, number) == (128 + number, [])
