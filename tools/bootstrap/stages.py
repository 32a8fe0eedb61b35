"""What is installed into the environment, in stages: gpufix, or gpufix with its tests' tools; torch."""

from __future__ import annotations

import hashlib
import shutil
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import torch_cpu
from environment import Environment, Stop, held
from installer import create, pip

ROOT = Path(__file__).resolve().parents[2]
CONSTRAINTS = ROOT / "tools" / "constraints.txt"


@dataclass(frozen=True)
class Project:
    """This checkout, editable. Its stamps tell of which checkout and which requirements.

    Here and below: about how many MB a stage downloads at most, and takes on the disk.
    """

    what: str
    download: int
    disk: int
    extras: str
    stamps: tuple[str, ...]

    def done(self, env: Environment) -> bool:
        stamp = env.folder / self.stamps[0]
        return stamp.exists() and stamp.read_text() == self._digest()

    def install(self, env: Environment) -> None:
        pip(env, "install", "-c", str(CONSTRAINTS), "-e", f"{ROOT}{self.extras}")
        for stamp in self.stamps:
            (env.folder / stamp).write_text(self._digest())

    def _digest(self) -> str:
        parts = [bytes(ROOT), (ROOT / "pyproject.toml").read_bytes(), CONSTRAINTS.read_bytes()]
        return hashlib.sha256(b"\0".join(parts)).hexdigest()


@dataclass(frozen=True)
class Torch:
    """torch's CPU build, where it can be had."""

    what: str = f"torch {torch_cpu.VERSION} from {torch_cpu.INDEX} (TORCH=no leaves it out)"
    download: int = 205
    disk: int = 915

    def done(self, env: Environment) -> bool:
        return not torch_cpu.wanted() or env.has(f"torch-{torch_cpu.VERSION}")

    def install(self, env: Environment) -> None:
        torch_cpu.install(env, CONSTRAINTS)


Stage = Project | Torch
BASE = Project("gpufix", 15, 65, "", (".base",))
TEST = Project("gpufix and what tests it", 105, 280, "[test,dev]", (".test", ".base"))
FULL = Project(
    "gpufix, what tests it, what makes its site, what mutates it, what makes conda's prefixes, and Ray",
    280,
    800,
    "[test,dev,docs,mutants,conda,fleet]",
    (".full", ".test", ".base"),
)
STAGES: dict[str, Sequence[Stage]] = {
    "base": [BASE],
    "test": [TEST, Torch()],
    "full": [FULL, Torch()],
}


LATER = "later, by tests and for the lowest versions: up to 80 MB to download, 170 MB on disk"


def announce(env: Environment, stages: Sequence[Stage]) -> None:
    """Say what will be downloaded, and how much; refuse where the disk is too small for it."""
    print(f"gpufix: installs into {env.folder} with Python {sys.version.split()[0]}:")
    for stage in stages:
        print(f"  {stage.what}: up to {stage.download} MB to download, {stage.disk} MB on disk")
    if stages != [BASE]:
        print(f"  {LATER}")
    sys.stdout.flush()
    needed = sum(stage.disk for stage in stages) + max(stage.download for stage in stages)
    free = shutil.disk_usage(env.folder).free // 10**6
    if free < needed:
        raise Stop(f"{env.folder} has {free} MB of free space and needs {needed} MB: set VENV=")


def build(env: Environment, stages: Sequence[Stage]) -> None:
    """Install the stages. What fails or is cut off leaves the folder as it was, or goes away."""
    kept = None if env.is_empty() else env.contents()
    ours = env.ours or kept is None
    try:
        announce(env, stages)
        if ours:
            env.begin()
        if kept is None:
            create(env)
        for stage in stages:
            stage.install(env)
            kept = env.contents()
    except BaseException:
        if ours and env.contents() != kept:
            env.remove()
            print(f"gpufix: {env.folder} is removed, nothing is left half made", file=sys.stderr)
        elif ours:
            env.end()
        raise
    if ours:
        env.end()


def main(folder: str = "", wanted: str = "") -> int:
    """Make or complete the environment; 0 when it is there."""
    if not folder or wanted not in STAGES:
        print("usage: python tools/bootstrap FOLDER base|test|full", file=sys.stderr)
        return 2
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _end)
    try:
        with held(Path(folder)) as env:
            env.settle()
            stages = [stage for stage in STAGES[wanted] if not stage.done(env)]
            if stages:
                build(env, stages)
    except (Stop, OSError) as problem:
        print(f"gpufix: {problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("gpufix: interrupted", file=sys.stderr)
        return 130
    return 0


def _end(number: int, _frame: object) -> NoReturn:
    raise SystemExit(128 + number)
