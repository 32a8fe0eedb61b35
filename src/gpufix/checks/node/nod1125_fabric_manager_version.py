"""NOD1125."""

from __future__ import annotations

from collections.abc import Iterator

from gpufix.checks.registry import ERROR, Fault, rule
from gpufix.evidence.node_readings import missing
from gpufix.evidence.view import View
from gpufix.model import Gap
from gpufix.model.payload import NodeFault


@rule("NOD1125", "fabric-manager-version")
def fabric_manager_version(view: View) -> Iterator[Fault | Gap]:
    """Fabric Manager is not of the driver's version.

    ## What it does
    Compares the installed package with the loaded kernel module, on machines with NVSwitches.

    ## Why it matters
    Fabric Manager serves exactly one version of the driver: with another it ends, and CUDA fails
    with error 802.

    ## Example
    `Fabric Manager is of version 570.86.15, the driver of 570.133.20.`

    ## Severity
    Error.

    ## Fix
    Manual: the package of the driver's version.

    ## Source
    NVIDIA's Fabric Manager User Guide, "Installing Fabric Manager": the versions must match.
    """
    node = view.facts.node
    if node is None:
        return
    if node.fabric is None or node.fabric.switches is None:
        yield missing(node, "fabric")
        return
    if not node.fabric.switches or view.facts.host.container:
        return
    versions = [d.kernel_version or d.version for d in view.facts.drivers if d.vendor == "nvidia"]
    if node.fabric.version is None or None in versions or not versions:
        reason = "neither dpkg's records nor the driver name it"
        yield Gap(section="node", subject="version of Fabric Manager", reason=reason)
    elif versions[0] != node.fabric.version:
        yield Fault(
            severity=ERROR,
            subject="Fabric Manager",
            message=f"Fabric Manager is of version {node.fabric.version}, the driver of {versions[0]}.",
            payload=NodeFault("fabric-version"),
        )
