"""Children that behave, chatter, hang, crash, and leave others behind."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from gpufix.process import MAX_OUTPUT, Finished, run_limited


def python(code: str, limit_s: float = 20.0) -> Finished:
    return run_limited([sys.executable, "-I", "-S", "-c", code], limit_s)


def test_both_streams_and_the_code() -> None:
    ended = python("import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)")
    assert (ended.code, ended.stdout, ended.stderr) == (3, "out\n", "err\n")
    assert not ended.timed_out
    assert ended.signal_name is None


def test_a_signal_is_named() -> None:
    assert python("import os; os.abort()").signal_name == "SIGABRT"


def test_much_output_is_read_and_clipped() -> None:
    ended = python(
        "import sys; sys.stdout.write('x' * (9 << 20)); sys.stderr.write('y' * (1 << 20))"
    )
    assert ended.code == 0
    assert len(ended.stdout) == MAX_OUTPUT
    assert len(ended.stderr) == 1 << 20


def test_bytes_that_are_no_text() -> None:
    assert python("import os; os.write(1, b'\\xff{')").stdout == "�{"


def test_standard_input_is_empty() -> None:
    assert python("import sys; print(sys.stdin.read() == '')").stdout == "True\n"


def test_at_the_limit_the_whole_group_is_killed(tmp_path: Path) -> None:
    grandchild = tmp_path / "pid"
    code = (
        "import subprocess, sys, time\n"
        f"p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        f"open({str(grandchild)!r}, 'w').write(str(p.pid))\n"
        "print('started', flush=True)\n"
        "time.sleep(600)\n"
    )
    ended = python(code, limit_s=3.0)
    assert ended.timed_out
    assert ended.code is None
    assert gone(int(grandchild.read_text()))


def test_what_a_child_leaves_behind_is_ended(tmp_path: Path) -> None:
    ended = python(
        "import subprocess, sys\n"
        "p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "print(p.pid, flush=True)\n"
    )
    assert ended.code == 0
    assert gone(int(ended.stdout))


def gone(pid: int) -> bool:
    """Killed: no longer there, or a zombie that nobody reaps here."""
    for _ in range(200):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return True
        if state == "Z":
            return True
        time.sleep(0.02)
    os.kill(pid, 9)
    return False


def test_a_program_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        run_limited([tmp_path / "nothing"], 5.0)
