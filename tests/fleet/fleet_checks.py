"""What a report on planted drifts must say, whichever engine asked the nodes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from drifts import DRIFTS

from gpufix.fleet.inputs import Reading, line
from gpufix.model.fleet_report import FleetReport

# Kinds that would undo or hide each other on one node.
_APART = (
    ("wheel of another version", "recorded file missing"),
    ("wheel missing", "recorded file edited"),
    ("driver", "GPU count", "GPU model"),
)
CPU_SECONDS = 2.5
PACKED_BYTES = 20_000


def planted(nodes: Sequence[str], kinds: Iterable[str] = DRIFTS) -> dict[str, str]:
    """Drift -> the node that has it, spread evenly."""
    where: dict[str, str] = {}
    loads = dict.fromkeys(nodes, 0)
    for kind in kinds:
        group = next((group for group in _APART if kind in group), ())
        taken = {where.get(other) for other in group}
        name = min((n for n in nodes if n not in taken), key=lambda n: loads[n])
        where[kind] = name
        loads[name] += 1
    return where


def check_planted(found: FleetReport, where: dict[str, str], allowed: Iterable[str] = ()) -> None:
    """Each drift is named on its node, and no node is odd in a section where nothing was planted.

    allowed: sections that are not held to that.
    """
    for kind, name in where.items():
        drift = DRIFTS[kind]
        values = [
            value
            for difference in found.differences
            if (difference.section, difference.name) == (drift.section, drift.name)
            for value in difference.values
            if name in value.names and not value.reference
        ]
        said = [value.value if value.value is not None else "absent" for value in values]
        assert len(said) == 1 and drift.value in said[0], f"{kind} on {name}: {said}"
    expected = {(name, DRIFTS[kind].section) for kind, name in where.items()}
    # Code at Python's start sets a variable: both are named.
    expected |= {(n, "variables") for k, n in where.items() if k == "code at Python's start"}
    odd = {(node.name, section) for node in found.nodes for section in node.odd}
    assert {pair for pair in odd - expected if pair[1] not in allowed} == set()
    assert expected <= odd


def check_costs(readings: Iterable[Reading]) -> None:
    """What a node spends, and what it sends."""
    for reading in readings:
        if reading.facts is not None:
            assert reading.cpu_seconds is not None and reading.cpu_seconds <= CPU_SECONDS
            packed = len(line(reading)) * 3 / 4
            assert packed <= PACKED_BYTES, packed
