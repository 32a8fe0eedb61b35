"""What a node's readings are held against, and what NVIDIA's Xids mean."""

from __future__ import annotations

import math
from typing import Literal

from gpufix.frozen import Frozen
from gpufix.knowledge.data_table import table


class Limit(Frozen):
    """A number, and whether it is a fault itself (`inclusive`) or only what is greater."""

    value: int
    inclusive: bool
    source: str

    def reached(self, reading: float) -> bool:
        """Whether a reading is at fault."""
        return reading >= self.value if self.inclusive else reading > self.value


class Counter(Frozen):
    """A counter of an RDMA port. per: what its limit counts: a rate, or any rise."""

    name: str
    file: str
    per: Literal["second", "minute", "rise"]
    over: int

    @property
    def seconds(self) -> float:
        """That its rate is over."""
        return 60.0 if self.per == "minute" else 1.0


class Xid(Frozen):
    """What the driver logs. `known` False: the catalogue has no such one for GPUs from Ampere on."""

    number: int
    name: str
    meaning: str
    action: str
    severity: Literal["warning", "advice"]
    do: str
    known: bool = True


def limit(name: str) -> Limit:
    """A limit by its id."""
    row = table("node")["limits"][name]
    over = row["over"]
    return Limit(row["from"] if over is None else over, over is None, row["source"])


def replays(generation: int, lanes: int) -> int:
    """How many replays a minute a PCIe link may have: at a bit error rate of 1e-12."""
    rates: list[float] = table("node")["replays"]["per_lane"]
    return math.ceil(rates[min(max(generation, 1), len(rates)) - 1] * lanes)


def counters() -> list[Counter]:
    """Those of RDMA ports that are held against a limit."""
    rows = table("node")["counters"]
    return [Counter(row["name"], row["file"], row["per"], row["over"]) for row in rows]


def rdma_counters() -> dict[str, str]:
    """Their files below a port's folder, by name."""
    return {counter.name: counter.file for counter in counters()}


def xid(number: int) -> Xid:
    """What NVIDIA's catalogue says of it."""
    row = table("node")["xids"].get(str(number))
    name, meaning, action = row or ("", "not in NVIDIA's catalogue", "CONTACT_SUPPORT")
    severity, do = table("node")["actions"][action]
    return Xid(number, name, meaning, action, severity, do, row is not None)
