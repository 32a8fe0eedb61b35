"""Real environments for end-to-end tests, built quickly: distributions are hard-linked."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

import pip
from packaging.requirements import Requirement

import forked
import needs

_PIP = Path(pip.__file__).with_name("__pip-runner__.py")


class Pair(NamedTuple):
    """Wheels for CUDA 12 and 11 that own one library with different bytes: removing one takes it."""

    wanted: str
    stray: str
    library: str

    @property
    def names(self) -> tuple[str, str]:
        return self.wanted.partition("=")[0], self.stray.partition("=")[0]


NVTX = Pair(
    "nvidia-nvtx-cu12==12.8.90", "nvidia-nvtx-cu11==11.8.86", "nvidia/nvtx/lib/libnvToolsExt.so.1"
)
NCCL = Pair("nvidia-nccl-cu12==2.18.1", "nvidia-nccl-cu11==2.14.3", "nvidia/nccl/lib/libnccl.so.2")
Snapshot = dict[str, tuple[Any, ...]]


@dataclass(frozen=True)
class Venv:
    """A venv without pip of its own; `home` is the HOME that commands run with."""

    path: Path
    home: Path

    @property
    def python(self) -> Path:
        return self.path / "bin" / "python"

    @property
    def site(self) -> Path:
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        return self.path / "lib" / version / "site-packages"

    def environ(self, extra: Mapping[str, str] | None = None) -> dict[str, str]:
        """A clean environment: nothing of the one that runs the tests but PATH and pip's."""
        kept = {k: v for k, v in os.environ.items() if k == "PATH" or k.startswith("PIP_")}
        return {**kept, "HOME": str(self.home), "LANG": "C.UTF-8", **(extra or {})}

    def pip(self, *arguments: str) -> None:
        """Run the tests' pip in this venv, as `pip --python` does after starting twice."""
        if "install" in arguments and "--no-index" not in arguments:
            needs.require("package index")
        command = [str(self.python), str(_PIP), *arguments]
        env = {**os.environ, "PIP_NO_COMPILE": "1"}
        subprocess.run(command, check=True, capture_output=True, text=True, env=env)

    def gpufix(self, *arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
        """Run gpufix, from the tests' own environment, on this venv."""
        extra: Any = options.get("env")
        cwd: Any = options.get("cwd", self.home)
        return forked.gpufix(arguments, cwd, self.environ(extra))

    def doctor(self, *arguments: str, **options: object) -> dict[str, object]:
        """The JSON report; `exit` holds the exit code."""
        done = self.gpufix(
            "doctor", "--python", str(self.python), "--format", "json", *arguments, **options
        )
        assert "Traceback" not in done.stderr, done.stderr
        report = json.loads(done.stdout)
        report["exit"] = done.returncode
        return report


def create(folder: Path, *distributions: str) -> Venv:
    """A new venv that holds the named distributions of the tests' own environment."""
    needs.require(*(name for name in distributions if name in needs.NEEDS))
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    home = folder.parent / f"{folder.name}-home"
    home.mkdir()
    venv = Venv(folder, home)
    for name in distributions:
        for place in _folders(name):
            (venv.site / place).mkdir(parents=True, exist_ok=True)
        for source, place in _files(name):
            _copy(source, f"{venv.site}/{place}")
    return venv


def with_requirements(*names: str) -> list[str]:
    """The named distributions and all that they require here."""
    needs.require(*(name for name in names if name in needs.NEEDS))
    found: dict[str, None] = {}
    queue = list(names)
    while queue:
        dist = metadata.distribution(queue.pop())
        if dist.name in found:
            continue
        found[dist.name] = None
        for text in dist.requires or ():
            requirement = Requirement(text)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                queue.append(requirement.name)
    return list(found)


@cache
def _files(name: str) -> list[tuple[str, str]]:
    """Each file of a distribution that is there, and its place below the site folder."""
    site = Path(sysconfig.get_path("purelib"))
    names = [os.path.normpath(file) for file in metadata.distribution(name).files or ()]
    found = [((site / name).resolve(), name) for name in dict.fromkeys(names)]
    return [(str(source), name) for source, name in found if source.exists()]


@cache
def _folders(name: str) -> set[Path]:
    return {Path(place).parent for _, place in _files(name)}


def _copy(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except FileExistsError:  # a script of two distributions, or the environment's own
        return
    except OSError:  # another file system
        shutil.copy2(source, target)


def folders(root: Path) -> dict[str, int]:
    """When a name was last added to or taken from each folder."""
    return {folder: Path(folder).stat().st_mtime_ns for folder, _, _ in os.walk(root)}


def codes(findings: Iterable[Mapping[str, object]], depth: int = 0) -> list[str]:
    """Codes of the findings, consequences indented below their causes."""
    out: list[str] = []
    for finding in findings:
        out.append("  " * depth + str(finding["code"]))
        out += codes(finding["consequences"], depth + 1)  # type: ignore[arg-type]
    return out


def snapshot(*roots: Path) -> Snapshot:
    """Everything below some folders: mode, time and content."""
    found: Snapshot = {}
    for root in roots:
        for path in root.rglob("*"):
            status = path.lstat()
            if path.is_symlink():
                found[str(path)] = (status.st_mode, path.readlink())
            elif path.is_dir():
                found[str(path)] = (status.st_mode, status.st_mtime_ns)
            else:
                digest = hashlib.sha256(path.read_bytes()).hexdigest()
                found[str(path)] = (status.st_mode, status.st_mtime_ns, digest)
    return found
