"""NOD1136."""

from __future__ import annotations

from collections.abc import Iterator

from gpufix.checks.registry import WARNING, Fault, rule
from gpufix.evidence.node_log import logged_by_gpu
from gpufix.evidence.view import View
from gpufix.model import Gap
from gpufix.model.payload import NodeFault
from gpufix.text.clean import counted


@rule("NOD1136", "amd-kernel-errors")
def amd_kernel_errors(view: View) -> Iterator[Fault | Gap]:
    """The kernel's log has faults of an AMD GPU.

    ## What it does
    Looks in the kernel's log for resets, queues that could not be preempted, and uncorrectable
    errors.

    ## Why it matters
    A reset ends every program on the GPU; one that failed leaves it unusable.

    ## Example
    `GPU at 0000:c3:00.0: GPU reset begin (2 lines).`

    ## Severity
    Warning. "no uncorrectable hardware errors" and a count of 0 are well.

    ## Fix
    Manual: the program or the GPU is examined.

    ## Source
    Linux drivers/gpu/drm/amd/amdgpu/amdgpu_device.c, amdgpu_umc.c,
    amdkfd/kfd_device_queue_manager.c; ROCm/cvs dddd9143 cvs/lib/verify_lib.py, whose words "fault "
    and "process pid" match harmless lines and are not used.
    """
    for found in logged_by_gpu(view, "amd", "amd"):
        if isinstance(found, Gap):
            yield found
            continue
        at, events = found
        yield Fault(
            severity=WARNING,
            subject=f"kernel log of {at}",
            message=f"{at}: the kernel's log has {counted(len(events), 'line')} on faults.",
            evidence=tuple(f"{e.seconds:.0f} s after the start: {e.text}" for e in events[-3:]),
            payload=NodeFault("examine"),
        )
