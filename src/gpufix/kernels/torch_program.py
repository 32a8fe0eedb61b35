"""`torch_quick`: what the patient's torch computes on one GPU, without any compiler."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from gpufix.kernels.execute import RunResult, read_result
from gpufix.kernels.manifest import SUITE, Case, Kernel
from gpufix.process import Limits, NotStarted, Program, run

TORCH_QUICK = Kernel(
    name="torch_quick",
    title="kernels of torch and its libraries against float64, copy and matrix product timed",
    cases=(
        *(Case(name) for name in ("elementwise", "reduction", "matmul_fp32", "matmul_bf16")),
        *(Case(name) for name in ("convolution", "attention")),
        Case("copy", bytes="8 * n", judged=True),
        Case("matmul", bytes="6 * n**2", flops="2 * n**3", unit="bf16", compared=True),
    ),
    time_limit_s=120.0,
)


def run_torch_quick(
    python: Path, device: Sequence[str], env: Mapping[str, str] | None = None
) -> RunResult:
    """On the device that ("--device", "N") names. Never raises for what the patient does."""
    script = SUITE / TORCH_QUICK.name / "quick.py"
    try:
        program = Program([python.absolute(), "-B", script, *device], env)
        ended = run(program, Limits(TORCH_QUICK.time_limit_s))
    except NotStarted as error:
        return RunResult(TORCH_QUICK.name, "error", message=f"{python} {error.problem}")
    result = read_result(TORCH_QUICK, ended)
    if result.status == "error" and not result.cause:  # torch's own words are the cause
        first = (result.message.splitlines() or ["error"])[0]
        return replace(result, cause=first[:200])
    return result
