"""KRN902: kernels that do not load, launch or end."""

from __future__ import annotations

import builders as b
from rows import Fires, calling, rows

from gpufix.checks.registry import ERROR, Fault
from gpufix.checks.smoke.krn902_suite_kernel_does_not_run import KRN902
from gpufix.kernels.execute import OUT_OF_MEMORY, RunResult
from gpufix.kernels.toolchain import parse_target
from gpufix.smoke.smoke_findings import no_device, not_run

HOPPER = parse_target("sm_90+PTX")
BUSY = "cudaErrorDevicesUnavailable: busy or unavailable (gpuMalloc at launch.cu:1)"


def ran(*results: RunResult) -> tuple[object, ...]:
    return not_run, b.healthy(gpus=[b.gpu("sm_90")]), HOPPER, results


def ended(kernel: str, status: str, cause: str = "", message: str = "") -> RunResult:
    return RunResult(kernel, status, cause=cause, message=message)


def fault(subject: str, message: str, *evidence: str) -> Fault:
    return Fault(ERROR, subject, message, evidence)


SILENT = {
    "nothing was run": ran(),
    "all well": ran(ended("launch", "ok"), ended("warp", "ok")),
    "not for this GPU": ran(ended("matmul", "not applicable", message="no bf16 matrix units")),
    "a wrong result is KRN903's": ran(ended("sort", "wrong")),
    "want of memory is RUN806's": ran(ended("splat", "error", OUT_OF_MEMORY, "cudaErrorMemory")),
}

FIRING = {
    "a cause that is known": Fires(
        ran(ended("warp", "ok"), ended("launch", "error", "device busy", BUSY)),
        fault("launch", "launch on sm_90: device busy", BUSY),
    ),
    "a cause that is not": Fires(
        ran(ended("launch", "error", message="cudaErrorUnknown: unknown error")),
        fault("launch", "launch on sm_90: error", "cudaErrorUnknown: unknown error"),
    ),
    "a crash": Fires(
        ran(ended("launch", "crashed", message="ended by SIGSEGV")),
        fault("launch", "launch on sm_90: crashed", "ended by SIGSEGV"),
    ),
    "a hang": Fires(
        ran(ended("launch", "timeout", message="it did not end within 60 s")),
        fault("launch", "launch on sm_90: timeout", "it did not end within 60 s"),
    ),
    "output that is none": Fires(
        ran(ended("launch", "bad output")), fault("launch", "launch on sm_90: bad output")
    ),
    "one cause, whatever else is said": Fires(
        ran(
            ended("launch", "error", "no device", "cudaErrorNoDevice at launch.cu:1"),
            ended("warp", "error", "no device", "cudaErrorNoDevice at warp.cu:9"),
        ),
        fault(
            "launch, warp", "launch, warp on sm_90: no device", "cudaErrorNoDevice at launch.cu:1"
        ),
    ),
    "two ends of one message, two messages of one end": Fires(
        ran(
            ended("launch", "crashed", message="exit status 3"),
            ended("warp", "error", message="exit status 3"),
            ended("sort", "crashed", message="exit status 4"),
        ),
        [
            fault("launch", "launch on sm_90: crashed", "exit status 3"),
            fault("warp", "warp on sm_90: error", "exit status 3"),
            fault("sort", "sort on sm_90: crashed", "exit status 4"),
        ],
    ),
    "the runtime does not show the GPU": Fires(
        (no_device, HOPPER, "the runtime shows no sm_90 device"),
        fault("sm_90+PTX", "Nothing was run for sm_90+PTX: the runtime shows no sm_90 device."),
    ),
}

test_silent, test_firing = rows(calling(KRN902), SILENT, FIRING)
