"""The tree of everything observed. It is JSON-serialisable, and complete enough to be replayed."""

from __future__ import annotations

from dataclasses import field
from typing import Any, Literal

from gpufix.model.base import Model
from gpufix.model.binary import Binaries
from gpufix.model.host import Driver, Gpu, Host, Network, Storage, Tool, Toolkit, Windows
from gpufix.model.node import Node
from gpufix.model.patient import (
    CacheEntry,
    CondaPackage,
    CondaPrefix,
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
    "make",
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
    commit: str | None = None  # the one that the index records


class Project(Model):
    """The project folder. `config` is its `[tool.gpufix]` table."""

    root: str
    markers: list[str] = field(
        default_factory=list
    )  # which of pyproject.toml, setup.py, CMakeLists.txt, .gitmodules
    builds_extensions: bool = False  # something in it compiles against torch or CUDA/HIP
    cuda_sources: int | None = None  # .cu and .hip files in it; None = not counted
    libraries: list[str] = field(default_factory=list)  # shared libraries that were built in place
    cmake_caches: list[CMakeCache] = field(default_factory=list)
    sources: list[SourceFile] = field(
        default_factory=list
    )  # owned by the project: no environments, build outputs, data
    submodules: list[Submodule] = field(default_factory=list)
    config: dict[str, Any] = field(default_factory=dict)
    locks: list[str] = field(default_factory=list)  # which of uv.lock, poetry.lock … lie there


class Shadow(Model):
    """A file or folder that stands before an installed module of its name, and lacks what is asked of it.

    hidden: the installed module's file; "" where nothing of the name is installed.
    """

    name: str
    path: str
    hidden: str
    lost: str  # "cuda.bindings": what is asked for
    place: str  # "FILE:LINE", that asks


class Facts(Model):
    """Everything observed about one patient."""

    schema_version: int = SCHEMA_VERSION
    gpufix_version: str = ""
    host: Host
    python: Python | None = None
    distributions: list[Distribution] = field(default_factory=list)
    conda: CondaPrefix | None = None
    conda_packages: list[CondaPackage] = field(default_factory=list)
    shared_files: list[SharedFile] = field(default_factory=list)
    torch: Torch | None = None
    gpus: list[Gpu] = field(default_factory=list)
    drivers: list[Driver] = field(default_factory=list)
    toolkits: list[Toolkit] = field(default_factory=list)
    tools: list[Tool] = field(default_factory=list)
    caches: list[CacheEntry] = field(default_factory=list)
    environment: Environment = field(default_factory=Environment)
    binaries: Binaries = field(default_factory=Binaries)
    project: Project | None = None
    gaps: list[Gap] = field(default_factory=list)
    answers: dict[str, Any] = field(default_factory=dict)  # what checks asked of files, by question
    shadows: list[Shadow] = field(default_factory=list)
    # Modules that the scripts of the folder import, and that are nowhere -> "FILE:LINE"
    unmet_imports: dict[str, str] = field(default_factory=dict)
    windows: Windows | None = None  # of a Windows patient
    network: Network | None = None  # None where nobody asked for it
    storage: Storage | None = None  # of the environment
    node: Node | None = None  # None where nobody asked for it


def conda_apart(data: Any) -> Any:
    """Facts as JSON; older snapshots list conda's packages among the distributions, by their files."""
    rows = data.get("distributions") if isinstance(data, dict) else None
    packages = data.get("conda_packages", []) if rows else None
    if not isinstance(rows, list) or not isinstance(packages, list):
        return data
    kept = [row for row in rows if not _is_conda_record(row)]
    packages = [*packages, *(_as_package(row) for row in rows if _is_conda_record(row))]
    return {**data, "distributions": kept, "conda_packages": packages}


def _is_conda_record(row: Any) -> bool:
    conda = isinstance(row, dict) and row.get("source") == "conda"
    return conda and str(row.get("metadata")).endswith(".json")


def _as_package(row: dict[str, Any]) -> dict[str, Any]:
    same = ("name", "version", "metadata", "requested", "record", "channel", "build")
    kept = {key: row[key] for key in same if key in row}
    return {**kept, "prefix": row.get("location"), "depends": row.get("requires", [])}
