"""A machine for workflows: a plain Python as setup-python gives it, and two projects."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from workflow import Job

ROOT = Path(__file__).parent.parent.parent
# bottleneck 1.3.7 asks for any numpy, and is built for NumPy 1: pip installs it without a word.
REQUIREMENTS = {
    "broken": "bottleneck==1.3.7\nnumpy==2.2.6\n",
    "healthy": "bottleneck==1.4.2\nnumpy==2.2.6\n",
}


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


def project(folder: Path, state: str) -> Path:
    """A repository whose environment is broken or healthy; the broken one lacks a submodule, too."""
    folder.mkdir()
    (folder / "requirements.txt").write_text(REQUIREMENTS[state])
    (folder / "pyproject.toml").write_text("[project]\nname = 'app'\nversion = '1'\n")
    if state == "broken":
        (folder / ".gitmodules").write_text(
            '[submodule "glm"]\n\tpath = third_party/glm\n\turl = https://example.org/glm.git\n'
        )
        (folder / "third_party" / "glm").mkdir(parents=True)
        (folder / "setup.py").write_text(
            "from setuptools import Extension, setup\n"
            "glm = Extension('glm', ['glm.cpp'], include_dirs=['third_party/glm'])\n"
            "setup(name='app', ext_modules=[glm])\n"
        )
        link = f"160000,{'1' * 40},third_party/glm"  # as a clone without its submodules has it
        for command in (["init", "-q"], ["update-index", "--add", "--cacheinfo", link]):
            subprocess.run(["git", "-C", str(folder), *command], check=True)
    return folder


@pytest.fixture
def job(tmp_path: Path, machine: Path, checkout: Path) -> Job:
    """A job without a workspace's content."""
    temp = tmp_path / "temp"
    temp.mkdir()
    return Job(tmp_path / "work", temp, machine, {"GPUFIX": str(checkout)}, checkout)
