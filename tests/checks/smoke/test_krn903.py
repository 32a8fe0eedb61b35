"""KRN903: kernels that compute something wrong."""

from __future__ import annotations

from rows import Fires, calling, rows

from gpufix.checks.registry import ERROR, Fault
from gpufix.checks.smoke.krn903_suite_kernel_wrong_result import KRN903
from gpufix.kernels.execute import CaseResult, RunResult
from gpufix.kernels.toolchain import parse_target
from gpufix.smoke.smoke_findings import wrong


def ran(*results: RunResult) -> tuple[object, ...]:
    return wrong, parse_target("sm_90+PTX"), results


def ended(kernel: str, *cases: CaseResult, status: str = "wrong") -> RunResult:
    return RunResult(kernel, status, cases)


def case(
    name: str, status: str = "wrong", error: float | None = 12.0, bound: float = 0
) -> CaseResult:
    return CaseResult(name, status, max_err=error, tolerance=bound)


def fault(kernel: str, message: str, *evidence: str) -> Fault:
    return Fault(ERROR, kernel, message, evidence)


SILENT = {
    "nothing was run": ran(),
    "within the tolerance": ran(ended("sort", case("sort", "valid", 0.0), status="ok")),
    "not for this GPU": ran(ended("matmul", case("square", "not applicable", None))),
    "it did not run: KRN902": ran(ended("sort", status="crashed")),
}

FIRING = {
    "one case": Fires(
        ran(ended("sort", case("pairs", "valid"), case("sort"), case("keys", "not applicable"))),
        fault("sort", "sort on sm_90: case sort: error 12 where 0 is allowed."),
    ),
    "several cases, the figures in three digits": Fires(
        ran(ended("ssim", case("small", error=1.23456, bound=1e-5), case("large", error=2))),
        fault(
            "ssim",
            "ssim on sm_90: case small: error 1.23 where 1e-05 is allowed.",
            "case large: error 2 where 0 is allowed",
        ),
    ),
    "no number": Fires(
        ran(ended("launch", case("latency", error=None, bound=1e-6))),
        fault(
            "launch", "launch on sm_90: case latency: error not a number where 1e-06 is allowed."
        ),
    ),
    "each kernel for itself": Fires(
        ran(ended("warp", status="ok"), ended("sort", case("sort")), ended("knn", case("sort"))),
        [
            fault("sort", "sort on sm_90: case sort: error 12 where 0 is allowed."),
            fault("knn", "knn on sm_90: case sort: error 12 where 0 is allowed."),
        ],
    ),
    "a kernel that crashed after a wrong case": Fires(
        ran(ended("sort", case("sort"), status="crashed")),
        fault("sort", "sort on sm_90: case sort: error 12 where 0 is allowed."),
    ),
}

test_silent, test_firing = rows(calling(KRN903), SILENT, FIRING)
