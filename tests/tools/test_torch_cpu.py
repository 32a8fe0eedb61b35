"""torch for the tests: the CPU build or none, whatever the index has, and in bounded time."""

from __future__ import annotations

import functools
import http.server
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch_cpu
from checkouts import NO_INDEX, OFFLINE, silent_index, wheel
from environment import Environment

CPU = ("torch", "2.13.0+cpu")
LIKE_PYPI = ("torch", "2.13.0", "nvidia-cublas==13.1.0.3; platform_system == 'Linux'")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("venv")
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    return folder


@pytest.fixture
def env(made: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Environment]:
    """A virtual environment with pip, which reaches no index but the one that a test names."""
    for name, value in OFFLINE.items():
        monkeypatch.setenv(name, value)
    yield Environment(made)
    for folder in made.glob("lib/python3*/site-packages/torch-*.dist-info"):
        shutil.rmtree(folder)


def said(env: Environment, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> str:
    """What the installation says when it leaves torch out; nothing when torch is there."""
    constraints = tmp_path / "constraints.txt"
    constraints.touch()
    before = env.contents()
    torch_cpu.install(env, constraints)
    (*_, last) = capfd.readouterr().err.splitlines() or [""]
    if env.has("torch-2.13.0+cpu"):
        return ""
    assert env.contents() == before
    head = "gpufix: torch is left out, the tests on torch are skipped: "
    assert last.startswith(head)
    return last[len(head) :]


@pytest.mark.some(2)
@pytest.mark.parametrize(
    ("wheels", "problem"),
    [
        pytest.param([CPU], "", marks=pytest.mark.slow),
        pytest.param(*([CPU, LIKE_PYPI], ""), marks=pytest.mark.slow),
        ([LIKE_PYPI], "has no torch 2.13.0+cpu for Python 3."),
        pytest.param(
            *([("torch", "2.12.0+cpu"), ("torch", "2.13.0+cu130")], "has no torch 2.13.0+cpu for"),
            marks=pytest.mark.slow,
        ),
        ([(*CPU, "nvidia-cublas>=13")], "is no CPU build, it requires nvidia-cublas>=13"),
        pytest.param(
            *([(*CPU, "cuda-toolkit==13.0")], "is no CPU build, it requires cuda-toolkit==13.0"),
            marks=pytest.mark.slow,
        ),
        pytest.param(
            *([(*CPU, "no-such-name")], "No matching distribution found for no-such-name"),
            marks=pytest.mark.slow,
        ),
    ],
)
def test_a_folder_of_wheels_stands_in(
    env: Environment,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    wheels: list[tuple[str, ...]],
    problem: str,
) -> None:
    for name, version, *requires in wheels:
        wheel(tmp_path / "wheels", name, version, *requires)
    monkeypatch.setattr(torch_cpu, "INDEX", str(tmp_path / "wheels"))
    found = said(env, tmp_path, capfd)
    assert problem in found if problem else found == ""
    assert not env.has("torch-2.13.0")


@pytest.mark.slow
def test_what_pip_is_configured_with_comes_first(
    env: Environment,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """No index is asked then: one that does not answer is not waited for."""
    wheel(tmp_path / "wheels", *CPU)
    monkeypatch.setenv("PIP_NO_INDEX", "0")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "wheels"))
    monkeypatch.setattr(torch_cpu, "PATIENCE", 10)
    with silent_index() as (url, _):
        monkeypatch.setattr(torch_cpu, "INDEX", url)
        monkeypatch.setenv("PIP_INDEX_URL", NO_INDEX["PIP_INDEX_URL"])
        assert said(env, tmp_path, capfd) == ""


@pytest.mark.slow
def test_a_mirror(
    env: Environment,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "0")
    file = wheel(tmp_path / "torch", *CPU)
    link = file.name.replace("+", "%2B")
    (tmp_path / "torch" / "index.html").write_text(
        f'<!DOCTYPE html><a href="{link}">{file.name}</a>'
    )
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setattr(torch_cpu, "INDEX", f"http://127.0.0.1:{server.server_port}")
        assert said(env, tmp_path, capfd) == ""
        monkeypatch.setattr(torch_cpu, "INDEX", f"http://127.0.0.1:{server.server_port}/no")
        shutil.rmtree(next(env.folder.glob("lib/python3*/site-packages/torch-*.dist-info")))
        assert "cannot be reached (404 Client Error" in said(env, tmp_path, capfd)
        server.shutdown()


@pytest.mark.slow
def test_an_index_that_does_not_answer(
    env: Environment,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    for name, value in NO_INDEX.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(torch_cpu, "INDEX", "http://127.0.0.1:9/cpu")
    assert "127.0.0.1:9/cpu cannot be reached ([Errno 111] Connection refused)" in said(
        env, tmp_path, capfd
    )
    assert torch_cpu.PATIENCE <= 25
    monkeypatch.setattr(torch_cpu, "PATIENCE", 3)
    with silent_index() as (url, _):
        monkeypatch.setattr(torch_cpu, "INDEX", url)
        started = time.monotonic()
        assert f"{url} cannot be reached (no answer within 3 s)" in said(env, tmp_path, capfd)
        assert time.monotonic() - started < 20


@pytest.mark.parametrize(
    ("value", "wanted"), [("", True), ("yes", True), ("no", False), ("NO", False), ("0", False)]
)
def test_it_is_left_out_by_choice(
    monkeypatch: pytest.MonkeyPatch, value: str, wanted: bool
) -> None:
    monkeypatch.setenv("TORCH", value)
    assert torch_cpu.wanted() is wanted
