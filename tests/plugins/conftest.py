"""Shared helpers are plain modules beside these tests, and those of checks and end-to-end tests."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(1, str(Path(__file__).parent.parent / "e2e"))
sys.path.insert(2, str(Path(__file__).parent.parent / "checks"))

import venvs


@pytest.fixture
def empty(tmp_path: Path) -> venvs.Venv:
    """A fresh venv with nothing in it."""
    return venvs.create(tmp_path / "empty")
