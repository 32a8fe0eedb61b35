"""A machine for workflows: a plain Python as setup-python gives it, and a checkout of gpufix."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import needs

sys.path.insert(0, str(Path(__file__).parent))

from projects import ROOT
from workflow import Job, Once


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """One pip cache for all jobs."""
    before = os.environ.get("PIP_CACHE_DIR")
    os.environ["PIP_CACHE_DIR"] = str(tmp_path_factory.mktemp("pip-cache"))
    yield
    os.environ.pop("PIP_CACHE_DIR")
    if before is not None:
        os.environ["PIP_CACHE_DIR"] = before


@pytest.fixture(scope="session")
def machine(tmp_path_factory: pytest.TempPathFactory, cache: None) -> Path:
    """The folder of a Python with pip and nothing else."""
    folder = tmp_path_factory.mktemp("machine") / "python"
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    return folder / "bin"


@pytest.fixture(scope="session")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout of gpufix as a runner has one: what is tracked or new, nothing built."""
    folder = tmp_path_factory.mktemp("checkout")
    for name in ("pyproject.toml", "README.md", "LICENSE", "action.yml", "src"):
        (folder / name).symlink_to(ROOT / name)
    return folder


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory) -> Once:
    """For the jobs of the quick tests."""
    return Once(tmp_path_factory.mktemp("once"))


@pytest.fixture
def job(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    machine: Path,
    checkout: Path,
    once: Once,
) -> Job:
    """A job without a workspace's content. The slow tests make every environment anew."""
    needs.require("package index")
    folder = tmp_path_factory.mktemp("job")  # scripts in copies of its environments lead here
    temp = folder / "temp"
    temp.mkdir()
    shared = None if request.node.get_closest_marker("slow") else once
    return Job(folder / "work", temp, machine, {"GPUFIX": str(checkout)}, checkout, shared)
