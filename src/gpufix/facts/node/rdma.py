"""Counters of InfiniBand and RoCE ports, twice: what rises now is worth more than any total."""

from __future__ import annotations

import time
from collections.abc import Mapping

from gpufix.facts.context import CollectContext
from gpufix.facts.machine.infiniband import TOP, ports, word
from gpufix.frozen import Frozen
from gpufix.knowledge.node import rdma_counters
from gpufix.model import RdmaCounters


class Sample(Frozen):
    """One reading of all ports, by "mlx5_0/1"."""

    at: float
    ports: Mapping[str, Mapping[str, int]]


def sample(ctx: CollectContext) -> Sample:
    """The counters that a rule knows; those that a device lacks are left out."""
    found: dict[str, dict[str, int]] = {}
    for device, port in ports(ctx, "node"):
        folder = f"{TOP}/{device}/ports/{port}"
        words = ((name, word(ctx, f"{folder}/{file}")) for name, file in rdma_counters().items())
        found[f"{device}/{port}"] = {
            name: int(value) for name, value in words if value.isascii() and value.isdigit()
        }
    return Sample(time.monotonic(), found)


def compared(before: Sample, after: Sample) -> dict[str, RdmaCounters]:
    """Totals of the later one, and what rose."""
    seconds = after.at - before.at
    return {
        port: RdmaCounters(
            total=dict(totals),
            risen={
                name: total - before.ports.get(port, {}).get(name, total)
                for name, total in totals.items()
            },
            seconds=round(seconds, 3),
        )
        for port, totals in after.ports.items()
    }
