"""Whether something is to be built, with which toolkit and host compiler."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

from gpufix.evidence.view import View
from gpufix.frozen import Frozen
from gpufix.knowledge import cuda as cuda_toolkits
from gpufix.knowledge import cuda as host_compilers
from gpufix.knowledge.data_table import minor, numbers
from gpufix.model import Tool, Toolkit, Torch


def builds(view: View) -> bool:
    """Whether the project has something to compile: else the build rules are silent."""
    project = view.facts.project
    return project is not None and project.builds_extensions


def cuda_torch(view: View) -> Torch | None:
    """The installed torch when it is a CUDA build."""
    torch = view.facts.torch
    return torch if torch and torch.cuda else None


def rocm_torch(view: View) -> Torch | None:
    """The installed torch when it is a ROCm build."""
    torch = view.facts.torch
    return torch if torch and torch.hip else None


def toolkit_in_use(view: View, kind: str = "cuda") -> Toolkit | None:
    """The toolkit with a compiler that cpp_extension would use."""
    home = view.env("CUDA_HOME") or view.env("CUDA_PATH")
    overlay = view.facts.environment.overlay
    if kind == "cuda" and overlay.keys() & {"CUDA_HOME", "CUDA_PATH"}:
        return _by_environment_file(view, home)
    return next((t for t in usable(view, kind) if t.selected), None)


def compiles_by_wheels(view: View) -> bool:
    """Whether the project's CUDA sources are compiled by an nvcc that wheels brought."""
    toolkit, python = toolkit_in_use(view) if builds(view) else None, view.facts.python
    places = python.site_dirs if toolkit and python else ()
    return any(toolkit.root.startswith(f"{site}/nvidia/") for site in places if toolkit)


def _by_environment_file(view: View, home: str | None) -> Toolkit | None:
    """The facts were looked up with the process's variables; the environment file outranks them."""
    if home:
        return next((t for t in usable(view) if t.root == home.rstrip("/")), None)
    usual = [t for origin in ("PATH", "/usr/local") for t in usable(view) if t.origin == origin]
    return usual[0] if usual else None


class CudaBuild(Frozen):
    """torch, its CUDA version, and the toolkit by which a project's CUDA sources would be compiled."""

    torch: Torch
    cuda: str
    toolkit: Toolkit
    version: str  # of the toolkit


def cuda_build(view: View) -> CudaBuild | None:
    """What the project's build would use; None: it builds nothing, not for CUDA, or with what is unknown."""
    torch, toolkit = cuda_torch(view), toolkit_in_use(view)
    if not builds(view) or torch is None or toolkit is None:
        return None
    if torch.cuda is None or toolkit.version is None:
        return None
    return CudaBuild(torch, torch.cuda, toolkit, toolkit.version)


def usable(view: View, kind: str = "cuda") -> Iterator[Toolkit]:
    """Every toolkit here that has a compiler."""
    return (t for t in view.facts.toolkits if t.kind == kind and t.compiler)


def major(version: str) -> str:
    """ "12.8" -> "12"."""
    return version.partition(".")[0]


def same_major(left: str, right: str) -> bool:
    """Whether two versions agree in their first part."""
    return major(left) == major(right)


def generates(cuda: str, arch: str) -> bool | None:
    """Whether a CUDA version's nvcc generates code for a GPU; None = the version is not listed."""
    toolkit = cuda_toolkits.get(cuda)
    return None if toolkit is None else any(map(toolkit.supports, names_in_nvcc(arch)))


def names_in_nvcc(arch: str) -> tuple[str, ...]:
    """Thor is sm_101 to CUDA 12.8 and 12.9, sm_110 to later ones."""
    return tuple(dict.fromkeys((arch.replace("sm_110", "sm_101"), arch)))


def describe(toolkit: Toolkit) -> str:
    """ "CUDA 12.8 in /usr/local/cuda-12.8 (from CUDA_HOME)"."""
    kind = "CUDA" if toolkit.kind == "cuda" else "ROCm"
    version = f" {minor(toolkit.version)}" if toolkit.version else ""
    return f"{kind}{version} in {toolkit.root} (from {toolkit.origin})"


def tool(view: View, *names: str) -> Tool | None:
    """The first tool of one of these names."""
    return next((t for name in names for t in view.facts.tools if t.name == name), None)


def was_collected(view: View, section: str) -> bool:
    """False when a whole section of the facts could not be collected: absence proves nothing."""
    return not any(g.section == section and g.subject == section for g in view.facts.gaps)


_NAME = re.compile(r"(?:.*-)?(gcc|g\+\+|clang|clang\+\+)(-\d+(?:\.\d+)*)?")
_YES = {"ON", "1", "YES", "TRUE", "Y"}


class Objection(Frozen):
    """Why a compiler will not do. `by` is "nvcc", "torch" or "headers"."""

    by: Literal["nvcc", "torch", "headers"]
    text: str
    source: str


def family(tool: Tool) -> host_compilers.Family | None:
    """ "gcc" or "clang", None for other tools."""
    found = _NAME.fullmatch(tool.name)
    if found is None:
        return None
    return "clang" if found[1].startswith("clang") else "gcc"


def in_use(view: View) -> Tool | None:
    """The compiler that nvcc would call; of several -ccbin the last counts, and torch adds CC's.

    None when a variable names one that was not looked at, or none is here.
    """
    named = ccbin(view, "NVCC_APPEND_FLAGS") or view.env("CC") or ccbin(view, "NVCC_PREPEND_FLAGS")
    if named:
        return _find(view, named.split()[-1])
    return next((t for n in ("g++", "gcc") for t in view.facts.tools if t.name == n), None)


def cxx_in_use(view: View) -> Tool | None:
    """The C++ compiler that CMake would take; None where CXX names one that was not looked at."""
    named = view.env("CXX")
    if named:
        return _find(view, named.split()[-1])
    return tool(view, "g++", "clang++")


def default_standard(compiler: Tool) -> int | None:
    """The C++ that a compiler takes when it is not asked for one, of g++ 6 to 16 and clang 6 to 22."""
    version = numbers(compiler.version or "")
    kind = family(compiler)
    known = {
        "gcc": ((6, 14), (11, 17), (16, 20), (17, None)),
        "clang": ((6, 14), (16, 17), (23, None)),
    }
    rows = known.get(kind or "", ())
    return next((cxx for since, cxx in reversed(rows) if version and version[0] >= since), None)


def ccbin(view: View, variable: str) -> str | None:
    """The host compiler that a variable with nvcc's flags names."""
    named = re.findall(r"(?:-ccbin|--compiler-bindir)[ =]+(\S+)", view.env(variable) or "")
    return named[-1] if named else None


def compilers(view: View) -> Iterator[Tool]:
    """Every C++ compiler here whose version is known."""
    return (t for t in view.facts.tools if family(t) and t.version and "+" in t.name)


def objections(view: View, tool: Tool, cuda: str, torch: Torch) -> Iterator[Objection]:
    """What speaks against building for `torch` with a CUDA version and this compiler."""
    kind, version = family(tool), tool.version
    if kind is None or not version or not numbers(version):
        return
    limit = host_compilers.limit(cuda, kind)
    if limit and limit.max_major and numbers(version)[0] > limit.max_major and not _forced(view):
        text = f"nvcc {cuda} accepts {kind} up to {limit.max_major}"
        yield Objection("nvcc", text, limit.source)
    need = host_compilers.headers_need_gcc(torch.release or "") if kind == "gcc" else None
    if need and numbers(version)[0] < need:
        text = f"torch {torch.release} needs gcc {need} or newer"
        yield Objection("headers", text, "c10/util/C++17.h; GCC's -std=c++20")
    bounds = host_compilers.torch_bounds(torch.release or "", cuda, kind)
    if bounds and not bounds.accepts(version) and not _unchecked(view):
        text = f"torch {torch.release} takes {kind} from {bounds.least} to below {bounds.below}"
        yield Objection("torch", f"{text} with CUDA {cuda}", bounds.source)


def _forced(view: View) -> bool:
    flags = " ".join(view.env(v) or "" for v in ("NVCC_PREPEND_FLAGS", "NVCC_APPEND_FLAGS"))
    return "-allow-unsupported-compiler" in flags


def _unchecked(view: View) -> bool:
    return (view.env("TORCH_DONT_CHECK_COMPILER_ABI") or "").upper() in _YES


def _find(view: View, named: str) -> Tool | None:
    for tool in view.facts.tools:
        if family(tool) and named in (tool.path, tool.name, tool.path.rsplit("/", 1)[-1]):
            return tool
    return None
