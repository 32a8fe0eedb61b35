"""Nodes in every state that other health checks know: the same facts were rendered for those checks.

Eight H100s behind NVSwitches with eight ports, and one change each. tests/node/verdicts.json holds what
gcm's and Azure's own code said of them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent / "checks"))

import nodes as n

from gpufix.model import Facts, InfinibandPort, KernelLog, NodeGpu, PciGpu

XIDS = (8, 13, 31, 43, 45, 48, 62, 63, 64, 68, 74, 79, 92, 94, 95, 109, 119, 120, 140)
EVENTS = (0x0, 0x1, 0x2, 0x4, 0x5, 0x8, 0x20, 0x40, 0x80)


def machine(
    gpus: list[NodeGpu] | None = None, ports: list[InfinibandPort] | None = None, **changes: Any
) -> Facts:
    """The machine with other GPUs or ports."""
    own = [n.gpu(index) for index in range(8)] if gpus is None else gpus
    links = [n.port(index) for index in range(8)] if ports is None else ports
    rdma = {f"{one.device}/{one.port}": n.counters() for one in links}
    buses = [n.pci(index) for index in range(8)]
    return n.healthy(
        node=n.node(own, rdma=rdma, **({"pci": buses} | changes)), network=n.network(*links)
    )


def gpu(make: Callable[..., NodeGpu] = n.gpu, **changes: Any) -> Facts:
    """One of its GPUs is otherwise."""
    return machine([make(index, **(changes if index == 3 else {})) for index in range(8)])


def port(**changes: Any) -> Facts:
    """One of its ports is otherwise."""
    return machine(ports=[n.port(index, **(changes if index == 5 else {})) for index in range(8)])


def missing(opens: str) -> Facts:
    """NVML lists seven of eight."""
    buses: list[PciGpu] = [
        replace(n.pci(index), opens=opens if index == 7 else None) for index in range(8)
    ]
    return machine([n.gpu(index) for index in range(7)], pci=buses)


def logged(number: int) -> Facts:
    """An Xid in the kernel's log."""
    return machine(log=KernelLog(events=[n.xid(number, "pid=4242")]))


def flapping(times: int) -> Facts:
    """The links of one port were lost so often today."""
    facts = machine(uptime=n.DAY)
    assert facts.network is not None and facts.network.interfaces is not None
    own = [
        replace(one, downs=times if one.name == "ib2" else 0) for one in facts.network.interfaces
    ]
    return replace(facts, network=replace(facts.network, interfaces=own))


GIB = 1 << 30
SCENARIOS: dict[str, Facts] = {
    "healthy": machine(),
    "ecc-uncorrected-1": gpu(ecc_uncorrected=1),
    "ecc-uncorrected-7": gpu(ecc_uncorrected=7),
    "ecc-corrected-50000000": gpu(ecc_corrected=50_000_000),
    "ecc-corrected-50000001": gpu(ecc_corrected=50_000_001),
    "ecc-sram-corrected-10000": gpu(ecc_corrected=10_000, ecc_sram_corrected=10_000),
    "ecc-sram-corrected-10001": gpu(ecc_corrected=10_001, ecc_sram_corrected=10_001),
    "ecc-dram-corrected-20000000": gpu(ecc_corrected=20_000_000, ecc_dram_corrected=20_000_000),
    "ecc-dram-corrected-20000001": gpu(ecc_corrected=20_000_001, ecc_dram_corrected=20_000_001),
    "row-remap-pending": gpu(remap_pending=True, remapped=1),
    "row-remap-failed": gpu(remap_failure=True, remapped=8),
    "remapped-rows-1": gpu(remapped=1),
    "remapped-rows-511": gpu(remapped=511),
    "remapped-rows-512": gpu(remapped=512),
    "remapped-rows-513": gpu(remapped=513),
    "volta": gpu(n.volta),
    "volta-single-10": gpu(n.volta, retired_single=10),
    "volta-single-11": gpu(n.volta, retired_single=11),
    "volta-double-11": gpu(n.volta, retired_double=11),
    "volta-pages-62": gpu(n.volta, retired_single=40, retired_double=22),
    "volta-pages-63": gpu(n.volta, retired_single=41, retired_double=22),
    "volta-pages-62-pending": gpu(
        n.volta, retired_single=40, retired_double=22, retired_pending=True
    ),
    "volta-pending": gpu(n.volta, retired_single=1, retired_pending=True),
    "volta-uncorrected": gpu(n.volta, ecc_uncorrected=1),
    "gpu-missing": missing("ENODEV"),
    "gpu-missing-opens": missing("yes"),
    "gpu-lost": gpu(lost=True, error="GPU is lost", address=None),
    "reset-required": gpu(reset_required=True, error="Reset required", address=None),
    "vbios-differs": gpu(vbios="96.00.61.00.01"),
    "memory-15-mib": gpu(memory_used=15 << 20, processes=1),
    "memory-16-mib": gpu(memory_used=16 << 20, processes=1),
    "memory-held": gpu(memory_used=60 * GIB, processes=2),
    "memory-held-by-nobody": gpu(memory_used=60 * GIB),
    "nvlink-one-down": gpu(nvlinks=[True] * 7 + [False] + [True] * 10),
    "nvlink-all-down": gpu(nvlinks=[False] * 18),
    "persistence-off": gpu(persistence=False),
    "pcie-width-8": gpu(pcie_width=8),
    "pcie-generation-3-under-load": gpu(pcie_generation=3, utilization=97),
    "pcie-generation-1-at-rest": gpu(pcie_generation=1, performance_state=8),
    "temperature-86": gpu(temperature=86),
    "temperature-88": gpu(temperature=88),
    "port-no-cable": port(physical="Polling", state="DOWN", rate="10 Gb/sec (4X SDR)"),
    "port-disabled": port(physical="Disabled", state="DOWN", rate="10 Gb/sec (4X SDR)"),
    "port-init": port(state="INIT"),
    "port-armed": port(state="ARMED"),
    "port-slow": port(rate="200 Gb/sec (2X NDR)"),
    "port-firmware": port(firmware="28.37.1014"),
    "ports-all-slow": machine(ports=[n.port(i, rate="200 Gb/sec (4X HDR)") for i in range(8)]),
    "flaps-4": flapping(4),
    "flaps-5": flapping(5),
    **{f"clock-events-{mask:#x}": gpu(clock_events=mask) for mask in EVENTS},
    **{f"xid-{number}": logged(number) for number in XIDS},
}
