"""Healthy venvs: a case that changes one gets its own, those that only look share one a worker."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import undo_scene
import venvs


@pytest.fixture
def empty(tmp_path: Path) -> venvs.Venv:
    """A fresh venv with nothing in it."""
    return venvs.create(tmp_path / "empty")


@pytest.fixture(
    params=[venvs.NVTX, pytest.param(venvs.NCCL, marks=pytest.mark.slow)], ids=["nvtx", "nccl"]
)
def pair(request: pytest.FixtureRequest) -> venvs.Pair:
    """0.2 MB; and 400 MB, met in the field."""
    found: venvs.Pair = request.param
    return found


@pytest.fixture
def torch_cpu(tmp_path: Path) -> venvs.Venv:
    """torch 2.13 CPU and all that it requires."""
    return venvs.create(tmp_path / "torch", *venvs.with_requirements("torch", "numpy"))


@pytest.fixture(scope="session")
def _shared_torch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[venvs.Venv]:
    folder = tmp_path_factory.mktemp("shared") / "torch"
    venv = venvs.create(folder, *venvs.with_requirements("torch", "numpy"))
    before = venvs.folders(venv.path)
    yield venv
    assert venvs.folders(venv.path) == before, "a test has changed what it shares with others"


@pytest.fixture
def shared_torch(tmp_path: Path, _shared_torch: venvs.Venv) -> venvs.Venv:
    """The same to look at alone, with a home of the test's own."""
    home = tmp_path / "torch-home"
    home.mkdir()
    return venvs.Venv(_shared_torch.path, home)


@pytest.fixture
def scene(tmp_path: Path) -> undo_scene.Scene:
    """Two environments without runs, and an empty project."""
    (tmp_path / "project").mkdir()
    return undo_scene.Scene(venvs.create(tmp_path / "a"), venvs.create(tmp_path / "b"), tmp_path)
