"""Shared helpers of these tests are plain modules beside them."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(1, str(Path(__file__).parent.parent / "checks"))

import git_clone
import trees


@pytest.fixture
def patient(tmp_path: Path) -> trees.Patient:
    """A small environment with a project and a cache."""
    return trees.make(tmp_path / "root", files=12)


@pytest.fixture(scope="session")
def remote(tmp_path_factory: pytest.TempPathFactory) -> Iterator[git_clone.Remote]:
    """Repositories behind https."""
    if not (shutil.which("git") and shutil.which("openssl")):
        pytest.skip("git or openssl is not here")
    with git_clone.remote(tmp_path_factory.mktemp("remote")) as made:
        yield made


@pytest.fixture
def clone(patient: trees.Patient, remote: git_clone.Remote, tmp_path: Path) -> git_clone.Clone:
    """The patient's project as a fresh clone, without its submodule."""
    return git_clone.clone(patient, remote, tmp_path)


@pytest.fixture
def memory_path(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory where there is one: a kill leaves the same there, and syncs cost nothing."""
    shared = Path("/dev/shm")
    if not os.access(shared, os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(prefix="gpufix-test-", dir=shared) as folder:
        yield Path(folder)
