"""KRN903."""

from __future__ import annotations

from collections.abc import Iterator

from gpufix.checks.registry import Fault, rule
from gpufix.evidence.view import View


@rule("KRN903", "suite-kernel-wrong-result", doctor=False)
def suite_kernel_wrong_result(view: View) -> Iterator[Fault]:
    """A kernel of gpufix's suite computes something wrong on this GPU.

    ## What it does
    `gpufix smoke` checks every kernel on fresh random data against a float64 or exact integer
    reference, before anything is timed. `gpufix doctor` never reports this rule.

    ## Why it matters
    The same source passes elsewhere. A wrong result here points at the hardware, the driver, the
    compiler, or an architecture that a variable makes this GPU pose as.

    ## Example
    `sort on gfx1031: case sort is wrong: error 12 where 0 is allowed.`

    ## Severity
    Error.

    ## Fix
    None.

    ## Source
    The program's own comparison; see docs/kernels.md for what each case checks.
    """
    yield from ()  # found by running (gpufix.smoke), never in facts
