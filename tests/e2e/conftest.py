"""One healthy torch venv a worker; every case gets its own copy of it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import venvs


@pytest.fixture
def empty(tmp_path: Path) -> venvs.Venv:
    """A fresh venv with nothing in it."""
    return venvs.create(tmp_path / "empty")


@pytest.fixture
def torch_cpu(tmp_path: Path) -> venvs.Venv:
    """torch 2.13 CPU and all that it requires."""
    return venvs.create(tmp_path / "torch", *venvs.with_requirements("torch", "numpy"))
