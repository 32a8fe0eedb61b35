"""NET1207."""

from __future__ import annotations

from collections.abc import Iterator

from gpufix.checks.registry import WARNING, Fault, rule
from gpufix.evidence.node_readings import NOT_RECORDED, on_bus, setting
from gpufix.evidence.rdma_ports import chosen, usable
from gpufix.evidence.view import View
from gpufix.model import Gap
from gpufix.model.payload import NodeFault
from gpufix.text.clean import counted


@rule("NET1207", "nccl-uses-sockets")
def nccl_uses_sockets(view: View) -> Iterator[Fault | Gap]:
    """NCCL will use sockets though InfiniBand or RoCE is there.

    ## What it does
    On a node with GPUs and active RDMA ports: are they turned off by a variable, excluded by name,
    or is libibverbs missing.

    ## Why it matters
    Sockets reach a fraction of the bandwidth, and GPUDirect is not used. NCCL says it only in its
    own log.

    ## Example
    `8 RDMA ports are active, and NCCL will use sockets: NCCL_IB_DISABLE=1.`

    ## Severity
    Warning.

    ## Fix
    Manual: the variable is unset, or rdma-core installed.

    ## Source
    NCCL's user guide, environment variables (NCCL_IB_DISABLE, NCCL_NET, NCCL_IB_HCA); NCCL opens
    libibverbs.so.1 (src/misc/ibvwrap.cc).
    """
    node = view.facts.node
    if node is None or view.facts.network is None:
        return
    gpus = on_bus(view, "nvidia") + on_bus(view, "amd")
    found = [f"{port.device}:{port.port}" for port in usable(view)]
    if not gpus or not found:
        return
    libraries = view.facts.network.libraries
    if view.facts.network.nccl is None:
        yield Gap(section="network", subject="NCCL's configuration files", reason=NOT_RECORDED)
    if libraries is None:
        yield Gap(section="network", subject="libraries of rdma-core", reason=NOT_RECORDED)
    reason = _reason(view, found, libraries is None or "libibverbs.so.1" in libraries)
    if reason:
        yield Fault(
            severity=WARNING,
            subject="NCCL",
            message=f"{counted(len(found), 'RDMA port')} {'is' if len(found) == 1 else 'are'} active, and "
            f"NCCL will use sockets: {reason[0]}.",
            payload=NodeFault("variable" if reason[1] else "verbs", name=reason[1]),
        )


def _reason(view: View, found: list[str], verbs: bool) -> tuple[str, str] | None:
    """Why, and the variable that does it."""
    off, net, names = (setting(view, n) for n in ("NCCL_IB_DISABLE", "NCCL_NET", "NCCL_IB_HCA"))
    if off is not None and off.strip() not in ("", "0"):
        return f"NCCL_IB_DISABLE={off}", "NCCL_IB_DISABLE"
    if net is not None and net.strip().lower() == "socket":
        return f"NCCL_NET={net}", "NCCL_NET"
    if names and not chosen(names, found):
        return f"NCCL_IB_HCA={names} names none of them", "NCCL_IB_HCA"
    return None if verbs else ("libibverbs.so.1 is not in the loader's cache", "")
