"""Python names that a release of their package no longer has."""

from __future__ import annotations

from dataclasses import dataclass

from gpufix.knowledge.table import source, table
from gpufix.knowledge.versions import at_least


@dataclass(frozen=True, slots=True)
class RemovedName:
    """Absent from `since` on, and before `until` when it came back. `instead`: an equal spelling.

    In `instead` the module's local name stands for {}.
    """

    name: str
    package: str
    since: str
    until: str | None
    instead: str | None
    source: str
    raises: bool = False  # kept, and only raises

    def absent(self, version: str) -> bool:
        """Whether a release of the package lacks the name."""
        gone = at_least(version, self.since)
        return gone and not (self.until is not None and at_least(version, self.until))


def get(name: str) -> RemovedName | None:
    """The row of a dotted name ("numpy.float"); None for a name that is not in the table."""
    row = table("removed_names")["names"].get(name)
    if row is None:
        return None
    return RemovedName(
        name,
        row["package"],
        row["since"],
        row.get("until"),
        row.get("instead"),
        source("removed_names", row["source"]),
        row.get("raises", False),
    )
