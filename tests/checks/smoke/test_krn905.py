"""KRN905: torch's own extension builder."""

from __future__ import annotations

from rows import Fires, calling, rows

from gpufix.checks.registry import ERROR, Fault
from gpufix.checks.smoke.krn905_torch_extension_build_fails import KRN905
from gpufix.kernels.execute import CaseResult, RunResult
from gpufix.smoke.smoke_findings import torch_extension

FAILS = "torch's own extension build gives no working module: "
NINJA = "RuntimeError: Ninja is required to load C++ extensions"


def ended(status: str, message: str = "", *cases: tuple[str, str]) -> tuple[object, ...]:
    results = tuple(CaseResult(name, how) for name, how in cases)
    return torch_extension, RunResult("torch_extension", status, results, message=message)


def fault(why: str, *evidence: str) -> Fault:
    return Fault(ERROR, "torch_extension", f"{FAILS}{why}", evidence)


SILENT = {
    "all well": ended("ok", "", ("cpu_forward", "valid"), ("cuda_forward", "not applicable")),
    "neither CPU nor GPU can be tried": ended("not applicable", "no compiler"),
}

FIRING = {
    "torch's own words": Fires(
        ended("crashed", f"exit status 1: Traceback\n  raise\n{NINJA}"),
        fault(NINJA, "exit status 1: Traceback", "  raise", NINJA),
    ),
    "the compiler's first error": Fires(
        ended("error", "[1/2] c++ -c op.cpp\nfatal error: Python.h: No such file"),
        fault(
            "fatal error: Python.h: No such file",
            "[1/2] c++ -c op.cpp",
            "fatal error: Python.h: No such file",
        ),
    ),
    "a crash": Fires(
        ended("crashed", "ended by SIGSEGV"), fault("ended by SIGSEGV", "ended by SIGSEGV")
    ),
    "without a word": Fires(ended("bad output"), fault("bad output")),
    "wrong results": Fires(
        ended(
            "wrong",
            "",
            ("cpu_forward", "valid"),
            ("cpu_gradcheck", "wrong"),
            ("cuda_forward", "wrong"),
        ),
        fault("wrong: cpu_gradcheck, cuda_forward"),
    ),
    "a time limit, after a wrong result": Fires(
        ended("timeout", "it did not end within 600 s", ("cpu_forward", "wrong")),
        fault("it did not end within 600 s", "it did not end within 600 s"),
    ),
}

test_silent, test_firing = rows(calling(KRN905), SILENT, FIRING)
