"""Files named on the command line: a named pipe hangs nobody, standard input has names, too."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from gpufix.cli.choices import TextOrJson
from gpufix.cli.explain import LogRequest, explain_log
from gpufix.explain import read

LOG = b"ImportError: libcudart.so.12: cannot open shared object file: No such file or directory\n"


def gpufix(*arguments: str, cwd: Path, **options: object) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(  # type: ignore[call-overload,no-any-return]
        [sys.executable, "-m", "gpufix", *arguments],
        capture_output=True, check=False, cwd=cwd, timeout=60, **options,
    )  # fmt: skip


@pytest.mark.some(3)
@pytest.mark.parametrize(
    "arguments",
    [
        ("explain", "--no-patient", "x"),
        ("doctor", "--facts", "x"),
        ("explain", "--facts", "x", "log"),
        ("doctor", "--baseline", "x"),
        ("doctor", "--write-baseline", "x"),
        ("doctor", "--smoke", "x", "--format", "html"),
        ("inspect", "x"),
        ("env", "--format", "dotenv", "--output", "x"),
    ],
)
def test_a_named_pipe_is_refused_by_name(arguments: tuple[str, ...], tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x")
    (tmp_path / "log").write_bytes(LOG)
    done = gpufix(*arguments, cwd=tmp_path, stdin=subprocess.DEVNULL)
    assert done.returncode == 2
    assert b"it is a named pipe" in done.stderr, done.stderr
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("name", ["-", "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"])
def test_standard_input_has_several_names(name: str, tmp_path: Path) -> None:
    done = gpufix("explain", "--no-patient", name, cwd=tmp_path, input=LOG)
    assert done.returncode == 0, done.stderr
    assert b"SYM402" in done.stdout


def test_a_file_as_standard_input_is_read_by_name(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(LOG)
    with (tmp_path / "log").open("rb") as log:
        done = gpufix("explain", "--no-patient", "/dev/stdin", cwd=tmp_path, stdin=log)
    assert done.returncode == 0
    assert b"SYM402" in done.stdout


def test_a_pipe_that_the_shell_made_is_read(tmp_path: Path) -> None:
    """`gpufix explain <(command)` names /dev/fd/63."""
    end, begin = os.pipe()
    os.write(begin, LOG)
    os.close(begin)
    name = f"/dev/fd/{end}"
    done = gpufix("explain", "--no-patient", name, cwd=tmp_path, pass_fds=(end,))
    os.close(end)
    assert b"SYM402" in done.stdout


@pytest.mark.parametrize("more", [0, 1])
def test_what_is_not_read_of_a_log_is_said(
    more: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setattr(read, "MOST", read.MOST >> 10)
    (tmp_path / "log").write_bytes(LOG.ljust(read.MOST + more, b"."))
    for form in TextOrJson:
        request = LogRequest(None, None, None, (), True, form, None, False)
        assert explain_log(str(tmp_path / "log"), {}, request)
        said = capsys.readouterr().out
        assert ("only are read" in said) is (form is TextOrJson.text and more > 0)
        assert form is TextOrJson.text or json.loads(said)["read"]["cut"] is (more > 0)
