"""Remove a lock file that nobody holds."""

from __future__ import annotations

from gpufix.evidence.view import View
from gpufix.fixes.registry import fix
from gpufix.model import Finding, Plan, Remove
from gpufix.model.payload import StaleLock


@fix("remove-stale-lock", "JIT703")
def remove_stale_lock(finding: Finding, view: View) -> Plan:
    """Remove a lock file that nobody holds.

    Delete the lock file; the next import builds or loads the extension.
    """
    return finding.plan(
        "remove-stale-lock",
        "safe",
        f"remove the lock that no process holds on {finding.subject}",
        Remove(path=finding.payload_as(StaleLock).path),
    )
