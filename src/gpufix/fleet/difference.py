"""What differs between two snapshots."""

from __future__ import annotations

from gpufix.fleet.collected import DAMAGED
from gpufix.fleet.inputs import Reading
from gpufix.fleet.sections import SECTIONS, looked, rows
from gpufix.model.fleet_report import DifferentRow, TwoSnapshots


class Incomparable(ValueError):
    """One of the two is no snapshot."""


def differences(before: Reading, after: Reading) -> TwoSnapshots:
    """Raises Incomparable. A section that one of the two does not hold is named, not compared."""
    found: list[DifferentRow] = []
    missing: list[str] = []
    for section in SECTIONS:
        left, right = _rows(before, section), _rows(after, section)
        if left is None or right is None:
            missing.append(section)
            continue
        found += [
            DifferentRow(section=section, name=name, a=left.get(name), b=right.get(name))
            for name in dict.fromkeys([*left, *right])
            if left.get(name) != right.get(name)
        ]
    return TwoSnapshots(a=before.node, b=after.node, rows=found, not_compared=missing)


def _facts(reading: Reading) -> dict[str, object]:
    if reading.facts is None:
        raise Incomparable(f"{reading.node}: {reading.problem}")
    return reading.facts


def _rows(reading: Reading, section: str) -> dict[str, str] | None:
    """None where nobody looked."""
    try:
        facts = _facts(reading)
        return rows(section, facts) if looked(section, facts) else None
    except Incomparable:
        raise
    except DAMAGED as error:
        raise Incomparable(f"{reading.node}: not a snapshot: {section}: {error!r}") from None
