"""KRN902."""

from __future__ import annotations

from collections.abc import Iterator

from gpufix.checks.registry import Fault, rule
from gpufix.evidence.view import View


@rule("KRN902", "suite-kernel-does-not-run", doctor=False)
def suite_kernel_does_not_run(view: View) -> Iterator[Fault]:
    """A compiled kernel of gpufix's suite does not load, launch or end.

    ## What it does
    `gpufix smoke` runs each kernel in a process of its own with a time limit. A runtime error, a
    crash, a hang or output that is no result is reported; the other kernels still run.
    `gpufix doctor` never reports this rule.

    ## Why it matters
    The driver, not your code, is what fails: a driver too old for the toolkit, a device in
    exclusive mode or without free memory, no code for the GPU.

    ## Example
    `splat on sm_90: device busy`

    ## Severity
    Error.

    ## Fix
    None: the runtime's words name the cause.

    ## Source
    The CUDA or HIP runtime's own words, or how the process ended.
    """
    yield from ()  # found by running (gpufix.smoke), never in facts
