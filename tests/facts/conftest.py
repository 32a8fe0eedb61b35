"""A patient that sees nothing of the user who runs the tests."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from fake_site import Site

from gpufix.facts.context import CollectContext

sys.path.append(str(Path(__file__).parent.parent / "binary"))


@pytest.fixture
def site(tmp_path: Path) -> Site:
    folder = tmp_path / "env/lib/python3.11/site-packages"
    folder.mkdir(parents=True)
    return Site(tmp_path / "env", folder)


@pytest.fixture
def ctx(tmp_path: Path) -> CollectContext:
    """A context that sees nothing of the user who runs the tests."""
    home, root = tmp_path / "home", tmp_path / "root"
    home.mkdir()
    root.mkdir()
    return CollectContext(environ={"PATH": os.environ["PATH"]}, home=home, root=root, cwd=home)


@pytest.fixture(scope="session")
def venv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real, empty virtual environment. Tests that change it take a copy of their own."""
    folder = tmp_path_factory.mktemp("venv") / "plain"
    command = [sys.executable, "-m", "venv", "--without-pip", str(folder)]
    subprocess.run(command, check=True, capture_output=True)
    return folder
