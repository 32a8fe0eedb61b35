"""The command itself: exit codes, formats, Ctrl-C; compile-only with real compilers."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import forked


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    cache = {"XDG_CACHE_HOME": str(tmp_path / "cache"), "XDG_STATE_HOME": str(tmp_path / "state")}
    return {**os.environ, **cache, "NO_COLOR": "1", "COLUMNS": "80"}


def gpufix(environ: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    done = forked.gpufix(["smoke", *arguments], Path.cwd(), environ)
    assert "Traceback" not in done.stderr + done.stdout
    return done


@pytest.mark.some(4)
@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--gpu", "sm_9999", "--compile-only"], "sm_9999"),
        (["--gpu", "sm_52"], "--compile-only"),
        (["--gpu", "\x1b[31mred", "--compile-only"], "names no GPU"),
        (["--only", "nix", "--compile-only"], "nix: no such kernel; there are atomics"),
        (["--compare", "/no/such/file"], "/no/such/file"),
        (["--compare", "/etc/passwd"], "line 1"),
        (["--compare", "/etc"], "/etc"),
        (["--jobs", "0"], "jobs"),
        (["--quick", "--only", "launch"], "--quick and --only"),
        (["--quick", "--compile-only"], "--quick and --compile-only"),
        (["--format", "xml"], "xml"),
        (["--python", "/etc/passwd"], "/etc/passwd"),
    ],
)
def test_usage_errors(arguments: list[str], says: str, environ: dict[str, str]) -> None:
    done = gpufix(environ, *arguments)
    assert done.returncode == 2
    assert says in done.stderr
    assert "\x1b" not in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    "target",
    [
        pytest.param("sm_90", marks=pytest.mark.needs("nvcc")),
        pytest.param("gfx1030", marks=pytest.mark.needs("hip")),
    ],
)
def test_compile_only_with_real_compilers(
    target: str, environ: dict[str, str], tmp_path: Path
) -> None:
    kept = str(tmp_path / "kept.json")
    options = ["--compile-only", "--gpu", target, "--only", "launch"]
    done = gpufix(environ, *options, "--format", "json", "--save", kept)
    said = json.loads(done.stdout)
    assert done.returncode == 0, said["findings"]
    [row] = said["kernels"]
    assert (row["compiled"], row["ran"], row["target"]) == ("built", "not run", target)
    again = gpufix(environ, *options, "--compare", kept, "--output", str(tmp_path / "report"))
    assert (again.returncode, again.stdout) == (0, "")
    assert "cached" in (tmp_path / "report").read_text()


def _fake_toolkit(folder: Path, script: str) -> str:
    (folder / "bin").mkdir(parents=True)
    nvcc = folder / "bin" / "nvcc"
    nvcc.write_text(script)
    nvcc.chmod(0o755)
    return str(folder)


def test_a_failing_compiler_exits_1(environ: dict[str, str], tmp_path: Path) -> None:
    script = (
        "#!/bin/sh\n[ $1 = --version ] && echo fake && exit 0\necho 'error: no luck' >&2\nexit 1\n"
    )
    environ["CUDA_HOME"] = _fake_toolkit(tmp_path / "cuda", script)
    done = gpufix(environ, "--compile-only", "--gpu", "sm_90", "--only", "launch", "--only", "knn")
    assert done.returncode == 1
    assert "KRN901" in done.stdout
    assert "no luck" in done.stdout
    wide = [line for line in done.stdout.splitlines() if len(line) > 80]
    assert all(len(line.strip(" │").split()) == 1 for line in wide), wide  # no path is broken


@pytest.mark.some(1)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_interrupts_end_the_children(
    number: signal.Signals, environ: dict[str, str], tmp_path: Path
) -> None:
    mark = tmp_path / "pid"
    script = f"#!/bin/sh\n[ $1 = --version ] && echo fake && exit 0\necho $$ >> {mark}\nsleep 600\n"
    environ["CUDA_HOME"] = _fake_toolkit(tmp_path / "cuda", script)
    command = [sys.executable, "-m", "gpufix", "smoke", "--compile-only", "--gpu", "sm_90"]
    with subprocess.Popen([*command, "--jobs", "2"], env=environ) as process:
        deadline = time.monotonic() + 60
        while not mark.exists() or len(mark.read_text().split()) < 2:
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.02)
        process.send_signal(number)
        assert process.wait(30) == 128 + number
    pids = mark.read_text().split()
    assert len(pids) == 2  # none was started after the signal
    for pid in pids:
        assert not Path(f"/proc/{pid}").exists()
