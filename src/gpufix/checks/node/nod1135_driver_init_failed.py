"""NOD1135."""

from __future__ import annotations

from collections.abc import Iterator

from gpufix.checks.registry import WARNING, Fault, rule
from gpufix.evidence.node_log import logged_by_gpu
from gpufix.evidence.view import View
from gpufix.model import Gap
from gpufix.model.payload import NodeFault


@rule("NOD1135", "driver-init-failed")
def driver_init_failed(view: View) -> Iterator[Fault | Gap]:
    """NVIDIA's driver could not start a GPU.

    ## What it does
    Looks in the kernel's log for RmInitAdapter failed and for a GPU that has fallen off the bus
    without an Xid.

    ## Why it matters
    The GPU is on PCI, and the driver gives it up: no program finds it.

    ## Example
    `GPU at 0000:07:00.0: the kernel's log has "RmInitAdapter failed".`

    ## Severity
    Warning: the log does not say whether it has started since.

    ## Fix
    Manual: a reset or a restart; on new GPUs, the open kernel modules.

    ## Source
    NVIDIA/open-gpu-kernel-modules: osinit.c, RmInitAdapter.
    """
    for found in logged_by_gpu(view, "init", "nvidia"):
        if isinstance(found, Gap):
            yield found
            continue
        at, events = found
        what = (
            "RmInitAdapter failed" if "RmInitAdapter" in events[-1].text else "fallen off the bus"
        )
        yield Fault(
            severity=WARNING,
            subject=at,
            message=f'{at}: the kernel\'s log has "{what}".',
            evidence=(f"{events[-1].seconds:.0f} s after the start: {events[-1].text}",),
            payload=NodeFault("reset"),
        )
