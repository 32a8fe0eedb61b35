"""Hand-made nodes for tests: healthy ones, before a test changes what it wants to."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import builders as b

from gpufix.evidence.view import View
from gpufix.model import (
    Driver,
    FabricManager,
    Facts,
    InfinibandPort,
    KernelLog,
    LogEvent,
    Network,
    NetworkInterface,
    Node,
    NodeGpu,
    PciGpu,
    RdmaCounters,
)
from gpufix.model.base import from_json

RECORDED = Path(__file__).parent.parent / "node"
DAY = 86_400.0
PAGES = ["retired_single", "retired_double", "retired_pending"]  # replaced by rows since Ampere
OFFER = ["advise-node manual"]


def gpu(index: int = 0, **changes: Any) -> NodeGpu:
    """An idle H100 of a machine with NVSwitches, as NVML describes it."""
    base: dict[str, Any] = {
        "index": index, "vendor": "nvidia", "address": f"0000:{index + 16:02x}:00.0",
        "name": "NVIDIA H100 80GB HBM3", "ecc_current": True, "ecc_pending": True,
        "ecc_uncorrected": 0, "ecc_corrected": 0, "ecc_sram_corrected": 0, "ecc_dram_corrected": 0,
        "sram_threshold": False, "remapped": 0, "remap_pending": False, "remap_failure": False,
        "unrepairable": False, "recovery_action": 0, "clock_events": 1, "temperature": 34,
        "temperature_slowdown": 87, "power": 70_000, "performance_state": 0, "utilization": 0,
        "pcie_width": 16, "pcie_width_max": 16, "pcie_generation": 5, "pcie_generation_max": 5,
        "pcie_replays": 0, "nvlinks": [True] * 18, "nvlink_crc": 0, "nvlink_replays": 0,
        "nvlink_recoveries": 0, "fabric_state": 3, "fabric_status": 0, "fabric_health": 0x1AA,
        "fabric_summary": 1, "mig_current": False, "mig_pending": False, "mig_instances": 0,
        "compute_mode": 0, "persistence": True, "memory_used": 0, "processes": 0,
        "vbios": "96.00.74.00.01", "unsupported": PAGES,
        "risen": {"pcie_replays": 0, "nvlink_crc": 0, "nvlink_replays": 0, "nvlink_recoveries": 0},
    }  # fmt: skip
    return NodeGpu(**(base | changes))


def volta(index: int = 0, **changes: Any) -> NodeGpu:
    """A V100: pages are retired, there is neither remapping nor MIG nor a fabric."""
    lacking = [
        "sram_threshold", "remapped", "remap_pending", "remap_failure", "unrepairable",
        "recovery_action", "mig_current", "mig_pending", "mig_instances", "fabric_state",
        "fabric_status", "fabric_health", "fabric_summary", "nvlinks", "nvlink_crc",
        "nvlink_replays", "nvlink_recoveries",
    ]  # fmt: skip
    base: dict[str, Any] = {
        **dict.fromkeys(lacking), "name": "Tesla V100-SXM2-32GB", "unsupported": lacking,
        "retired_single": 0, "retired_double": 0, "retired_pending": False, "vbios": "88.00.80.00.03",
        "pcie_generation": 3, "pcie_generation_max": 3, "risen": {"pcie_replays": 0},
    }  # fmt: skip
    return gpu(index, **(base | changes))


def pci(index: int = 0, **changes: Any) -> PciGpu:
    """Its place on the bus."""
    base = {
        "address": f"0000:{index + 16:02x}:00.0",
        "vendor": "nvidia",
        "driver": "nvidia",
        "alive": True,
        "iommu": "identity",
        "node": f"/dev/nvidia{index}",
    }
    return PciGpu(**(base | changes))


def port(index: int = 0, **changes: Any) -> InfinibandPort:
    """A port of a ConnectX-7."""
    base = {
        "device": f"mlx5_{index}",
        "port": 1,
        "state": "ACTIVE",
        "rate": "400 Gb/sec (4X NDR)",
        "layer": "InfiniBand",
        "physical": "LinkUp",
        "board": "MT_0000000838",
        "firmware": "28.39.1002",
        "interface": f"ib{index}",
        "verbs": True,
    }
    return InfinibandPort(**(base | changes))


def roce(index: int = 0, **changes: Any) -> InfinibandPort:
    """The same on Ethernet."""
    base = {
        "layer": "Ethernet",
        "interface": f"eth{index}",
        "gids": {"0": "IB/RoCE v1", "1": "RoCE v2"},
    }
    return port(index, **(base | changes))


def counters(
    total: Mapping[str, int] | None = None, risen: Mapping[str, int] | None = None
) -> RdmaCounters:
    """Of a port, half a second apart."""
    totals = {"link_downed": 1, "symbol_error": 0, "port_rcv_errors": 0, "port_xmit_discards": 3}
    totals |= total or {}
    return RdmaCounters(
        total=totals, risen={**dict.fromkeys(totals, 0), **(risen or {})}, seconds=0.5
    )


def network(*ports: InfinibandPort, **changes: Any) -> Network:
    """eth0, and the interfaces of these ports."""
    own = [NetworkInterface(name=p.interface, mtu=4092, downs=1) for p in ports if p.interface]
    base: dict[str, Any] = {
        "interfaces": [NetworkInterface(name="eth0", mtu=9000, speed=100_000, downs=0), *own],
        "others": ["docker0", "lo"],
        "infiniband": list(ports),
        "libraries": {"libibverbs.so.1": "libibverbs.so.1.14.50.0"},
        "nccl": {},
    }
    return Network(**(base | changes))


def node(gpus: list[NodeGpu] | None = None, **changes: Any) -> Node:
    """A real machine with two of the GPUs and two ports, up for ten days."""
    own = [gpu(0), gpu(1)] if gpus is None else gpus
    base: dict[str, Any] = {
        "uptime": 10 * DAY,
        "virtual": False,
        "gpus": own,
        "pci": [pci(g.index) for g in own if g.vendor == "nvidia"],
        "look": 0.1,
        "fabric": FabricManager(switches=4, running=True, version="570.86.15"),
        "log": KernelLog(events=[]),
        "rdma": {"mlx5_0/1": counters(), "mlx5_1/1": counters()},
        "acs": [],
        "peermem": True,
        "modprobe": True,
        "shm": 1 << 40,
        "memlock": -1,
        "numa_nodes": 2,
        "numa_balancing": False,
    }
    return Node(**(base | changes))


def driver(**changes: Any) -> Driver:
    """The driver of all of them."""
    base: dict[str, Any] = {"pci_devices": 2, "flavour": "open", "cuda": "12.8"}
    return replace(b.driver("570.86.15"), **(base | changes))


def healthy(**sections: Any) -> Facts:
    """The whole machine, without an environment."""
    base: dict[str, Any] = {
        "host": b.host(),
        "drivers": [driver()],
        "network": network(port(0), port(1)),
        "node": node(),
    }
    return Facts(**(base | sections))


def of(*gpus: NodeGpu, **changes: Any) -> View:
    """A view of a node with these GPUs."""
    return View(healthy(node=node(list(gpus), **changes)))


def having(**sections: Any) -> View:
    """A view of the healthy node with other sections."""
    return View(healthy(**sections))


def on(*ports: InfinibandPort, variables: Mapping[str, str] | None = None, **changes: Any) -> View:
    """A view of a node with these ports; counters as they should be."""
    rdma = {f"{p.device}/{p.port}": counters() for p in ports}
    environment = b.environment(**(variables or {}))
    return having(node=node(rdma=rdma), network=network(*ports, **changes), environment=environment)


def xid(number: int, text: str = "", address: str = "0000:10:00.0", at: float = 4211.0) -> LogEvent:
    """An Xid's line in the kernel's log."""
    line = f"NVRM: Xid (PCI:{address[:-2]}): {number}, {text}"
    return LogEvent(kind="xid", seconds=at, text=line, number=number, address=address)


def amd_gpu(index: int = 0, **changes: Any) -> NodeGpu:
    """An MI300X, as amdgpu's files describe it."""
    base: dict[str, Any] = {
        "index": index, "vendor": "amd", "address": f"0000:{index + 5:02x}:00.0",
        "name": "AMD Instinct MI300X", "temperature": 41, "temperature_slowdown": 100,
        "pcie_width": 16, "pcie_width_max": 16, "memory_used": 0, "processes": 0,
        "ras_uncorrected": {"umc": 0, "gfx": 0}, "bad_pages": 0, "bad_pages_failed": 0,
    }  # fmt: skip
    return NodeGpu(**(base | changes))


def amd(*gpus: NodeGpu, **changes: Any) -> View:
    """A view of a machine with GPUs of AMD."""
    own = list(gpus) or [amd_gpu(0), amd_gpu(1)]
    buses = [pci(g.index, address=g.address, vendor="amd", driver="amdgpu", node=None) for g in own]
    fabric = FabricManager(switches=0)
    changed = node(own, **({"pci": buses, "fabric": fabric, "look": None} | changes))
    return having(node=changed, drivers=[b.amd_driver()])


def without(facts: Facts, **parts: Any) -> View:
    """A view of a node some parts of which are not known."""
    assert facts.node is not None
    return View(replace(facts, node=replace(facts.node, **parts)))


def recorded(name: str) -> Facts:
    """A machine that was looked at."""
    return from_json(Facts, json.loads((RECORDED / f"{name}.json").read_text("utf-8")))


# What every rule is silent on.
WELL: dict[str, View] = {
    "a healthy node": View(healthy()),
    "an H200 at rest": View(recorded("h200_idle")),
    "no node was asked for": View(healthy(node=None)),
    "AMD's": amd(),
    "Volta": of(volta(0), volta(1), fabric=FabricManager(switches=0)),
}
