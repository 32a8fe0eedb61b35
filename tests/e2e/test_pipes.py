"""Named pipes in place of the files that gpufix reads: what cannot be read is said, and nothing hangs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from venvs import Venv

from gpufix.files import read

DIST = (
    "METADATA",
    "RECORD",
    "WHEEL",
    "INSTALLER",
    "direct_url.json",
    "entry_points.txt",
    "top_level.txt",
)
PROJECT = (
    "pyproject.toml", "setup.py", "CMakeLists.txt", ".gitmodules", "requirements.txt", "build.sh",
    "Dockerfile", "kernel.cu", "CMakeCache.txt", "build/CMakeCache.txt", "lib.so", ".git/index",
)  # fmt: skip


def pipe(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    os.mkfifo(path)


@pytest.mark.parametrize("command", ["doctor", "fix", "recommend", "snapshot"])
def test_pipes_everywhere(command: str, empty: Venv, tmp_path: Path) -> None:
    for name in DIST:  # each in a distribution of its own: the first must not hide the others
        info = empty.site / f"{name.lower().replace('.', '_').replace('-', '_')}-1.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {info.name[:-12]}\nVersion: 1\n"
        )
        (info / "RECORD").write_text("")
        pipe(info / name)
    for name in (
        "x.pth",
        "x.egg-info",
        "x.egg-link",
        "x.so",
        "torch/version.py",
        "torch/lib/libc10.so",
    ):
        pipe(empty.site / name)
    torch = empty.site / "torch-2.0.dist-info"
    torch.mkdir()
    (torch / "METADATA").write_text("Metadata-Version: 2.1\nName: torch\nVersion: 2.0\n")
    pipe(empty.site.parent.parent / "libx.so")
    pipe(empty.path / "conda-meta" / "x-1-0.json")
    for name in (".bashrc", ".profile", ".config/fish/config.fish"):
        pipe(empty.home / name)
    project = tmp_path / "project"
    for name in PROJECT:
        pipe(project / name)
    arguments = [] if command in ("recommend",) else [str(project)]
    more = ["--gpu", "sm_90"] if command == "recommend" else []
    done = empty.gpufix(command, "--python", str(empty.python), *arguments, *more)
    assert done.returncode in (0, 1), done.stderr
    assert "Traceback" not in done.stderr
    if command == "doctor":
        assert "it is a named pipe" in done.stdout


def test_the_opener_is_what_refuses(tmp_path: Path) -> None:
    pipe(tmp_path / "x")
    with pytest.raises(OSError, match="named pipe"):
        read(tmp_path / "x", 1)
