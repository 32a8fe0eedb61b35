"""Which host compiler a CUDA build would use, and whether nvcc and torch accept one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from gpufix.knowledge import host_compilers
from gpufix.knowledge.versions import numbers
from gpufix.model import Tool, Torch
from gpufix.view import View

_NAME = re.compile(r"(?:.*-)?(gcc|g\+\+|clang|clang\+\+)(-\d+(?:\.\d+)*)?")
_YES = {"ON", "1", "YES", "TRUE", "Y"}


@dataclass(frozen=True)
class Objection:
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
    asked = ccbin(view, "NVCC_APPEND_FLAGS") or view.env("CC") or ccbin(view, "NVCC_PREPEND_FLAGS")
    if asked:
        return _find(view, asked.split()[-1])
    return next((t for n in ("g++", "gcc") for t in view.facts.tools if t.name == n), None)


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


def _find(view: View, asked: str) -> Tool | None:
    for tool in view.facts.tools:
        if family(tool) and asked in (tool.path, tool.name, tool.path.rsplit("/", 1)[-1]):
            return tool
    return None
