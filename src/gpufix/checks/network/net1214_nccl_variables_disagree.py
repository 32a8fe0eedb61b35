"""NET1214."""

from __future__ import annotations

from collections.abc import Iterator

from gpufix.checks.registry import ADVICE, WARNING, Fault, rule
from gpufix.evidence.node_readings import NOT_RECORDED, setting
from gpufix.evidence.view import View
from gpufix.model import Gap
from gpufix.model.payload import NodeFault

_OFF = {
    "NCCL_P2P_DISABLE": "copies between GPUs over NVLink and PCIe",
    "NCCL_SHM_DISABLE": "shared memory between processes",
}


@rule("NET1214", "nccl-variables-disagree")
def nccl_variables_disagree(view: View) -> Iterator[Fault | Gap]:
    """NCCL's variables contradict each other or its configuration files.

    ## What it does
    Compares NCCL's variables with /etc/nccl.conf and ~/.nccl.conf, and with each other; names those
    that turn a fast path off.

    ## Why it matters
    NCCL takes the variable, without a word: what stands in the file does not hold. A path that is
    off costs bandwidth.

    ## Example
    `NCCL_IB_HCA is mlx5_0 in the environment and mlx5_4 in nccl.conf.`

    ## Severity
    Warning for a contradiction between two that hold; advice for a file that is outranked, and for
    NCCL_P2P_DISABLE and NCCL_SHM_DISABLE.

    ## Fix
    Manual: one of the two is removed.

    ## Source
    NCCL's user guide, environment variables: a variable outranks nccl.conf; NCCL_NET,
    NCCL_IB_DISABLE, NCCL_P2P_DISABLE, NCCL_SHM_DISABLE.
    """
    network = view.facts.network
    if view.facts.node is None or network is None:
        return
    if network.nccl is None:
        yield Gap(section="network", subject="NCCL's configuration files", reason=NOT_RECORDED)
    for name, value in (network.nccl or {}).items():
        own = view.env(name)
        if own is not None and own != value:
            yield Fault(
                severity=ADVICE,
                subject=name,
                message=f"{name} is {own} in the environment and {value} in nccl.conf.",
                payload=NodeFault("variable", name=name),
            )
    if (setting(view, "NCCL_NET") or "").upper() == "IB" and _on(view, "NCCL_IB_DISABLE"):
        yield Fault(
            severity=WARNING,
            subject="NCCL_NET",
            message="NCCL_NET asks for InfiniBand, and NCCL_IB_DISABLE turns it off.",
            payload=NodeFault("variable", name="NCCL_IB_DISABLE"),
        )
    for name, what in _OFF.items():
        if _on(view, name):
            yield Fault(
                severity=ADVICE,
                subject=name,
                message=f"{name}={setting(view, name)} turns off {what}.",
                payload=NodeFault("variable", name=name),
            )


def _on(view: View, name: str) -> bool:
    return (setting(view, name) or "0").strip() not in ("", "0")
