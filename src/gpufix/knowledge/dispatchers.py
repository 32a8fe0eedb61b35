"""Libraries of which a package's dispatcher takes one by the GPU's compute capability."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

from gpufix.frozen import Frozen
from gpufix.knowledge.data_table import at_least, table


class Dispatched(Frozen):
    """When a library is taken. `until`: for later capabilities (90 = 9.0) its kernels fail."""

    library: str
    capabilities: tuple[tuple[int, int | None], ...]
    until: int | None
    source: str

    def at(self, capability: int) -> bool:
        """Whether the dispatcher takes the library for a GPU of this capability (90 = 9.0)."""
        return any(
            low <= capability and (high is None or capability <= high)
            for low, high in self.capabilities
        )


def dispatched(path: str, distribution: str | None, version: str | None) -> Dispatched | None:
    """What is known of a library of a release of a distribution."""
    for row in table("dispatchers")["dispatched"]:
        named = distribution in row["distributions"] and fnmatchcase(path, f"*/{row['library']}")
        if named and _holds(row.get("since"), row.get("before"), version):
            return _row(row)
    return None


def outgrown(distribution: str, version: str, capability: int) -> Dispatched | None:
    """A library that this release takes on such a GPU, and whose kernels fail there."""
    for row in table("dispatchers")["dispatched"]:
        if distribution in row["distributions"] and row.get("until", capability) < capability:
            found = _row(row)
            if found.at(capability) and _holds(row.get("since"), row.get("before"), version):
                return found
    return None


def _row(row: dict[str, Any]) -> Dispatched:
    ranges = tuple((low, high) for low, high in row["capabilities"])
    return Dispatched(row["library"], ranges, row.get("until"), row["source"])


def _holds(since: str | None, before: str | None, version: str | None) -> bool:
    if since is None and before is None:
        return True
    late = since is None or at_least(version or "", since)
    return version is not None and late and (before is None or not at_least(version, before))
