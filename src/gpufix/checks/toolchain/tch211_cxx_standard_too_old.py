"""TCH211."""

from __future__ import annotations

from collections.abc import Iterator

from gpufix.checks.registry import ERROR, WARNING, Fault, rule
from gpufix.evidence.cxx_standard import Refused, first_release, refused
from gpufix.evidence.source_view import at
from gpufix.evidence.view import View
from gpufix.model.source_payload import OldStandard


@rule("TCH211", "cxx-standard-too-old")
def cxx_standard_too_old(view: View) -> Iterator[Fault]:
    """A build file asks for an older C++ than the headers of the installed torch take.

    ## What it does
    Reads in the installed headers which C++ they take (`#if __cplusplus < 202002L` in ATen/ATen.h),
    and compares it with the flags of setup.py and of load(), with CMAKE_CXX_STANDARD,
    CMAKE_CUDA_STANDARD, the properties and features of targets, and flags in CMake files. Where a
    CMake build chooses none, the default of its C++ compiler counts: torch's CMake files pass on no
    standard, and nvcc gets none by CXX_STANDARD of a target. The rule speaks where a source that the file builds includes such a header, itself or through the project's own.

    ## Why it matters
    `error: #error C++20 or later compatible compiler is required to use ATen.` The headers take C++17
    since torch 2.1 and C++20 since 2.14. torch's cpp_extension adds the flag that they need, but
    not beside one that the project gives.

    ## Example
    `setup.py compiles with -std=c++17; torch/extension.h of torch 2.14.1 needs C++20.`

    ## Severity
    Error; warning where only a run would tell whether the line decides, and where it decides once
    SRC613 of the same file is answered.

    ## Fix
    Safe: leave the flag out where torch adds one that is as new, else raise it for the torch releases
    that need it. What C++17 and C++20 took out of std (`std::iterator`, `std::result_of`,
    `std::random_shuffle` …) libstdc++ keeps, and it compiles as before. C++20 refuses members of
    `std::allocator` such as `rebind`, and the new keywords (`requires`, `concept` …) as names.

    ## Source
    ATen/ATen.h, torch/all.h and torch/utils/cpp_extension.py of torch 1.13 to 2.14.
    """
    for row in refused(view):
        yield _fault(view, row)


def _fault(view: View, row: Refused) -> Fault:
    torch = view.facts.torch
    asks = _asks(row)
    lines = dict.fromkeys((a.line, a.text) for a in row.asked)
    evidence = [at(view, row.path, *line) for line in lines]
    if row.source:
        evidence.append(at(view, row.source, row.line, f"#include <{row.header}>"))
    version = torch.version if torch else ""
    return Fault(
        severity=ERROR if any(asked.sure for asked in row.asked) else WARNING,
        subject=row.path,
        message=f"{row.path} {asks}; {row.header} of torch {version} needs C++{row.needs}.",
        evidence=tuple(evidence),
        payload=OldStandard(
            row.path,
            tuple(dict.fromkeys(asked.line for asked in row.asked)),
            row.way,
            row.needs,
            first_release(view, row.needs),
            tuple(sorted({asked.unset for asked in row.asked if asked.unset})),
        ),
    )


def _asks(row: Refused) -> str:
    texts = " and ".join(dict.fromkeys(asked.text for asked in row.asked if not asked.unset))
    said = [f"sets {texts}" if row.way == "cmake" else f"compiles with {texts}"] if texts else []
    if names := sorted({asked.unset for asked in row.asked if asked.unset}):
        compiler = next(asked.text for asked in row.asked if asked.unset)
        said.append(f"does not set {' or '.join(names)}, so that {compiler}")
    return " and ".join(said)
