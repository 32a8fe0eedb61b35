"""Give a file that two distributions own back to the one that the environment needs."""

from __future__ import annotations

from collections.abc import Sequence

from gpufix.evidence.declared import with_row
from gpufix.evidence.requirements import Requirements
from gpufix.evidence.view import View
from gpufix.fixes.pins import immovable, reinstall, why_not
from gpufix.fixes.registry import fix
from gpufix.knowledge import families
from gpufix.knowledge.families import Gone
from gpufix.model import Distribution, Finding, Install, Plan, Skip
from gpufix.model.payload import FileOwners

NAME = "restore-owner"


@fix(NAME, "WHL502")
def restore_owner(finding: Finding, view: View) -> Plan | Skip:
    """Remove the owners that nothing requires, and reinstall the one that something does.

    While several own the files, each removal or update takes them from the others again. Of those that
    nothing requires the one that has all modules of the others stays. A module that has moved from the
    one to the other: the release of the one that no longer has it.
    """
    required = view.derive(Requirements.of).required_by
    owners = [d for name in finding.payload_as(FileOwners).owners if (d := view.dist(name))]
    if moved := _moved(owners, view):
        return _without_module(finding, moved, view)
    needed = [d for d in owners if required.get(d.name)]
    whole = _whole(owners, view) if not needed else None
    if whole is None and len(needed) != 1:
        how_many = "none" if not needed else "more than one"
        reason = f"{how_many} of {finding.subject} is required by an installed package"
        return finding.skip(NAME, reason)
    owner = whole or needed[0]
    others = [d for d in owners if d is not owner]
    reason_not = next(filter(None, [why_not(owner), *map(immovable, others)]), None)
    if reason_not:
        return finding.skip(NAME, reason_not, subject=owner.name)
    gone = [d.name for d in others]
    stays = "has all modules of both" if whole else "is required"
    return finding.plan(
        NAME,
        "unsafe" if whole or any(d.requested for d in others) else "safe",
        f"remove {', '.join(gone)}, and reinstall {owner.name} {owner.version}, which {stays}",
        Install(uninstall=gone),
        reinstall(view, owner.name, owner.version),
        subjects=[owner.name],
    )


def _whole(owners: Sequence[Distribution], view: View) -> Distribution | None:
    """The one that records every module of the others, and more."""
    code = {
        d.name: set(view.recorded_code(d.metadata) or ()) if d.metadata else set() for d in owners
    }
    every = set().union(*code.values())
    whole = [d for d in owners if code[d.name] == every]
    return whole[0] if len(whole) == 1 and all(code.values()) else None


def _moved(owners: Sequence[Distribution], view: View) -> tuple[Distribution, Gone] | None:
    """The owner whose later releases leave a hidden module to another one of them."""
    names = {d.name: d for d in owners}
    for shared in view.facts.shared_files:
        row = families.moved(shared.path.removesuffix(".py")) if shared.behind else None
        if row and {row.distribution, row.to} <= names.keys() & set(shared.owners):
            return names[row.distribution], row
    return None


def _without_module(finding: Finding, moved: tuple[Distribution, Gone], view: View) -> Plan | Skip:
    dist, row = moved
    wanted = f"{row.distribution}>={row.until}"
    reason = with_row(view, wanted).conflict or immovable(dist)
    if reason:
        return finding.skip(NAME, reason)
    return finding.plan(
        NAME,
        "unsafe",
        f"install {wanted}, which leaves the module {row.module} to {row.to}",
        Install(install=[wanted], dependencies=True, freeze=True),
    )
