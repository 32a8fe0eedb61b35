"""Remove what an earlier build left."""

from __future__ import annotations

from gpufix.evidence.view import View
from gpufix.fixes.registry import fix
from gpufix.model import Finding, Plan, Remove
from gpufix.model.payload import StaleBuild


@fix("clear-stale-build", "JIT701", "JIT702")
def clear_stale_build(finding: Finding, view: View) -> Plan:
    """Remove what an earlier build left.

    Delete the cache entry, CMake cache or library; the next build creates it again.
    """
    return finding.plan(
        "clear-stale-build",
        "safe",
        f"remove the stale build of {finding.subject}",
        Remove(path=finding.payload_as(StaleBuild).path),
    )
