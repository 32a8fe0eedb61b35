"""Whatever a node's record lacks is a gap: it never makes an error, and never a clean verdict."""

from __future__ import annotations

import copy
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "checks"))

import nodes as n

from gpufix.checks.judge import Selection
from gpufix.diagnosis.node import diagnose_node, judge_node, node_rules
from gpufix.model import Facts, Severity
from gpufix.model.base import Invalid, from_json, to_json

HEALTHY = {
    "switches": n.healthy(),
    "roce": n.healthy(network=n.network(n.roce(0), n.roce(1))),
    "h200": n.recorded("h200_idle"),
    "amd": n.amd().facts,
    "volta": n.of(n.volta(0), n.volta(1)).facts,
}
RULES = node_rules(Selection())
# What may be missing without a gap. Names and counts that a rule only shows:
SHOWN = {
    "name", "node", "mtu", "speed", "library", "pci_devices", "pci_ids", "denied", "library_is_stub",
}  # fmt: skip
# what is absent on some healthy machines, so that nobody can say that it was taken away:
ABSENT = {"driver", "interface", "gids", "libraries", "ras_uncorrected", "unsupported"}
# and what matters only beside something that these machines do not have.
BESIDE = {
    "lost", "reset_required", "unread",  # a GPU that gives no access
    "ecc_sram_corrected", "ecc_dram_corrected",  # corrected errors, of which these are parts
    "modprobe", "nodes",  # a device node that is missing; AMD has no such node
    "flavour", "cuda",  # RDMA without nvidia-peermem
    "others",  # a variable that names interfaces
    "downs", "interfaces", "peermem", "acs", "virtual", "memlock", "iommu", "look",  # a network
    "numa_nodes", "numa_balancing",  # AMD's GPUs
    "version", "kernel_version",  # NVIDIA's GPUs
}  # fmt: skip
# Where they do matter, their absence is a gap.
MATTERS = {
    "switches": {"acs", "virtual", "memlock", "peermem", "iommu", "look", "interfaces", "nodes", "version"},
    "amd": {"numa_nodes", "numa_balancing", "acs", "virtual", "memlock", "interfaces"},
}  # fmt: skip


def removals(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to each key that can be taken away."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if inner is not None:
                yield (*path, key)
                yield from removals(inner, (*path, key))
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            yield from removals(inner, (*path, place))


def less(data: Any, path: tuple[Any, ...]) -> Any:
    changed = copy.deepcopy(data)
    inner = changed
    for step in path[:-1]:
        inner = inner[step]
    del inner[path[-1]]
    return changed


@pytest.mark.parametrize("machine", HEALTHY)
def test_the_whole_record_is_clean(machine: str) -> None:
    found = diagnose_node(HEALTHY[machine], Selection())
    assert (found.findings, found.gaps, found.summary.verdict) == ([], [], "clean")


@pytest.mark.parametrize("machine", HEALTHY)
def test_what_is_taken_away_is_missed(machine: str) -> None:
    whole = to_json(HEALTHY[machine])
    passed, tried = [], 0
    for part in ("node", "network", "drivers"):
        for path in removals(whole[part], (part,)):
            try:
                facts = from_json(Facts, less(whole, path))
            except Invalid:
                continue  # no snapshot any more, which is said
            tried += 1
            found = judge_node(facts, RULES)
            errors = [f for f in found.findings if f.severity is Severity.error]
            assert errors == [], path
            if not found.findings and not found.gaps:
                passed.append(path)
    assert tried > 40
    allowed = (SHOWN | ABSENT | BESIDE) - MATTERS.get(machine, set())
    assert [path for path in passed if allowed.isdisjoint(map(str, path))] == []
