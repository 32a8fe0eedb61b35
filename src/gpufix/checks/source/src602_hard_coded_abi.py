"""SRC602."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gpufix.checks.registry import ADVICE, ERROR, WARNING, Fault, rule
from gpufix.evidence.cxx import forced
from gpufix.evidence.source_view import (
    Files,
    absolute,
    active,
    at,
    cmake_files,
    docker_files,
    python_files,
    shell_files,
)
from gpufix.evidence.view import View
from gpufix.knowledge.data_table import at_least
from gpufix.model import Severity, Torch
from gpufix.model.source_payload import AbiFile, AbiFlag

# cpp_extension appended torch's own value to each build until 2.7; the last -D wins.
_APPENDS_BEFORE = "2.8"


@rule("SRC602", "hard-coded-abi")
def hard_coded_abi(view: View) -> Iterator[Fault]:
    """A build file fixes `_GLIBCXX_USE_CXX11_ABI`, and not as the installed torch has it.

    ## What it does
    Looks for the definition in setup.py's flags and macros, in CMake commands and in compiler
    calls of scripts and Dockerfiles, and compares it with the installed torch's.

    ## Why it matters
    The extension builds and does not load: `undefined symbol: _ZN3c106detail14torchCheckFail…RKSs`.
    torch's PyPI wheels changed from 0 to 1 with 2.7.

    ## Example
    `cmake/FindTorch.cmake defines _GLIBCXX_USE_CXX11_ABI=0; torch 2.7.1+cu128 has 1.`

    ## Severity
    Error; warning where only a run would tell whether it is reached, and in scripts. Advice in a
    setup.py built by torch before 2.8, which appends its own value, and in a Dockerfile, whose
    image may hold another torch.

    ## Fix
    Safe: read the value from the installed torch instead.

    ## Source
    GCC's dual ABI; torch/utils/cpp_extension.py of 1.13 to 2.15.
    """
    torch = view.facts.torch
    if torch is None or torch.cxx11_abi is None:
        return
    read: dict[AbiFile, Files] = {
        "python": python_files(view),
        "cmake": cmake_files(view),
        "shell": shell_files(view),
        "docker": docker_files(view),
    }
    for kind, files in read.items():
        for path, facts in files.items():
            if kind == "python" and not (facts.get("setup") or facts.get("extension")):
                continue  # the flag in another script's text is no build's flag
            rows = [r for r in facts.get("abi", []) if bool(r["value"]) != torch.cxx11_abi]
            rows = [r for r in rows if active(view, r["guards"]) is not False]
            if rows and not (kind == "cmake" and forced(view, path)):
                yield _fault(view, torch, kind, path, rows, facts)


def _fault(
    view: View, torch: Torch, kind: AbiFile, path: str, rows: list[dict[str, Any]], facts: Any
) -> Fault:
    value = rows[0]["value"]
    text = f"_GLIBCXX_USE_CXX11_ABI={value}"
    return Fault(
        severity=_severity(view, torch, kind, rows, facts),
        subject=path,
        message=f"{path} defines {text}; torch {torch.version} has {1 - value}.",
        evidence=tuple(at(view, path, r["line"], text) for r in rows),
        breaks=tuple(f"source-abi:{name}" for name in _built_from(view, path)),
        payload=AbiFlag(path, tuple(r["line"] for r in rows), value, kind),
    )


def _built_from(view: View, path: str) -> list[str]:
    """Editable distributions of the folder that holds the file: ABI301 of them follows from it."""
    full = absolute(view, path)
    return [
        dist.name
        for dist in view.facts.distributions
        if dist.editable and full.startswith(f"{dist.editable.rstrip('/')}/")
    ]


def _severity(
    view: View, torch: Torch, kind: AbiFile, rows: list[dict[str, Any]], facts: Any
) -> Severity:
    certain = any(active(view, r["guards"]) for r in rows)
    if kind == "docker":
        return ADVICE
    if kind == "shell" or not certain:
        return WARNING
    if kind == "python" and facts.get("extension"):
        appended = torch.release is not None and not at_least(torch.release, _APPENDS_BEFORE)
        return ADVICE if appended else ERROR
    return ERROR
