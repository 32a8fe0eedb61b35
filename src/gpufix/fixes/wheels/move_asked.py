"""Move the package that another one asks in vain for a module or a name."""

from __future__ import annotations

from dataclasses import replace

from gpufix.evidence.view import View
from gpufix.fixes.registry import fix
from gpufix.fixes.wheels.resolve_conflict import has_later, moved_partner
from gpufix.knowledge import families
from gpufix.model import Finding, Plan, Skip
from gpufix.model.payload import AbsentModule


@fix("take-earlier-partner", "WHL506")
def earlier_partner(finding: Finding, view: View) -> Plan | Skip | None:
    """The releases of the asked package that still have the name, where a row says until when."""
    absent = finding.payload
    row = families.gone(absent.module) if isinstance(absent, AbsentModule) else None
    if not isinstance(absent, AbsentModule) or row is None or absent.of != row.distribution:
        return None
    wanted = f"{row.distribution}<{row.until}"
    return replace(
        moved_partner(absent, wanted, view, f"which has {row.module}"), fix="take-earlier-partner"
    )


@fix("take-later-partner", "WHL506")
def later_partner(finding: Finding, view: View) -> Plan | Skip | None:
    """A later release of the asked package, which may have what it has not yet; the look afterwards tells."""
    absent = finding.payload
    if not isinstance(absent, AbsentModule) or families.gone(absent.module):
        return None
    dist = view.dist(absent.of or "")
    if dist is None or not has_later(dist) or not families.releases(dist.name):
        return None
    wanted = f"{dist.name}>{dist.version}"
    return replace(
        moved_partner(absent, wanted, view, f"which may have {absent.module}"),
        fix="take-later-partner",
    )
