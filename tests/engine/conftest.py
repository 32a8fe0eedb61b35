"""Shared helpers of these tests are plain modules beside them."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import needs

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(1, str(Path(__file__).parent.parent / "checks"))

import git_clone
import trees
from steps_for import use_local_programs


@pytest.fixture
def patient(memory_path: Path) -> trees.Patient:
    """A small environment with a project and a cache."""
    return trees.make(memory_path / "root", files=12)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> trees.Patient:
    """The same on the disk, with programs: file systems in memory need not have extended attributes."""
    patient = trees.make(tmp_path / "root", 12)
    use_local_programs(monkeypatch, patient, 12)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "root"))
    return patient


@pytest.fixture(scope="session")
def remote(tmp_path_factory: pytest.TempPathFactory) -> Iterator[git_clone.Remote]:
    """Repositories behind https."""
    needs.require("git", "openssl")
    with git_clone.remote(tmp_path_factory.mktemp("remote")) as made:
        yield made


@pytest.fixture
def clone(patient: trees.Patient, remote: git_clone.Remote, tmp_path: Path) -> git_clone.Clone:
    """The patient's project as a fresh clone, without its submodule."""
    return git_clone.clone(patient, remote, tmp_path)


@pytest.fixture
def memory_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder in memory where there is one: a kill leaves the same there, and syncs cost nothing.

    Temporary files lie in it too: on one file system with the patient, as on most machines.
    """
    shared = Path("/dev/shm")
    above = shared if os.access(shared, os.W_OK) else tmp_path
    with tempfile.TemporaryDirectory(prefix="gpufix-test-", dir=above) as folder:
        temporary = Path(folder) / "tmp"
        temporary.mkdir()
        monkeypatch.setattr(tempfile, "tempdir", str(temporary))
        yield Path(folder)
        assert list(temporary.iterdir()) == [], "a run left temporary files"
