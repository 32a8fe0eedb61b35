"""What `gpufix fleet smoke` found: GPUs, copies, all-reduces and pairs of ranks, and who is slow or lost."""

from __future__ import annotations

from dataclasses import field
from typing import Literal

from gpufix.model.base import Model
from gpufix.model.fleet_report import FleetFinding


class SmokeNode(Model):
    """One node. problem: why it gave no answer, or took no part. gpus: what torch sees there."""

    name: str
    problem: str | None = None
    torch: str | None = None
    gpus: int = 0
    ranks: int = 0
    interface: str | None = None
    address: str | None = None


class SmokeGpu(Model):
    """What `smoke --quick` gave on one GPU. Rates per second; None: not measured."""

    node: str
    ordinal: int
    name: str = ""
    status: str
    cause: str = ""
    copy_gb_s: float | None = None
    matmul_tflop_s: float | None = None


class SmokeSpread(Model):
    """One case on all GPUs of a kind. ratio: the slowest one's time over the median of the others."""

    case: str
    kind: str
    gpus: int
    median_ms: float
    slowest: str
    ratio: float


class SmokeCopy(Model):
    """What one GPU of a node copies to another. way: as NVML describes it; allowed: its P2P status."""

    node: str
    source: int
    target: int
    way: str = ""
    allowed: str | None = None
    access: bool | None = None
    gb_s: float | None = None
    problem: str | None = None


class SmokeAllReduce(Model):
    """One size. group: "all", or a node's name. bus_gb_s: nccl-tests' bus bandwidth."""

    group: str
    ranks: int
    bytes: int
    seconds: float
    bus_gb_s: float
    right: bool


class SmokeRounds(Model):
    """Pairs of one phase. phase: inside the nodes, or between them; gb_s: each way."""

    phase: Literal["inside", "between"]
    ranks: int
    pairs: int  # measured, in the sweep
    rounds: int
    median_gb_s: float
    slowest_gb_s: float
    slowest: str
    limit: float  # from which factor on something is named
    noise: float


class SmokeSlow(Model):
    """Who is slow: a node, a rank, or the link of two ranks, by `factor`."""

    kind: Literal["node", "rank", "link"]
    names: list[str]
    phase: Literal["inside", "between"]
    factor: float


class SmokeLost(Model):
    """A rank that did not come to the end. at: what it was about to do."""

    name: str
    node: str
    why: str
    at: str = ""


class FleetSmokeSummary(Model):
    """verdict: well; faults: something is slow, wrong or lost; nothing compared: there was only one."""

    verdict: Literal["well", "faults", "incomplete", "nothing compared", "nothing run"]
    nodes: int
    answered: int
    ranks: int = 0
    slow: int = 0
    lost: int = 0
    error: int = 0
    warning: int = 0
    advice: int = 0
    seconds: float = 0.0


class FleetSmoke(Model):
    """What `gpufix fleet smoke --format json` prints."""

    schema_version: int = 1
    gpufix_version: str
    device: Literal["cuda", "cpu"]
    nodes: list[SmokeNode] = field(default_factory=list)
    gpus: list[SmokeGpu] = field(default_factory=list)
    spreads: list[SmokeSpread] = field(default_factory=list)
    copies: list[SmokeCopy] = field(default_factory=list)
    transports: list[str] = field(default_factory=list)
    allreduces: list[SmokeAllReduce] = field(default_factory=list)
    rounds: list[SmokeRounds] = field(default_factory=list)
    slow: list[SmokeSlow] = field(default_factory=list)
    lost: list[SmokeLost] = field(default_factory=list)
    findings: list[FleetFinding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    summary: FleetSmokeSummary
