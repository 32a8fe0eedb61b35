"""Keep one of several distributions that lay the same files, and restore it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from gpufix.evidence.families import Rivals, core_files, rivals
from gpufix.evidence.gpu_parts import cuda_here, newest_major, serving
from gpufix.evidence.requirements import Requirements
from gpufix.evidence.view import View
from gpufix.fixes.pins import immovable, reinstall, why_not
from gpufix.fixes.registry import fix
from gpufix.knowledge.data_table import numbers
from gpufix.model import Distribution, Finding, Install, Plan, Skip, Step
from gpufix.model.payload import FileOwners, RivalDistributions

_CUDA = re.compile(r"-cu(?:da)?(\d\d)")


@fix("keep-one", "WHL502", "WHL508", "WHL509")
def keep_one(finding: Finding, view: View) -> Plan | Skip | None:
    """Remove the others, then install the kept one again: their removal takes its files along.

    Where nothing else tells which is meant, the one for the newest CUDA that the machine allows.
    What other packages require stays, and the GPU package is laid over it.
    """
    if isinstance(finding.payload, FileOwners):
        names = finding.payload.owners
    elif isinstance(finding.payload, RivalDistributions):
        names = finding.payload.distributions
    else:
        return None
    found = next((r for r in rivals(view) if set(r.names) == set(names)), None)
    if found is None:
        return None
    kept = _kept(found, view)
    guessed = kept is None
    if kept is None and (best := newest_major(view, _majors(found).values())):
        meant = [d for d in found.here if _majors(found).get(d.name) == best]
        kept = meant[0] if len(meant) == 1 else None
    if kept is None:
        why = f"which of {' and '.join(names)} is meant is not known"
        return finding.skip("keep-one", why)
    others = [d for d in found.here if d is not kept]
    along = [name for d in others for name in found.group.along.get(d.name, ())]
    others += [d for name in along if (d := view.dist(name))]
    required = view.derive(Requirements.of).required_by
    users = sorted({user for d in others for user in required.get(d.name, ())} - {*names, *along})
    reason: str | None = next(filter(None, map(immovable, (kept, *others))), None)
    if reason is None and users and not found.group.gpu:
        reason = f"{', '.join(users)} require what would be removed"
    if reason:
        return finding.skip("keep-one", reason)
    plan = _plan(finding, view, kept, [] if users else others, users, found.group.core is not None)
    return replace(plan, safety="unsafe") if guessed else plan


def _plan(
    finding: Finding,
    view: View,
    kept: Distribution,
    removed: Sequence[Distribution],
    users: Sequence[str],
    shares: bool,
) -> Plan:
    other_build = [why] if (why := why_not(kept)) else []
    again = f"reinstall {kept.name} {kept.version}"
    steps: list[Step] = [reinstall(view, kept.name, kept.version)] if shares else []
    title = f"{again} over what has overwritten it"
    if removed:
        gone = [d.name for d in removed]
        steps.insert(0, Install(uninstall=gone))
        title = f"remove {', '.join(gone)}" + (f", and {again}" if shares else "")
    return finding.plan(
        "keep-one",
        "unsafe" if other_build or any(d.requested for d in removed) else "safe",
        title,
        *steps,
        notes=[*other_build, *(f"{user} requires the other one, which stays" for user in users)],
    )


def _kept(found: Rivals, view: View) -> Distribution | None:
    """The GPU package; of several, the one whose CUDA knows the GPUs that must be served, or is here,
    or that others require; else the newest release, or of one release the one that is used."""
    if found.lost is not None:
        return found.lost[0]
    majors = _majors(found)
    fit = serving(view, set(majors.values()))
    serve = [d for d in found.here if majors.get(d.name) in fit]
    if len(serve) == 1 and len(majors) == len(found.here):
        return serve[0]
    here = cuda_here(view)
    meant = [d for d in found.here if here and majors.get(d.name) == here]
    if len(meant) == 1:
        return meant[0]
    required = view.derive(Requirements.of).required_by
    wanted = [d for d in found.here if set(required.get(d.name, ())) - {*found.names}]
    if len(wanted) == 1 and not found.group.gpu:
        return wanted[0]
    for_gpu = [d for d in found.here if d.name in found.group.gpu]
    if len(for_gpu) == 1:
        return for_gpu[0]
    newest = max(found.here, key=lambda d: numbers(d.version))
    if [d.version for d in found.here].count(newest.version) == 1:
        return newest
    holders = {shared.holder for shared in core_files(view, found.group)}
    used = [d for d in found.here if holders == {d.name}]
    return used[0] if used else None


def _majors(found: Rivals) -> dict[str, int]:
    """The CUDA majors that their names say."""
    return {d.name: int(m[1]) for d in found.here if (m := _CUDA.search(d.name))}
