"""A small checkout that `make doctor` and `make test` can bootstrap without an index."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

import needs

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(1, str(Path(__file__).parents[2] / "tools" / "bootstrap"))
sys.path.append(str(Path(__file__).parents[2] / "tools"))

from checkouts import ROOT, Checkout, write_project


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """gpufix's Makefile and bootstrap around a project that is built in no time, by its own code."""
    needs.require("make")
    folder = tmp_path / "my projects é" / "gpufix"
    (folder / "tools").mkdir(parents=True)
    shutil.copy(ROOT / "Makefile", folder)
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "tools" / "bootstrap", folder / "tools" / "bootstrap", ignore=ignored)
    (folder / "tools" / "constraints.txt").touch()
    write_project(folder)
    return Checkout(folder)
