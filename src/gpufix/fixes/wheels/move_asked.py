"""Move the package that another one asks in vain for a module or a name."""

from __future__ import annotations

from packaging.version import Version

from gpufix.evidence.requirements import series, version_of
from gpufix.evidence.view import View
from gpufix.fixes.registry import fix
from gpufix.fixes.wheels.resolve_conflict import has_later, moved_partner
from gpufix.knowledge import families, name_spans
from gpufix.knowledge.data_table import at_least
from gpufix.model import Distribution, Finding, Plan, Skip
from gpufix.model.payload import AbsentModule


@fix("take-earlier-partner", "WHL506")
def earlier_partner(finding: Finding, view: View) -> Plan | Skip | None:
    """The releases of the asked package that still have the name, where a row says until when."""
    absent = finding.payload
    row = families.gone_name(absent.module) if isinstance(absent, AbsentModule) else None
    if not isinstance(absent, AbsentModule) or row is None or absent.of != row.distribution:
        return None
    wanted = f"{row.distribution}{row.releases}"
    return moved_partner("take-earlier-partner", finding, wanted, view, f"which has {row.module}")


@fix("take-later-partner", "WHL506")
def later_partner(finding: Finding, view: View) -> Plan | Skip | None:
    """From the first later release that is recorded with the name on, of the same major; else any later one, and
    the look afterwards tells."""
    absent = finding.payload
    if not isinstance(absent, AbsentModule) or families.gone_name(absent.module):
        return None
    dist = view.dist(absent.of or "")
    if dist and (first := _first_with(absent.module, dist)):
        wanted, why = f"{dist.name}>={first},<{Version(first).major + 1}", "has"
    elif dist and has_later(dist) and families.releases(dist.name):
        wanted, why = f"{dist.name}>{dist.version}", "may have"
    else:
        return None
    why = f"which {why} {absent.module}"
    return moved_partner("take-later-partner", finding, wanted, view, why)


@fix("try-earlier-partner", "WHL506")
def any_earlier_partner(finding: Finding, view: View) -> Plan | Skip | None:
    """Where nothing is recorded of the name: the newest release before the installed one that has it.

    Releases are read before the environment is touched, of six series at most, back from the installed one.
    """
    return _before(finding, view, 0, "try-earlier-partner")


@fix("try-earlier-series", "WHL506")
def earlier_series(finding: Finding, view: View) -> Plan | Skip | None:
    """The same back from before the installed series, where none of those has the name."""
    return _before(finding, view, 1, "try-earlier-series")


def _before(finding: Finding, view: View, step: int, name: str) -> Plan | Skip | None:
    absent = finding.payload
    dist = view.dist(absent.of or "") if isinstance(absent, AbsentModule) else None
    if not isinstance(absent, AbsentModule) or dist is None or dist.name == "torch":
        return None
    if families.gone_name(absent.module) or _first_with(absent.module, dist):
        return None
    ends = _ends(dist.version)
    if step >= len(ends):
        return None
    wanted, why = f"{dist.name}<{ends[step]}", f"the newest that has {absent.module}"
    return moved_partner(name, finding, wanted, view, why, absent.module)


def _ends(version: str) -> list[str]:
    """Before what to look: the installed release; its series 0.6 or 5, whose first release may have dropped the name."""
    parsed = version_of(version)
    if parsed is None:
        return [version]
    start = series(parsed)
    has_before = start != parsed and str(start) not in ("0.0", "1")
    return [version, str(start)] if has_before else [version]


def _first_with(module: str, dist: Distribution) -> str | None:
    """The first recorded release that has a name, where it is later than the installed one."""
    seen = name_spans.span(module.partition(".")[0], module.rpartition(".")[2])
    if seen is None or not seen.first or not at_least(seen.first, dist.version):
        return None
    return seen.first
