"""NET1208."""

from __future__ import annotations

from collections.abc import Iterator

from gpufix.checks.registry import WARNING, Fault, rule
from gpufix.evidence.node_readings import missing, on_bus
from gpufix.evidence.rdma_ports import usable
from gpufix.evidence.view import View
from gpufix.knowledge.data_table import at_least
from gpufix.model import Gap
from gpufix.model.payload import NodeFault
from gpufix.text.clean import counted


@rule("NET1208", "gpudirect-missing")
def gpudirect_missing(view: View) -> Iterator[Fault | Gap]:
    """RDMA devices cannot reach GPU memory directly.

    ## What it does
    On a node with NVIDIA GPUs and active RDMA ports: is nvidia-peermem loaded, or DMA-BUF possible
    (open kernel module, Linux 5.12, CUDA 11.7).

    ## Why it matters
    Each message is copied through host memory: half the bandwidth or less, at a higher latency.

    ## Example
    `8 RDMA ports are active, and neither nvidia-peermem nor DMA-BUF is there: the kernel module is proprietary.`

    ## Severity
    Warning.

    ## Fix
    Manual: the module is loaded.

    ## Source
    NVIDIA's GPU Operator documentation, "GPUDirect RDMA" (DMA-BUF: open kernel module, Linux 5.12,
    CUDA 11.7, Turing; else nvidia-peermem).
    """
    node = view.facts.node
    if node is None or not on_bus(view, "nvidia"):
        return
    found = usable(view)
    if not found:
        return
    if node.peermem is None:
        yield missing(node, "peermem")
        return
    reason = _no_dmabuf(view)
    if node.peermem or reason is None:
        return
    if reason == "":
        yield Gap(
            section="node",
            subject="DMA-BUF",
            reason="the flavour of the kernel module is not known",
        )
        return
    yield Fault(
        severity=WARNING,
        subject="GPUDirect RDMA",
        message=f"{counted(len(found), 'RDMA port')} {'is' if len(found) == 1 else 'are'} active, and neither "
        f"nvidia-peermem nor DMA-BUF is there: {reason}.",
        payload=NodeFault("gpudirect"),
    )


def _no_dmabuf(view: View) -> str | None:
    """Why it is not possible; None where it is, "" where that is not known."""
    driver = next((d for d in view.facts.drivers if d.vendor == "nvidia"), None)
    if driver is None or driver.flavour is None:
        return ""
    if driver.flavour != "open":
        return "the kernel module is proprietary"
    if not at_least(view.facts.host.kernel, "5.12"):
        return f"Linux {view.facts.host.kernel} is older than 5.12"
    if driver.cuda and not at_least(driver.cuda, "11.7"):
        return f"the driver serves CUDA {driver.cuda}, which is older than 11.7"
    return None
