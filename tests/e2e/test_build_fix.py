"""`gpufix fix --apply` rebuilds an extension, and `gpufix undo` puts the old one back."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import extensions
import pytest
import venvs
from venvs import Venv, codes

WRONG_ABI = '"-O0", "-D_GLIBCXX_USE_CXX11_ABI=0"'


@pytest.fixture
def patient(tmp_path: Path) -> Venv:
    parts = ("torch", "numpy", "setuptools", "wheel", "pip")
    return venvs.create(tmp_path / "torch", *venvs.with_requirements(*parts))


def imports(venv: Venv, name: str) -> str:
    code = f"import torch, {name}; print({name}.check())"
    done = subprocess.run(
        [venv.python, "-B", "-c", code], capture_output=True, text=True, env=venv.environ()
    )
    return done.stdout if done.returncode == 0 else done.stderr


def state(root: Path) -> dict[str, tuple[int, bytes]]:
    """Modes and bytes of the small files: those that a build could have changed."""
    return {
        str(p.relative_to(root)): (p.lstat().st_mode, p.read_bytes())
        for p in sorted(root.rglob("*"))
        if p.is_file() and not p.is_symlink() and p.stat().st_size < 1 << 20
    }


@pytest.mark.slow
@pytest.mark.needs("g++", "Python.h")
def test_the_wrong_abi_is_found_rebuilt_and_undone(patient: Venv, tmp_path: Path) -> None:
    folder = extensions.torch(tmp_path / "ext", "wrong_abi", WRONG_ABI)
    install = [patient.python, "-m", "pip", "install", "--no-build-isolation", "--no-deps", folder]
    subprocess.run(install, env=patient.environ(), check=True, capture_output=True)
    assert codes(patient.doctor()["findings"]) == ["ABI301"]
    before = state(folder), state(patient.site / "wrong_abi-0.1.dist-info")
    done = patient.gpufix(
        "fix", "--apply", "--python", str(patient.python), "--format", "json", timeout=600
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert codes(patient.doctor()["findings"]) == []
    assert "checked" in imports(patient, "wrong_abi")
    outcome = json.loads(done.stdout)
    assert outcome
    undone = patient.gpufix("undo", "--python", str(patient.python))
    assert undone.returncode == 0, undone.stderr
    assert "undefined symbol" in imports(patient, "wrong_abi")
    assert (state(folder), state(patient.site / "wrong_abi-0.1.dist-info")) == before
