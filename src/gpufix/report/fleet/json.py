"""The machine-readable report; its schema is docs/schema/fleet.json (fleet_smoke.json)."""

from __future__ import annotations

from gpufix.model.base import to_json
from gpufix.model.fleet_report import FleetReport, TwoSnapshots
from gpufix.model.fleet_smoke import FleetSmoke
from gpufix.text.json_output import dumps


def render(report: FleetReport) -> str:
    """One JSON object, ASCII alone."""
    return dumps(to_json(report)) + "\n"


def smoke(report: FleetSmoke) -> str:
    """The same of `fleet smoke`."""
    return dumps(to_json(report)) + "\n"


def two(found: TwoSnapshots) -> str:
    """The same of two snapshots."""
    return dumps(to_json(found)) + "\n"
