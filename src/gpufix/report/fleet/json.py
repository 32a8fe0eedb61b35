"""The machine-readable report; its schema is docs/schema/fleet.json."""

from __future__ import annotations

from gpufix.model.base import to_json
from gpufix.model.fleet_report import FleetReport, TwoSnapshots
from gpufix.text.json_output import dumps


def render(report: FleetReport) -> str:
    """One JSON object, ASCII alone."""
    return dumps(to_json(report)) + "\n"


def two(found: TwoSnapshots) -> str:
    """The same of two snapshots."""
    return dumps(to_json(found)) + "\n"
