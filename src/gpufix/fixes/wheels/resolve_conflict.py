"""Move versions so that a known or declared conflict is gone."""

from __future__ import annotations

from gpufix.evidence.requirements import parse
from gpufix.evidence.view import View
from gpufix.fixes.pins import from_address
from gpufix.fixes.registry import fix
from gpufix.model import Finding, Install, Plan, Skip
from gpufix.text.names import normalise


@fix("resolve-conflict", "WHL506")
def resolve_conflict(finding: Finding, view: View) -> Plan | Skip:
    """A known conflict: its first remedy. A declared one: the versions that are declared."""
    if finding.data.get("part") == "pins":
        reason = "which of its pins a file gives up is for its author to say"
        return Skip(fix="resolve-conflict", code="WHL506", subject=finding.subject, reason=reason)
    wanted = _remedy(finding) if "remedies" in finding.data else _declared(finding)
    reason = _blocked(finding, view) or (
        "" if wanted else "no set of versions is known that satisfies all"
    )
    if reason:
        return Skip(fix="resolve-conflict", code="WHL506", subject=finding.subject, reason=reason)
    moved = [row for row in wanted if (r := parse(row)) and view.dist(normalise(r.name))]
    return Plan(
        fix="resolve-conflict",
        codes=["WHL506"],
        subjects=[finding.subject],
        title=f"install {', '.join(wanted)}",
        # What is merely absent can be added without moving anything that somebody chose.
        safety="unsafe" if moved else "safe",
        steps=[Install(install=wanted, dependencies=True)],
    )


def _blocked(finding: Finding, view: View) -> str | None:
    """Why what is declared is not an index's to bring."""
    owner = view.dist(finding.data.get("distribution", ""))
    if owner is not None and owner.source == "conda":
        return f"{owner.name} was installed by conda, which brings what it needs"
    direct = [row["name"] for row in finding.data.get("unmet", ()) if row.get("direct")]
    return from_address(direct[0]) if direct else None


def _remedy(finding: Finding) -> list[str]:
    remedies = finding.data["remedies"]
    return [f"{name}{spec}" for name, spec in remedies[0].items()] if remedies else []


def _declared(finding: Finding) -> list[str]:
    return [f"{row['name']}{row['specifier']}" for row in finding.data["unmet"]]
