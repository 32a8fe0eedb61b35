"""What a smoke run is asked to do, and the places and variables it works with."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from gpufix.frozen import Frozen
from gpufix.kernels.manifest import Kernel
from gpufix.kernels.toolchain import KernelTarget
from gpufix.model import Facts


class SmokeRequest(Frozen):
    """`env` is the whole environment of compilers and programs; `jobs` compilers at once."""

    targets: tuple[KernelTarget, ...]
    kernels: tuple[Kernel, ...]
    with_torch_extension: bool
    compile_only: bool
    jobs: int
    cache: Path
    env: Mapping[str, str]
    private_toolkit: bool = False  # CUDA from wheels in the cache, instead of the machine's
    quick: bool = False  # torch's own kernels instead of the suite


_BYTES_PER_COMPILER = 2 << 30  # the largest kernel takes nvcc 13 about 1 GiB


def cache_dir(environ: Mapping[str, str] = os.environ) -> Path:
    """Compiled kernels: $XDG_CACHE_HOME/gpufix/kernels, else ~/.cache/gpufix/kernels."""
    given = environ.get("XDG_CACHE_HOME", "")
    base = Path(given) if given.startswith("/") else Path.home() / ".cache"
    return base / "gpufix" / "kernels"


def child_environment(facts: Facts, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The process environment with the patient's environment file applied."""
    env = dict(environ)
    for name, value in facts.environment.overlay.items():
        if value is None:
            env.pop(name, None)
        else:
            env[name] = value
    return env


def patient_environment(facts: Facts, env: Mapping[str, str]) -> dict[str, str]:
    """With the patient's programs (ninja) first on PATH, as in an activated environment."""
    if facts.python is None:
        return dict(env)
    own = str(Path(facts.python.prefix) / "bin")
    return {**env, "PATH": os.pathsep.join(filter(None, [own, env.get("PATH")]))}


def compilers_at_once(facts: Facts, requested: int | None) -> int:
    """As many as asked; else one for each usable processor, while memory lasts."""
    if requested is not None:
        return requested
    memory = facts.host.memory_available
    fitting = max(1, memory // _BYTES_PER_COMPILER) if memory else facts.host.cpus
    return max(1, min(facts.host.cpus, fitting))
