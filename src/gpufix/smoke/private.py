"""A CUDA toolkit from wheels, for gpufix alone: no environment of the user's is touched."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from gpufix.model import Facts, Toolkit
from gpufix.process import Limits, NotStarted, Program, run
from gpufix.smoke.advice import wheel_requirement
from gpufix.smoke.request import SmokeRequest

_LIMIT_S = 1800.0


class PrivateToolkitError(RuntimeError):
    """It could not be set up; the message holds pip's own words."""


def with_private_toolkit(
    facts: Facts,
    request: SmokeRequest,
    say: Callable[[str], None],
    python: str = sys.executable,
) -> Facts:
    """The facts with the private toolkit as the only CUDA one, installed first when it is not there.

    It lies beside the compiled kernels. Raises PrivateToolkitError, and OSError for the folder.
    """
    requirement, version = wheel_requirement()
    folder = request.cache.parent / f"cuda-{version}"
    if not _nvcc(folder).is_file():
        say(f"installing {requirement} for gpufix only")
        _install(requirement, folder, python, request)
    toolkit = Toolkit(
        kind="cuda",
        root=str(_root(folder)),
        version=version,
        origin="private",
        compiler=str(_nvcc(folder)),
    )
    others = [t for t in facts.toolkits if t.kind != "cuda"]
    return replace(facts, toolkits=[toolkit, *others])


def _install(requirement: str, folder: Path, python: str, request: SmokeRequest) -> None:
    """Beside its place first: what lies in the place is always whole."""
    folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    scratch = Path(tempfile.mkdtemp(prefix="toolkit-", dir=folder.parent))
    try:
        command = [python, "-m", "pip", "install", "--no-input", "--disable-pip-version-check"]
        command += ["--only-binary=:all:", "--target", str(scratch), requirement]
        try:
            ended = run(Program(command, request.env), Limits(_LIMIT_S))
        except NotStarted as error:
            raise PrivateToolkitError(f"{python} {error.problem}") from None
        if ended.problem:
            raise PrivateToolkitError(f"pip cannot install {requirement}: it {ended.problem}")
        if ended.code != 0:
            lines = (ended.stderr or ended.stdout).split("\n")
            words = " ".join(filter(None, lines))[-1500:] or f"exit status {ended.code}"
            raise PrivateToolkitError(f"pip cannot install {requirement}: {words}")
        if not _nvcc(scratch).is_file():
            raise PrivateToolkitError(f"{requirement} brought no nvcc")
        shutil.rmtree(folder, ignore_errors=True)
        scratch.rename(folder)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _root(folder: Path) -> Path:
    return folder / "nvidia" / "cu13"


def _nvcc(folder: Path) -> Path:
    return _root(folder) / "bin" / "nvcc"
