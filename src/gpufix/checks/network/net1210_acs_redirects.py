"""NET1210."""

from __future__ import annotations

from collections.abc import Iterator

from gpufix.checks.registry import WARNING, Fault, rule
from gpufix.evidence.node_readings import missing
from gpufix.evidence.view import View
from gpufix.model import Gap
from gpufix.model.payload import NodeFault
from gpufix.text.clean import counted

_NAMED = 4


@rule("NET1210", "acs-redirects")
def acs_redirects(view: View) -> Iterator[Fault | Gap]:
    """PCI bridges send traffic between GPUs through the root.

    ## What it does
    Reads the ACS control of the bridges above the GPUs (source validation), on real machines with
    several GPUs.

    ## Why it matters
    Peer-to-peer copies over PCIe take a detour, and can hang NCCL.

    ## Example
    `ACS is on at 2 bridges above GPUs: 0000:16:01.0, 0000:38:01.0.`

    ## Severity
    Warning. Virtual machines need ACS: there nothing is judged. Without root the kernel hides the
    registers, which is a gap.

    ## Fix
    Manual: ACS is turned off, in the firmware or by setpci.

    ## Source
    NCCL's troubleshooting, "PCI Access Control Services (ACS)"; ROCm/cvs dddd9143
    cvs/tests/platform/host_configs_cvs.py; leptonai/gpud 4a8de33a components/pci.
    """
    node = view.facts.node
    if node is None or node.virtual or len(node.pci or ()) < 2:
        return
    if node.virtual is None:
        yield missing(node, "virtual")
    elif node.acs is None:
        yield missing(node, "acs")
    elif node.acs:
        more = f" and {len(node.acs) - _NAMED} more" if len(node.acs) > _NAMED else ""
        yield Fault(
            severity=WARNING,
            subject="PCI ACS",
            message=f"ACS is on at {counted(len(node.acs), 'bridge')} above GPUs: "
            f"{', '.join(node.acs[:_NAMED])}{more}.",
            payload=NodeFault("acs"),
        )
