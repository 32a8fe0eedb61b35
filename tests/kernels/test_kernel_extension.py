"""torch's own extension build in a patient: real when slow, its failures always."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from gpufix.kernels.execute import run_torch_extension


def fake_torch(folder: Path, code: str) -> dict[str, str]:
    """An environment whose torch is this code, with nothing of the real one behind it."""
    package = folder / "torch"
    (package / "utils").mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "utils" / "__init__.py").write_text("")
    (package / "cuda.py").write_text("def is_available(): return False\n")
    (package / "__init__.py").write_text("from . import cuda, utils\n")
    (package / "utils" / "cpp_extension.py").write_text(code)
    return {"PYTHONPATH": str(folder), "PATH": "/usr/bin:/bin"}


def test_a_patient_without_torch(tmp_path: Path) -> None:
    (tmp_path / "torch.py").write_text(
        "raise ImportError('libc10.so: cannot open shared object file')"
    )
    result = run_torch_extension(
        Path(sys.executable), env={"PYTHONPATH": str(tmp_path)}, limit_s=60
    )
    assert result.status == "error"
    assert "ImportError: libc10.so" in result.message
    assert "import torch" in result.message


def test_a_build_that_fails_says_why(tmp_path: Path) -> None:
    env = fake_torch(tmp_path, "def load(**options): raise RuntimeError('Ninja is required')\n")
    result = run_torch_extension(Path(sys.executable), env=env, limit_s=60)
    assert (result.status, result.cases) == ("error", ())
    assert "RuntimeError: Ninja is required (torch.utils.cpp_extension.load" in result.message


def test_a_build_that_hangs(tmp_path: Path) -> None:
    env = fake_torch(tmp_path, "import time\ndef load(**options): time.sleep(600)\n")
    assert run_torch_extension(Path(sys.executable), env=env, limit_s=2).status == "timeout"


def test_a_module_that_crashes(tmp_path: Path) -> None:
    env = fake_torch(tmp_path, "import os\ndef load(**options): os.abort()\n")
    result = run_torch_extension(Path(sys.executable), env=env, limit_s=60)
    assert (result.status, result.message) == ("crashed", "ended by SIGABRT")


def test_a_patient_that_is_not_there(tmp_path: Path) -> None:
    result = run_torch_extension(tmp_path / "python", limit_s=5)
    assert result.status == "error"
    said = f"{tmp_path}/python could not be started: No such file or directory"
    assert result.message == said


def test_nothing_is_left_behind(tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    env = fake_torch(tmp_path, "def load(**options): raise RuntimeError('no')\n")
    run_torch_extension(Path(sys.executable), env=env, limit_s=60, scratch=scratch)
    assert list(scratch.iterdir()) == []


@pytest.mark.slow
@pytest.mark.needs("torch", "ninja", "g++", "Python.h")
def test_a_real_build_is_kept_until_something_differs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path / "cache"

    def cached() -> bool:
        result = run_torch_extension(Path(sys.executable), scratch=tmp_path, cache=cache)
        assert result.status == "ok", result.message
        return result.cached

    assert (cached(), cached()) == (False, True)
    monkeypatch.setenv("CXXFLAGS", "-O1")
    assert (cached(), cached()) == (False, True)
    for module in cache.rglob("*.so"):
        module.write_bytes(b"no library")
    assert (cached(), cached()) == (False, True)


@pytest.mark.slow
@pytest.mark.needs("torch", "ninja", "g++", "Python.h")
def test_a_real_build(tmp_path: Path) -> None:
    import torch

    result = run_torch_extension(Path(sys.executable), scratch=tmp_path)
    assert result.status == "ok", result.message
    statuses = {case.name: case.status for case in result.cases}
    assert statuses["cpu_forward"] == statuses["cpu_gradcheck"] == "valid"
    if not torch.cuda.is_available():
        assert statuses["cuda_forward"] == "not applicable"
