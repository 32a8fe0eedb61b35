"""The environment: its kind, the variables that matter, what shell profiles and gpufix's file set."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from gpufix.facts.context import CollectContext
from gpufix.facts.packages.metadata import without_userinfo
from gpufix.facts.packages.record_file import gone
from gpufix.facts.python.start_settings import start_settings
from gpufix.facts.reading import read, read_whole, text, why
from gpufix.knowledge import families
from gpufix.model import Environment, Python, StartVariable


def state_dir(environ: Mapping[str, str] = os.environ) -> Path:
    """gpufix's state: $XDG_STATE_HOME/gpufix, else ~/.local/state/gpufix (XDG base directories)."""
    given = environ.get("XDG_STATE_HOME", "")
    base = Path(given) if given.startswith("/") else Path.home() / ".local" / "state"
    return base / "gpufix"


MOVE_SYS_PATH = frozenset({"PYTHONPATH", "PYTHONNOUSERSITE", "PYTHONUSERBASE"})


def overlay_path(
    prefix: str, project: Path | None, environ: Mapping[str, str] = os.environ
) -> Path:
    """The environment file for this patient and project; it need not exist."""
    key = hashlib.sha256(f"{prefix}\0{project or ''}".encode()).hexdigest()[:16]
    return state_dir(environ) / "env" / f"{key}.json"


_NAMES = """
PATH LD_LIBRARY_PATH LD_PRELOAD LD_AUDIT LD_RUN_PATH LD_BIND_NOW GLIBC_TUNABLES LIBRARY_PATH CPATH
C_INCLUDE_PATH CPLUS_INCLUDE_PATH PKG_CONFIG_PATH
CC CXX CFLAGS CXXFLAGS CPPFLAGS LDFLAGS LDSHARED MAX_JOBS MAKEFLAGS
CUDACXX CUDAHOSTCXX CUDAARCHS CUDAFLAGS HIPCXX HIPFLAGS OFFLOAD_ARCH
FORCE_CUDA FORCE_HIP USE_CUDA USE_ROCM USE_HIP USE_NINJA
VIRTUAL_ENV XDG_CACHE_HOME DISPLAY OMP_NUM_THREADS PYOPENGL_PLATFORM
"""
_PREFIXES = """
AMD_ AMDGPU_ ATTN_ BNB_ CMAKE_ CONDA_ CUBLAS CUDA_ CUDNN CUFFT_ CUPY_ CUTLASS_ DISTUTILS_ DS_BUILD_
EGL_ FLASH_ATTENTION_ FLASH_ATTN_ GPU_ HCC_ HIP_ HIPBLAS HIPCC_ HSA_ JAX_ KAOLIN_ MIOPEN_ NCCL_
NUMBA_CUDA NVCC_ NVDIFFRAST_ NVDIFRAST_ NVIDIA_ NVRTC_ NVSHMEM_ NVTE_ NV_ PIP_ PYENV_ PYTHON PYTORCH_
RCCL_ ROCBLAS_ ROCM_ ROCR_ SAGEATTN SETUPTOOLS_ SPARSE_ SPCONV_ TCNN_ TENSILE_ TORCH TRITON_ UV_
VLLM_ WSL_ XFORMERS_ XLA_ __GLX_ __EGL_
"""
_BY_NAME = frozenset(_NAMES.split())
_BY_PREFIX = tuple(_PREFIXES.split())
_SECRET = re.compile(r"TOKEN|PASSWORD|PASSWD|SECRET|CREDENTIAL|API_?KEY|_KEY$|USERNAME")

# Those that a shell profile sets once, and that outlive the machine or toolkit they were meant for.
IN_PROFILES = (
    "TORCH_CUDA_ARCH_LIST",
    "PYTORCH_ROCM_ARCH",
    "CUDAARCHS",
    "CUDA_HOME",
    "CUDA_PATH",
    "LD_LIBRARY_PATH",
    "HSA_OVERRIDE_GFX_VERSION",
    "PYTORCH_ALLOC_CONF",
    "PYTORCH_CUDA_ALLOC_CONF",
    "PYTORCH_HIP_ALLOC_CONF",
)


def matters(name: str) -> bool:
    """Whether the facts keep this variable. Those that hold secrets they never keep."""
    known = name in _BY_NAME or name.startswith(_BY_PREFIX) or name in families.switch_names()
    return known and not _SECRET.search(name)


PROFILES = (
    ".bashrc",
    ".bash_profile",
    ".bash_login",
    ".profile",
    ".zshenv",
    ".zprofile",
    ".zshrc",
    ".config/fish/config.fish",
)
_LIMIT = 1 << 20  # bytes of one file
_LENGTH = 32_768  # characters of one value
_LINE, _LINES = 300, 20  # characters of a profile's line, lines kept for one variable
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_IN_PROFILES = "|".join(IN_PROFILES)
_SETS = re.compile(
    rf"(?:^|[\s;&|])(?:(?P<sh>{_IN_PROFILES})\+?=|set(?:\s+-\S+)+\s+(?P<fish>{_IN_PROFILES})(?:\s|$))"
)


def collect(
    ctx: CollectContext, overlay_path: Path | None, python: Python | None = None
) -> Environment:
    """`overlay_path`: the environment file of this patient and project; it need not exist."""
    return Environment(
        process={
            text(name): _safe(value) for name, value in sorted(ctx.environ.items()) if matters(name)
        },
        overlay=overlay(ctx, overlay_path) if overlay_path else {},
        overlay_path=text(str(overlay_path)) if overlay_path else None,
        profile=_profiles(ctx),
        started=_started(python) if python else {},
    )


def _started(python: Python) -> dict[str, StartVariable]:
    """What Python's start sets, as far as the statements stand under no condition."""
    return {
        one.name: StartVariable(
            value=_safe(one.value),
            place=text(one.place),
            default=one.default,
        )
        for one in start_settings(python)
        if matters(one.name)
    }


def _safe(value: str) -> str:
    return without_userinfo(text(value[:_LENGTH]))


def overlay(ctx: CollectContext, path: Path) -> dict[str, str | None]:
    try:
        data = json.loads(read_whole(path, _LIMIT))
        variables = data["variables"]
        if not all(_is_setting(name, value) for name, value in variables.items()):
            raise ValueError("a variable is neither text nor null")
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        if not gone(error):
            reason = f"the environment file cannot be used: {why(error)}"
            ctx.gap("environment", text(str(path)), reason)
        return {}
    return dict(variables)


def overlaid(environ: Mapping[str, str], overlay: Mapping[str, str | None]) -> dict[str, str]:
    """The variables of a program that is started with the environment file applied."""
    return {k: v for k, v in {**environ, **overlay}.items() if v is not None}


def _is_setting(name: str, value: object) -> bool:
    if not _NAME.fullmatch(name):
        return False
    return value is None or (isinstance(value, str) and "\0" not in value and text(value) == value)


def _profiles(ctx: CollectContext) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name in PROFILES:
        for variable, where in _settings(ctx, name):
            lines = found.setdefault(variable, [])
            if len(lines) < _LINES:
                lines.append(where)
    return found


def _settings(ctx: CollectContext, name: str) -> Iterator[tuple[str, str]]:
    path = ctx.home / name
    try:
        lines = read(path, _LIMIT).decode("utf-8", "replace").splitlines()
    except OSError as error:
        if not gone(error):
            ctx.gap("environment", f"~/{name}", f"cannot be read: {why(error)}")
        return
    for number, line in enumerate(map(str.strip, lines), 1):
        if not line.startswith("#"):
            for match in _SETS.finditer(line):
                where = f"~/{name}:{number}: {without_userinfo(line[:_LINE])}"
                yield match["sh"] or match["fish"], where
