"""Remarks are no causes: a log's lower levels, deprecations, and what a program accepts."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from gpufix.explain.read import explain
from gpufix.report.explanations import show

REMARKS = [
    "host:26:48 [7] NCCL INFO Failed to open libibverbs.so[.1]",
    "host:26:48 [7] misc/ibvwrap.cu:63 NCCL WARN Failed to open libibverbs.so[.1]",
    "libibverbs: Warning: couldn't load driver 'libhfi1-rdmav25.so': libhfi1-rdmav25.so: cannot open shared object file",
    "2024-01-01 10:00:00.000001: I tensorflow/x/dso_loader.cc:44] Successfully opened dynamic library nvcuda.dll",
    "I0515 10:03:24.130426 19611 dso_loader.cc:44] opened dynamic library libcuda.so.1: stays open",
    "[INFO] 12:00:01 running: git submodule update --init --recursive",
    "UserWarning: CUDA path could not be detected. Set CUDA_PATH environment variable if CuPy fails to load.",
    "cpp_extension.py:1967: UserWarning: TORCH_CUDA_ARCH_LIST is not set, all archs for visible cards are included",
    "SetuptoolsDeprecationWarning: use_2to3 is invalid from setuptools 58 on",
    "[WARNING] Op Builder: Installed CUDA version 12.1 does not match the version torch was compiled "
    "with 11.8. Allowing this combination of CUDA, but it may result in unexpected behavior.",
    "Your compiler (clang++) is not compatible with the compiler Pytorch was built with for this platform",
    "WARNING | xformers | No module named 'triton'. This is just a warning",
]

CAUSES = [
    ("SRC604", "AttributeError: module 'numpy' has no attribute 'VisibleDeprecationWarning'"),
    ("SYM402", "ImportError: libibverbs.so.1: cannot open shared object file: No such file"),
    ("RUN806", "INFO worker stdout: RuntimeError: CUDA out of memory. Tried to allocate 2.00 GiB"),
    ("TCH201", "INFO | torch | Torch not compiled with CUDA enabled"),
    (
        "GPU105",
        "INFO CUDA driver version is insufficient for CUDA runtime version",
    ),
    (
        "SYM401",
        "UserWarning: Failed to load image Python extension: 'image.so: undefined symbol: "
        "_ZN3c104impl8GPUTrace13gpuTraceStateE'If you don't plan on using image functionality, you "
        "can ignore this warning. Otherwise, there might be something wrong with your environment.",
    ),
]


@pytest.mark.parametrize("text", REMARKS)
def test_a_remark_names_no_rule(text: str) -> None:
    answer, _ = explain([text.encode()])
    assert answer.primary is None or answer.primary.rule is None


def test_a_minor_mismatch_that_is_accepted_is_a_notice() -> None:
    text = (
        "[WARNING] Op Builder: Installed CUDA version 12.1 does not match the version torch was "
        "compiled with 12.4 but since the APIs are compatible, accepting this combination"
    )
    answer, _ = explain([text.encode()])
    assert answer.primary is not None
    assert (answer.primary.rule, answer.primary.role) == ("TCH203", "notice")


@pytest.mark.parametrize(("rule", "text"), CAUSES)
def test_a_cause_stays_one_at_any_level(rule: str, text: str) -> None:
    answer, _ = explain([text.encode()])
    assert answer.primary is not None
    assert answer.primary.rule == rule


def test_the_cause_behind_remarks_decides() -> None:
    text = "\n".join((*REMARKS, "nvcc fatal   : Unsupported gpu architecture 'compute_120'"))
    answer, _ = explain([text.encode()])
    assert answer.primary is not None
    assert answer.primary.rule == "TCH206"


def shown(text: str) -> str:
    answer, _ = explain([text.encode()])
    out = io.StringIO()
    show(answer, "a log", [], {}, None, Console(file=out, width=200))
    return out.getvalue()


def test_what_else_the_line_of_the_cause_says_is_not_told_again() -> None:
    fatal = "nvcc fatal   : Unsupported gpu architecture 'compute_120'"
    wrapper = "subprocess-exited-with-error"
    assert "also:" not in shown(f"{wrapper}: {fatal}")
    assert f"also: line 1: {wrapper}" in shown(f"{wrapper}\n{fatal}")
