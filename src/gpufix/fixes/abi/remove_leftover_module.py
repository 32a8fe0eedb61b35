"""Remove extension modules that only another Python would import."""

from __future__ import annotations

from gpufix.evidence.view import View
from gpufix.fixes.registry import fix
from gpufix.model import Finding, Plan, Remove, Skip
from gpufix.model.payload import ExtensionModules

NAME = "remove-leftover-module"


@fix(NAME, "ABI304")
def remove_leftover_module(finding: Finding, view: View) -> Plan | Skip | None:
    """From this environment's own folders, where no other Python looks; nobody's files only."""
    if not isinstance(finding.payload, ExtensionModules):
        return None
    paths = finding.payload.libraries
    owned = [x.distribution for x in view.facts.binaries.libraries if x.path in paths]
    owner = next(filter(None, owned), None)
    sites = view.facts.python.site_dirs if view.facts.python else []
    reason = f"{owner} brought it" if owner else None
    if not all(any(path.startswith(f"{site}/") for site in sites) for path in paths):
        reason = "it lies outside of the environment, where another Python may use it"
    if reason:
        return finding.skip(NAME, reason)
    return finding.plan(
        NAME,
        "safe",
        f"remove {', '.join(path.rpartition('/')[2] for path in paths)}",
        *(Remove(path=path) for path in paths),
    )
