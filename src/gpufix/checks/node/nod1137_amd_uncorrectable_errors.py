"""NOD1137."""

from __future__ import annotations

from collections.abc import Iterator

from gpufix.checks.registry import ERROR, Fault, rule
from gpufix.evidence.node_readings import known, label
from gpufix.evidence.view import View
from gpufix.model import Gap
from gpufix.model.payload import NodeFault


@rule("NOD1137", "amd-uncorrectable-errors")
def amd_uncorrectable_errors(view: View) -> Iterator[Fault | Gap]:
    """An AMD GPU had errors that could not be corrected.

    ## What it does
    Reads the RAS counters of each block in sysfs. On MI200 a read resets them: there nothing is
    read, which is a gap.

    ## Why it matters
    Data were lost. The driver resets the GPU, or the machine is to be restarted.

    ## Example
    `AMD GPU 0: uncorrectable errors: 1 in umc.`

    ## Severity
    Error.

    ## Fix
    Manual: a reset of the GPU.

    ## Source
    https://docs.kernel.org/gpu/amdgpu/ras.html; Linux drivers/gpu/drm/amd/amdgpu/amdgpu_ras.c.
    """
    for gpu in known(view, "ras_uncorrected", vendor="amd"):
        if isinstance(gpu, Gap):
            yield gpu
            continue
        found = {block: number for block, number in (gpu.ras_uncorrected or {}).items() if number}
        if found:
            listed = ", ".join(f"{number} in {block}" for block, number in found.items())
            yield Fault(
                severity=ERROR,
                subject=label(gpu),
                message=f"{label(gpu)}: uncorrectable errors: {listed}.",
                payload=NodeFault("reset"),
            )
