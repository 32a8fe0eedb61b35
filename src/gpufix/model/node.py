"""Facts about a node's hardware, driver and limits, for the preflight. None = nobody could look.

Nothing in here names one machine: no serial number, UUID, GUID or address of a network is read.
"""

from __future__ import annotations

from dataclasses import field
from typing import Literal

from gpufix.model.base import Model
from gpufix.model.host import Vendor


class NodeGpu(Model):
    """One GPU, as its driver tells. Readings that it has none of are `unsupported`; those that
    could not be had are `unread`, with why."""

    index: int
    vendor: Vendor
    address: str | None = None  # on PCI: "0000:18:00.0"
    name: str | None = None
    error: str | None = None  # why the driver gives no access to it: "GPU is lost"
    lost: bool = False
    reset_required: bool = False

    ecc_current: bool | None = None
    ecc_pending: bool | None = None  # the mode after the next reset
    # Since the driver was loaded.
    ecc_uncorrected: int | None = None
    ecc_corrected: int | None = None
    ecc_sram_corrected: int | None = None
    ecc_dram_corrected: int | None = None
    sram_threshold: bool | None = None  # NVIDIA's own limit of errors is exceeded
    remapped: int | None = None  # rows, because of uncorrectable errors
    remap_pending: bool | None = None
    remap_failure: bool | None = None
    unrepairable: bool | None = None  # memory
    retired_single: int | None = None  # pages: several single-bit errors
    retired_double: int | None = None  # pages: a double-bit error
    retired_pending: bool | None = None
    recovery_action: int | None = None

    clock_events: int | None = None  # bits: why clocks are lower, in both of two samples
    temperature: int | None = None  # °C
    temperature_slowdown: int | None = None  # at which the hardware slows down
    power: int | None = None  # mW
    performance_state: int | None = None  # 0 is the fastest
    utilization: int | None = None  # percent

    pcie_width: int | None = None
    pcie_width_max: int | None = None  # of GPU and slot together
    pcie_generation: int | None = None
    pcie_generation_max: int | None = None
    pcie_replays: int | None = None
    nvlinks: list[bool] | None = None  # links that it has: whether each is up
    nvlink_crc: int | None = None
    nvlink_replays: int | None = None
    nvlink_recoveries: int | None = None
    fabric_state: int | None = None
    fabric_status: int | None = None
    fabric_health: int | None = None  # a mask
    fabric_summary: int | None = None
    risen: dict[str, int] | None = None  # of the counters above, between two samples

    mig_current: bool | None = None
    mig_pending: bool | None = None
    mig_instances: int | None = None
    compute_mode: int | None = None
    persistence: bool | None = None
    memory_used: int | None = None  # bytes, without what the driver reserves
    processes: int | None = None
    vbios: str | None = None

    ras_uncorrected: dict[str, int] | None = None  # AMD, by block: "umc"
    bad_pages: int | None = None
    bad_pages_failed: int | None = None  # that could not be reserved

    unsupported: list[str] = field(default_factory=list)
    unread: dict[str, str] = field(default_factory=dict)


class PciGpu(Model):
    """A GPU on the bus, whoever drives it."""

    address: str
    vendor: Vendor
    driver: str | None = None  # the kernel module bound to it
    alive: bool | None = None  # its configuration space answers
    iommu: str | None = None  # type of its group: "identity", "DMA", "DMA-FQ"; "none" = no group
    node: str | None = None  # its /dev/nvidiaN
    opens: str | None = None  # of a GPU that NVML does not list: "yes", or the error's name


class FabricManager(Model):
    """What connects GPUs over NVSwitch. `version`: of the installed package."""

    switches: int | None = None  # NVSwitches on PCI
    running: bool | None = None
    version: str | None = None


class LogEvent(Model):
    """A line of the kernel's log that speaks of a GPU. `seconds`: since the machine started."""

    kind: Literal["xid", "init", "amd"]
    seconds: float
    text: str
    number: int | None = None  # of an Xid
    address: str | None = None


class KernelLog(Model):
    """What the log holds; its oldest lines may be overwritten."""

    events: list[LogEvent]


class RdmaCounters(Model):
    """Counters of a port. risen: those that grew between two samples, and by how much."""

    total: dict[str, int]
    risen: dict[str, int]
    seconds: float  # between the samples


class Node(Model):
    """One machine, for the preflight. None = nobody could look: `unread` says why, a rule reports it."""

    uptime: float | None = None  # seconds
    virtual: bool | None = None  # a guest of a hypervisor
    gpus: list[NodeGpu] | None = None
    pci: list[PciGpu] | None = None
    look: float | None = None  # seconds between two samples of NVML's counters
    fabric: FabricManager | None = None
    log: KernelLog | None = None
    rdma: dict[str, RdmaCounters] | None = None  # by port: "mlx5_0/1"
    acs: list[str] | None = None  # bridges above GPUs that redirect traffic between peers
    peermem: bool | None = None  # nvidia_peermem, or nv_peer_mem, is loaded
    modprobe: bool | None = None  # nvidia-modprobe is there, and makes device nodes when asked
    shm: int | None = None  # bytes of /dev/shm
    memlock: int | None = None  # bytes that may be locked, -1 = any number
    numa_nodes: int | None = None
    numa_balancing: bool | None = None
    unread: dict[str, str] = field(default_factory=dict)
