"""`gpufix build` on real environments, with real compilers."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import extensions
import pytest
import venvs
from venvs import Venv

from gpufix.binary.gpucode.extract import code_objects


@pytest.fixture(scope="module")
def patient(tmp_path_factory: pytest.TempPathFactory) -> Venv:
    """A venv with what a build needs, torch not among it. Tests use distinct names in it."""
    return venvs.create(tmp_path_factory.mktemp("build") / "env", "pip", "setuptools", "wheel")


def build(venv: Venv, *arguments: str | Path) -> dict[str, Any]:
    """The JSON report with `exit`, and results by folder name."""
    command = ["build", "--python", str(venv.python), "--format", "json", *map(str, arguments)]
    done = venv.gpufix(*command)
    assert "Traceback" not in done.stderr, done.stderr
    report: dict[str, Any] = json.loads(done.stdout) if done.stdout else {}
    report |= {"exit": done.returncode, "stderr": done.stderr}
    report["by"] = {Path(row["path"]).name: row for row in report.get("builds", [])}
    return report


def archs(path: str) -> set[str]:
    return {image.arch for image in code_objects(path).images}


def tree(root: Path) -> list[tuple[str, int]]:
    return sorted((str(p), p.lstat().st_mtime_ns) for p in root.rglob("*"))


@pytest.mark.needs("nvcc")
def test_sm_75_is_rebuilt_for_sm_120(patient: Venv, tmp_path: Path) -> None:
    folder = extensions.cuda(tmp_path / 'sp ace\'s "q" ü $(x)', "kernel_a")
    first = build(patient, folder)["builds"][0]
    assert first["ok"], first
    assert archs(first["libraries"][0]["path"]) == {"sm_75"}
    report = build(patient, "--gpu", "sm_120", folder)
    (second,) = report["builds"]
    assert report["exit"] == 0
    assert second["distribution"] == "kernel-a"
    assert archs(second["libraries"][0]["path"]) == {"sm_120"}
    assert second["libraries"][0]["path"].startswith(str(patient.site))


@pytest.mark.needs("nvcc")
def test_a_success_without_the_target_is_a_failure(patient: Venv, tmp_path: Path) -> None:
    stubborn = extensions.cuda(tmp_path / "stubborn", "kernel_b", archs='["75"]')
    setup = stubborn / "setup.py"
    setup.write_text(
        setup.read_text().replace("[nvcc,", '["env", "-u", "NVCC_APPEND_FLAGS", nvcc,')
    )
    broken = extensions.cuda(tmp_path / "broken", "kernel_c")
    (broken / "kernel.cu").write_text("__global__ void k(float *x) { *x = nowhere; }\n")
    report = build(patient, "--gpu", "sm_120", stubborn, broken)
    assert report["exit"] == 1
    (reason,) = report["by"]["stubborn"]["reasons"]
    assert reason == "the product holds machine code for sm_75; none of it runs on sm_120"
    assert report["by"]["broken"]["errors"][0].startswith(
        'kernel.cu(1): error: identifier "nowhere"'
    )


@pytest.mark.needs("gcc", "Python.h")
@pytest.mark.slow
def test_failures_are_told_apart(patient: Venv, tmp_path: Path) -> None:
    good = extensions.plain(tmp_path / "good", "plain_good")
    wrong = extensions.plain(tmp_path / "wrong", "plain_wrong", source="int f( { return }\n")
    missing = extensions.plain(
        tmp_path / "missing",
        "plain_missing",
        before="import os\nos.environ['CC'] = 'no-such-gcc'\n",
    )
    nothing = tmp_path / "nothing"
    nothing.mkdir()
    (nothing / "setup.py").write_text(
        "from setuptools import setup\nsetup(name='nothing', py_modules=[])\n"
    )
    report = build(patient, good, wrong, missing, nothing)
    assert report["exit"] == 1
    by = report["by"]
    assert [by[name]["ok"] for name in ("good", "wrong", "missing", "nothing")] == [True] + 3 * [
        False
    ]
    assert "module.c:1:" in by["wrong"]["errors"][0] and "error:" in by["wrong"]["errors"][0]
    assert "no-such-gcc" in by["missing"]["errors"][0]
    assert "no shared library came out" in by["nothing"]["reasons"][0]


@pytest.mark.parametrize("bad", ["empty", "absent", "file"])
def test_what_cannot_be_built_is_a_usage_error(patient: Venv, tmp_path: Path, bad: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").touch()
    report = build(patient, tmp_path / bad)
    assert report["exit"] == 2
    assert report["stderr"].startswith("gpufix: ")


HANGING = """\
import os, subprocess, sys
child = subprocess.Popen(["sleep", "1000"])
with open("pid", "w") as file:
    file.write(str(child.pid))
child.wait()
"""


def gone(pid: int) -> bool:
    """Whether a process has ended; one that nobody has reaped yet has."""
    for _ in range(100):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state == "Z":
            return True
        time.sleep(0.05)
    return False


def test_a_build_that_hangs_is_ended_with_all_it_started(patient: Venv, tmp_path: Path) -> None:
    folder = extensions.plain(tmp_path / "hangs", "plain_hangs", before=HANGING)
    for limit in (4, 12, 60):  # on a busy machine, pip takes long to start setup.py
        report = build(patient, "--timeout", str(limit), folder)
        assert report["exit"] == 1
        assert report["by"]["hangs"]["reasons"] == [f"it did not end within {limit} s"]
        if (folder / "pid").exists():
            break
    assert gone(int((folder / "pid").read_text()))


@pytest.mark.parametrize(
    "number",
    [
        signal.SIGINT,
        pytest.param(signal.SIGTERM, marks=pytest.mark.slow),
        pytest.param(signal.SIGHUP, marks=pytest.mark.slow),
    ],
)
def test_an_interrupt_ends_all_builds(patient: Venv, tmp_path: Path, number: int) -> None:
    folder = extensions.plain(tmp_path / "waits", "plain_waits", before=HANGING)
    command = [
        sys.executable,
        "-m",
        "gpufix",
        "build",
        "--python",
        str(patient.python),
        str(folder),
    ]
    process = subprocess.Popen(command, env=patient.environ(), stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not (folder / "pid").exists() or not (folder / "pid").read_text():
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.05)
    process.send_signal(number)
    _, said = process.communicate(timeout=30)
    assert process.returncode not in (0, None)
    assert "Traceback" not in said
    assert gone(int((folder / "pid").read_text()))


def test_a_dry_run_touches_nothing(patient: Venv, tmp_path: Path) -> None:
    folder = extensions.plain(tmp_path / "dry", "plain_dry", before="open('ran', 'w')\n")
    (folder / "build" / "temp.linux").mkdir(parents=True)
    before = tree(tmp_path), tree(patient.path)
    done = patient.gpufix("build", "--dry-run", "--python", str(patient.python), str(folder))
    assert done.returncode == 0
    assert "build/temp.linux" in done.stdout and "-m pip install" in done.stdout
    (plan,) = build(patient, "--dry-run", folder)["plans"]
    assert plan["remove"] == [str(folder / "build" / "temp.linux")]
    assert plan["commands"][0][-1] == str(folder)
    assert (tree(tmp_path), tree(patient.path)) == before


@pytest.mark.slow
@pytest.mark.needs("gcc", "Python.h")
def test_editable_as_it_was_and_stale_products_go(patient: Venv, tmp_path: Path) -> None:
    folder = extensions.plain(tmp_path / "edit", "plain_edit")
    assert build(patient, "--editable", folder)["exit"] == 0
    old = folder / "plain_edit.cpython-27-x86_64-linux-gnu.so"
    old.write_bytes(b"\x7fELF")
    (row,) = build(patient, folder)["builds"]
    assert row["ok"], row
    assert not old.exists()
    assert row["libraries"][0]["path"].startswith(str(folder))
    infos = list(patient.site.glob("plain_edit-*.dist-info/direct_url.json"))
    assert json.loads(infos[0].read_text())["dir_info"] == {"editable": True}


@pytest.mark.needs("cmake", "gcc")
def test_a_cmake_folder(patient: Venv, tmp_path: Path) -> None:
    folder = tmp_path / "made by cmake"
    folder.mkdir()
    (folder / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.18)\nproject(x C)\nadd_library(x SHARED x.c)\n"
    )
    (folder / "x.c").write_text("int x(void) { return 1; }\n")
    (row,) = build(patient, folder)["builds"]
    assert row["ok"], row
    assert [Path(x["path"]).name for x in row["libraries"]] == ["libx.so"]


WRONG_ABI = '"-O0", "-D_GLIBCXX_USE_CXX11_ABI=0"'


def imports(venv: Venv, name: str) -> str:
    code = f"import torch, {name}; print({name}.check())"
    done = subprocess.run(
        [venv.python, "-c", code], capture_output=True, text=True, env=venv.environ(), check=False
    )
    return done.stdout if done.returncode == 0 else done.stderr


@pytest.mark.slow  # test_build_fix.py does it through the command
@pytest.mark.needs("g++", "Python.h")
def test_the_wrong_abi_is_overruled_and_the_extension_imports(tmp_path: Path) -> None:
    parts = ("torch", "numpy", "setuptools", "wheel", "pip")
    venv = venvs.create(tmp_path / "torch", *venvs.with_requirements(*parts))
    folder = extensions.torch(tmp_path / "ext", "wrong_abi", WRONG_ABI)
    options = ["--no-build-isolation", "--no-deps"]
    subprocess.run(
        [venv.python, "-m", "pip", "install", *options, folder],
        env=venv.environ(),
        check=True,
        capture_output=True,
    )
    assert "undefined symbol" in imports(venv, "wrong_abi")
    (row,) = build(venv, folder)["builds"]
    assert row["ok"], row
    assert "checked" in imports(venv, "wrong_abi")
    assert WRONG_ABI in (folder / "setup.py").read_text()
