"""The health check as a real `conda doctor` lists and runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import conda_channel as c
import pytest

pytestmark = [pytest.mark.slow, pytest.mark.needs("conda")]

PLUGIN = Path(__file__).parents[2] / "plugins" / "conda-gpufix"


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    """The plug-in as installed: its module beside an entry point."""
    folder = tmp_path / "site"
    info = folder / "conda_gpufix-0.1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: conda-gpufix\nVersion: 0.1.0\n")
    declared = PLUGIN.joinpath("pyproject.toml").read_text().partition("entry-points.conda]\n")[2]
    (info / "entry_points.txt").write_text("[conda]\n" + declared.replace('"', ""))
    (folder / "conda_gpufix").symlink_to(PLUGIN / "src" / "conda_gpufix")
    return folder


def conda(plugin: Path, *words: str) -> str:
    paths = [str(plugin), *filter(None, [os.environ.get("PYTHONPATH")])]
    environ = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(paths),
        "HOME": str(plugin.parent),
        "CONDA_NO_PLUGINS": "false",
    }
    done = subprocess.run(
        [sys.executable, "-m", "conda", "doctor", *words],
        env=environ,
        cwd=plugin.parent,
        capture_output=True,
        text=True,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done.stdout


def test_it_is_listed(plugin: Path) -> None:
    assert "gpufix: Check that GPU code" in conda(plugin, "--list")


def test_it_runs(plugin: Path, tmp_path: Path) -> None:
    numpy = c.Recipe("numpy", "2.2.0", files=c.distribution("numpy", "2.2.0"))
    prefix = c.Channel(tmp_path).prefix("env", [numpy], ["numpy"])
    assert "✅ gpufix" in conda(plugin, "--prefix", str(prefix), "gpufix")
    c.pip_install(prefix, tmp_path / "wheels", "numpy", "1.26.4")
    said = conda(plugin, "--prefix", str(prefix), "gpufix")
    assert "❌ gpufix" in said and "WHL507" in said
    assert "--force-reinstall numpy=2.2.0" in said


def test_an_environment_without_python(plugin: Path, tmp_path: Path) -> None:
    folder = tmp_path / "env" / "conda-meta"
    folder.mkdir(parents=True)
    (folder / "history").touch()
    said = conda(plugin, "--prefix", str(folder.parent), "gpufix")
    assert "gpufix: nothing to judge" in said
