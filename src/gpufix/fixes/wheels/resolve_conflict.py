"""Move versions so that a known or declared conflict is gone."""

from __future__ import annotations

from collections.abc import Sequence

from gpufix.evidence import conda
from gpufix.evidence.requirements import parse
from gpufix.evidence.view import View
from gpufix.fixes.pins import from_address
from gpufix.fixes.registry import fix
from gpufix.model import Advise, Finding, Install, Plan, Skip
from gpufix.model.payload import AbsentDepends, KnownConflict, UnmetRequirements
from gpufix.model.source_payload import ConflictingPins
from gpufix.text.names import normalise


@fix("resolve-conflict", "WHL506")
def resolve_conflict(finding: Finding, view: View) -> Plan | Skip:
    """A known conflict: its first remedy. A declared one: the versions that are declared.

    What conda's packages depend on is conda's to install: its command.
    """
    payload, reason = finding.payload, None
    if isinstance(payload, AbsentDepends):
        return _by_conda(payload, view)
    wanted: Sequence[str] = ()
    if isinstance(payload, ConflictingPins):
        reason = "which of its pins a file gives up is for its author to say"
    elif isinstance(payload, KnownConflict):
        wanted = next(iter(payload.remedies), ())
    else:
        declared = finding.payload_as(UnmetRequirements)
        wanted = [row.wanted for row in declared.unmet]
        reason = _blocked(declared, view)
    if not wanted:
        reason = reason or "no set of versions is known that satisfies all"
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
        steps=[Install(install=list(wanted), dependencies=True)],
    )


def _by_conda(absent: AbsentDepends, view: View) -> Plan:
    return Plan(
        fix="resolve-conflict",
        codes=["WHL506"],
        subjects=[absent.package],
        title=f"have conda install {', '.join(absent.specs)}",
        safety="manual",
        steps=[
            Advise(
                text=f"{absent.package} is conda's, and so is what it depends on.",
                command=conda.add(view.facts, absent.specs),
            )
        ],
    )


def _blocked(declared: UnmetRequirements, view: View) -> str | None:
    """Why what is declared is not an index's to bring."""
    owner = view.dist(declared.distribution)
    if owner is not None and owner.source == "conda":
        return f"{owner.name} was installed by conda, which brings what it needs"
    direct = [row.name for row in declared.unmet if row.direct]
    return from_address(direct[0]) if direct else None
