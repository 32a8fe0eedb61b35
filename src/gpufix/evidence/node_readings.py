"""A node's readings for the rules: those that are known, and a gap for each that is not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from gpufix.evidence.view import View
from gpufix.model import Gap, InfinibandPort, Node, NodeGpu
from gpufix.model.host import Vendor

NOT_RECORDED = "nothing was recorded"

# What a gap calls a reading of a GPU.
_READINGS = {
    "ecc_current": "ECC mode",
    "ecc_pending": "pending ECC mode",
    "ecc_uncorrected": "uncorrected ECC errors",
    "ecc_corrected": "corrected ECC errors",
    "ecc_sram_corrected": "corrected ECC errors of SRAM",
    "ecc_dram_corrected": "corrected ECC errors of DRAM",
    "sram_threshold": "NVIDIA's limit of SRAM errors",
    "remapped": "remapped rows",
    "remap_pending": "pending row remapping",
    "remap_failure": "failed row remapping",
    "unrepairable": "unrepairable memory",
    "retired_single": "pages retired for single-bit errors",
    "retired_double": "pages retired for double-bit errors",
    "retired_pending": "pending page retirement",
    "recovery_action": "recovery action",
    "clock_events": "reasons of lower clocks",
    "temperature": "temperature",
    "temperature_slowdown": "slowdown temperature",
    "power": "power",
    "performance_state": "performance state",
    "utilization": "utilization",
    "pcie_width": "PCIe width",
    "pcie_width_max": "highest PCIe width",
    "pcie_generation": "PCIe generation",
    "pcie_generation_max": "highest PCIe generation",
    "pcie_replays": "PCIe replays",
    "nvlinks": "NVLinks",
    "nvlink_crc": "CRC errors of NVLinks",
    "nvlink_replays": "replays of NVLinks",
    "nvlink_recoveries": "recoveries of NVLinks",
    "risen": "a second sample of counters",
    "fabric_state": "fabric state",
    "fabric_status": "fabric status",
    "fabric_health": "fabric health",
    "fabric_summary": "summary of fabric health",
    "mig_current": "MIG mode",
    "mig_pending": "pending MIG mode",
    "mig_instances": "MIG devices",
    "compute_mode": "compute mode",
    "persistence": "persistence mode",
    "memory_used": "memory in use",
    "processes": "processes",
    "vbios": "VBIOS version",
    "ras_uncorrected": "uncorrectable RAS errors",
    "bad_pages": "bad pages",
    "bad_pages_failed": "bad pages that could not be reserved",
}
_PARTS = {
    "uptime": "time since the machine started",
    "virtual": "whether this is a virtual machine",
    "gpus": "GPUs",
    "pci": "GPUs on PCI",
    "look": "time between two samples of counters",
    "fabric": "Fabric Manager",
    "log": "kernel log",
    "rdma": "counters of InfiniBand ports",
    "acs": "ACS of PCI bridges",
    "peermem": "nvidia-peermem",
    "modprobe": "nvidia-modprobe",
    "shm": "/dev/shm",
    "memlock": "limit of locked memory",
    "numa_nodes": "NUMA nodes",
    "numa_balancing": "NUMA balancing",
}


def missing(node: Node, name: str) -> Gap:
    """A part of the node that nobody could look at."""
    return Gap(section="node", subject=_PARTS[name], reason=node.unread.get(name, NOT_RECORDED))


def label(gpu: NodeGpu) -> str:
    """What a finding calls it."""
    return f"{'AMD ' if gpu.vendor == 'amd' else ''}GPU {gpu.index}"


def known(view: View, *names: str, vendor: Vendor | None = "nvidia") -> Iterator[NodeGpu | Gap]:
    """The GPUs of which all these readings are known; a gap for each that is not.

    A GPU that has no such reading is passed over, and one that gives no access: NOD1104 reports it.
    """
    node = view.facts.node
    if node is None:
        return
    if node.gpus is None:
        yield missing(node, "gpus")
        return
    unseen: dict[tuple[str, str], list[NodeGpu]] = {}
    for gpu in node.gpus:
        if (vendor and gpu.vendor != vendor) or gpu.error or gpu.lost or gpu.reset_required:
            continue
        if _untouched(gpu):
            unseen.setdefault(("", node.unread.get("gpus", NOT_RECORDED)), []).append(gpu)
            continue
        lacking = [name for name in names if getattr(gpu, name) is None]
        if any(name in gpu.unsupported for name in lacking):
            continue
        for name in lacking:
            reason = gpu.unread.get(name, node.unread.get("gpus", NOT_RECORDED))
            unseen.setdefault((name, reason), []).append(gpu)
        if not lacking:
            yield gpu
    for (name, reason), gpus in unseen.items():
        what = f"{_READINGS[name]} of " if name else ""
        yield Gap(section="node", subject=f"{what}{numbered(gpus)}", reason=reason)


def no_second(gpu: NodeGpu, name: str) -> Gap:
    """The gap for a counter that was read once."""
    subject = f"{_READINGS[name]} of {label(gpu)}"
    return Gap(section="node", subject=subject, reason="there was no second sample")


def _untouched(gpu: NodeGpu) -> bool:
    """NVML hung before it came to it."""
    return gpu.vendor == "nvidia" and not (gpu.address or gpu.unsupported or gpu.unread)


def numbered(gpus: Sequence[NodeGpu]) -> str:
    """ "GPU 0", "GPUs 0-3, 5"."""
    numbers = sorted({gpu.index for gpu in gpus})
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    listed = ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in runs)
    vendor = "AMD " if gpus[0].vendor == "amd" else ""
    return f"{vendor}GPU{'s' if len(numbers) > 1 else ''} {listed}"


def on_bus(view: View, vendor: Vendor) -> int:
    """How many GPUs of a vendor the bus or the driver lists."""
    node = view.facts.node
    if node is None:
        return 0
    of_bus = sum(gpu.vendor == vendor for gpu in node.pci or ())
    return max(of_bus, sum(gpu.vendor == vendor for gpu in node.gpus or ()))


def ports(view: View) -> Iterable[InfinibandPort]:
    """Those of InfiniBand and RoCE devices, on a node that is judged."""
    network = view.facts.network
    if view.facts.node is None or network is None:
        return ()
    return network.infiniband or ()


def port_name(port: InfinibandPort) -> str:
    """ "mlx5_0 port 1"."""
    return f"{port.device} port {port.port}"


def no_network(view: View) -> Iterator[Gap]:
    """The gap where nobody looked at the network of a node, or not at its ports."""
    if view.facts.node is None:
        return
    if view.facts.network is None or view.facts.network.infiniband is None:
        yield Gap(section="network", subject="InfiniBand ports", reason=NOT_RECORDED)


def port_gap(port: InfinibandPort, what: str) -> Gap:
    """A property of a port that could not be read."""
    return Gap(
        section="network", subject=f"{what} of {port_name(port)}", reason="it cannot be read"
    )


def setting(view: View, name: str) -> str | None:
    """A variable of NCCL's: of the environment, else of its configuration files."""
    own = view.env(name)
    conf = view.facts.network.nccl if view.facts.network else None
    return own if own is not None else (conf or {}).get(name)
