"""Two snapshots, for people."""

from __future__ import annotations

from gpufix.model.fleet_report import TwoSnapshots
from gpufix.report import styles
from gpufix.report.fleet.table import shortened
from gpufix.report.lines import Lines


def lines(found: TwoSnapshots) -> Lines:
    """A line for each thing that differs."""
    out = Lines()
    for row in found.rows:
        values = f"{shortened(row.a)} → {shortened(row.b)}"
        out.add(("≠ ", f"bold {styles.WARN}"), f"{row.section} ", (row.name, "bold"), f": {values}")
    if found.not_compared:
        out.add(
            ("? ", "bold"), f"not compared, one of them lacks it: {', '.join(found.not_compared)}"
        )
    if not found.rows:
        out.add(("✓ alike", "bold"))
    return out
