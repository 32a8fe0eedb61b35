"""The tree of everything observed. It is JSON-serialisable, and complete enough to be replayed."""

from __future__ import annotations

from typing import Any, Literal

from gpufix.model.base import Model
from gpufix.model.binary import Binaries
from gpufix.model.host import Driver, Gpu, Host, Tool, Toolkit
from gpufix.model.patient import (
    CacheEntry,
    Distribution,
    Environment,
    Python,
    SharedFile,
    Torch,
)

SCHEMA_VERSION = 1


class Gap(Model):
    """Something that could not be looked at. Never a pass, never a fault."""

    section: str  # "gpus", "distributions", ...
    subject: str  # the path or thing
    reason: str


class CMakeCache(Model):
    """A CMakeCache.txt: for which torch, Python and CUDA compiler it was configured."""

    path: str
    torch_dir: str | None = None  # Torch_DIR
    python: str | None = None  # Python*_EXECUTABLE / PYTHON_EXECUTABLE
    cuda_compiler: str | None = None


SourceKind = Literal[
    "python",
    "cmake",
    "shell",
    "docker",
    "cuda",
    "cpp",
    "header",
    "hip",
    "requirements",
    "environment",
    "toml",
    "gitmodules",
]


class SourceFile(Model):
    """One file that a build or a run of the project reads. `path` is relative to the root."""

    path: str
    kind: SourceKind
    size: int  # bytes


class Submodule(Model):
    """A submodule: declared in a .gitmodules, recorded as a gitlink in the index, or both."""

    path: str  # relative to the root
    url: str | None = None
    declared_in: str | None = None  # the .gitmodules, relative to the root
    line: int | None = None  # of its header there
    gitlink: bool | None = None  # None = no index to look in
    populated: bool = False  # its folder holds something


class Project(Model):
    """The project folder. `config` is its `[tool.gpufix]` table."""

    root: str
    markers: list[str] = []  # which of pyproject.toml, setup.py, CMakeLists.txt, .gitmodules
    builds_extensions: bool = False  # something in it compiles against torch or CUDA/HIP
    cuda_sources: int | None = None  # .cu and .hip files in it; None = not counted
    libraries: list[str] = []  # shared libraries that were built in place
    cmake_caches: list[CMakeCache] = []
    sources: list[SourceFile] = []  # owned by the project: no environments, build outputs, data
    submodules: list[Submodule] = []
    config: dict[str, Any] = {}


class Facts(Model):
    """Everything observed about one patient."""

    schema_version: int = SCHEMA_VERSION
    gpufix_version: str = ""
    host: Host
    python: Python | None = None
    distributions: list[Distribution] = []
    shared_files: list[SharedFile] = []
    torch: Torch | None = None
    gpus: list[Gpu] = []
    drivers: list[Driver] = []
    toolkits: list[Toolkit] = []
    tools: list[Tool] = []
    caches: list[CacheEntry] = []
    environment: Environment = Environment()
    binaries: Binaries = Binaries()
    project: Project | None = None
    gaps: list[Gap] = []
    answers: dict[str, Any] = {}  # what checks asked of files, by question
