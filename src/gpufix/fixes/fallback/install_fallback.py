"""Put one of gpufix's fallbacks in the place of an extension."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from gpufix.evidence.gpu_code import targets_of_torch
from gpufix.evidence.requirements import parse
from gpufix.evidence.view import View
from gpufix.fallbacks.catalogue import Fallback, get, is_ours, replacing
from gpufix.fixes.fallback import fit
from gpufix.fixes.fallback import in_tree as fallback_in_tree
from gpufix.fixes.fallback.rewrite_calls import Changes, changes
from gpufix.fixes.registry import fix
from gpufix.model import (
    Advise,
    Distribution,
    Finding,
    InstallFallback,
    Plan,
    ServedFinding,
    Severity,
    Skip,
)
from gpufix.model.payload import DistributionFault, UnmetRequirements
from gpufix.model.source_payload import UnfitArgument
from gpufix.text.names import normalise

NAME = "install-fallback"
# An extension that has no code for the GPU, does not load with this torch, takes too much memory, or
# is required and absent.
CODES = (
    "GPU103", "GPU104", "GPU108", "SYM401", "SYM402", "ABI301", "ABI304", "ABI305", "KRN901",
    "RUN806", "WHL506", "WHL510",
)  # fmt: skip


@fix(NAME, *CODES)
def install_fallback(finding: Finding, view: View) -> Plan | Skip | None:
    """In place of an extension that gpufix has a replacement for, where it cannot be built again:
    no source, no compiler, a torch without GPU support. Where it can, the rebuild comes first.

    `gpufix fix --fallback NAME` installs one whatever else is wrong, and asks no `--unsafe`. One that
    projects must call (nvdiffrast_chunked) comes with the change of the project's own calls, shown
    as a diff; calls that nothing in the file settles are named and left.
    """
    if finding.severity is Severity.advice:
        return None
    fallback = _fallback_for(finding, view)
    if fallback is None:
        return None
    if any(is_ours(d.version) for d in fit.originals(fallback, view)):
        called = changes(fallback, view)
        return _of_calls(fallback, called, finding) if called.writes else None
    return _plan(fallback, view, finding)


def on_demand(name: str, view: View, findings: Sequence[Finding] = ()) -> Plan | Skip:
    """For `--fallback NAME`: asked for, hence whatever the findings say. Raises UnknownFallback.

    Those that it removes are the plan's all the same.
    """
    fallback = get(name)
    called = changes(fallback, view)
    ours = next((d for d in fit.originals(fallback, view) if is_ours(d.version)), None)
    if (
        ours
        and fit.intact(ours)
        and (made_by := fallback_in_tree.generator(ours, view)) is not None
    ):
        if not called.writes:
            reason = f"{ours.name} {ours.version}, made by {made_by}, is installed already"
            reason = "; ".join([reason, *called.notes(fallback)])
            return Skip(fix=NAME, code="", subject=fallback.name, reason=reason)
        plan: Plan | Skip = _of_calls(fallback, called, None)
    else:
        plan = _plan(fallback, view, None)
    if isinstance(plan, Skip):
        return replace(plan, asked=True)
    taken = [f for f in _flat(findings) if called.takes(f)]
    served = [f for f in _flat(findings) if f.code in CODES and _about(f) in plan.subjects]
    settled = [f for f in taken if called.settles(f.subject)]
    removed = [*served, *settled]
    return replace(
        plan,
        codes=list(dict.fromkeys(f.code for f in removed)),
        subjects=list(dict.fromkeys([*plan.subjects, *(f.subject for f in settled)])),
        asked=True,
        served=tuple(map(served_as, [*served, *taken])),
        finding=removed[0].key if removed else None,
    )


def served_as(finding: Finding) -> ServedFinding:
    """How a plan that was asked for names a finding that needs no other plan."""
    line = finding.payload.line if isinstance(finding.payload, UnfitArgument) else None
    return ServedFinding(finding.code, finding.subject, line)


def _fallback_for(finding: Finding, view: View) -> Fallback | None:
    if isinstance(finding.payload, UnmetRequirements):
        unmet = finding.payload.unmet
        absent = [row.name for row in unmet if row.installed is None]
        return replacing(absent[0]) if len(absent) == len(unmet) == 1 else None
    if finding.code == "WHL506":
        return None  # versions that do not go together
    by_name = replacing(normalise(_about(finding)))
    if finding.code == "RUN806":
        return by_name if by_name and by_name.bounds_memory else None
    return by_name or fallback_in_tree.of_path(finding.subject, view)


def _flat(findings: Iterable[Finding]) -> Iterator[Finding]:
    for finding in findings:
        yield finding
        yield from _flat(finding.consequences)


def _about(finding: Finding) -> str:
    payload = finding.payload
    return payload.distribution if isinstance(payload, DistributionFault) else finding.subject


def _plan(fallback: Fallback, view: View, finding: Finding | None) -> Plan | Skip:
    reason = fit.obstacle(fallback, view)
    if reason is None and not fit.originals(fallback, view):
        in_tree = fallback_in_tree.plan(NAME, fallback, view, finding)
        if in_tree is not None:
            return in_tree
    version = fit.version(fallback, view)
    if version is None:
        reason = reason or f"no version of it satisfies {fit.required_rows(fallback, view)}"
    if finding is not None and fallback.build and (archs := fit.without_compiler(view)):
        return _of_compiler(fallback, finding, archs)
    if reason is not None or version is None:
        return fallback_in_tree.skip(NAME, fallback, finding, str(reason))
    return _of_wheel(fallback, view, finding, version)


def _of_compiler(fallback: Fallback, finding: Finding, archs: Sequence[str]) -> Plan:
    """What the user has to bring, where a fallback has sources of its own."""
    text = f"gpufix's {fallback.name} is compiled when it is installed; this names what brings a compiler:"
    targets = " ".join(f"--gpu {arch}" for arch in archs)
    return finding.plan(
        NAME,
        "manual",
        f"install a compiler for {', '.join(archs)}: gpufix's {fallback.name} can then take its "
        "place",
        Advise(text=text, command=f"gpufix smoke --compile-only {targets}"),
    )


def _of_calls(fallback: Fallback, called: Changes, finding: Finding | None) -> Plan:
    """Of one that is installed: only what calls it."""
    return Plan(
        fix=NAME,
        codes=[finding.code] if finding else [],
        subjects=[fallback.name],
        title=f"use gpufix's {fallback.name}: {called.title}",
        safety="unsafe",
        steps=list(called.writes.values()),
        notes=[*fallback.covers, *called.notes(fallback)],
        fallback=fallback.name,
    )


def _of_wheel(fallback: Fallback, view: View, finding: Finding | None, version: str) -> Plan:
    called = changes(fallback, view)
    installed = fit.originals(fallback, view)
    name = fit.distribution(fallback, view)
    step = InstallFallback(
        name=fallback.name,
        distribution=name,
        version=version,
        uninstall=sorted({d.name for d in installed} - {normalise(name)}),
        archs=[t.arch for t in targets_of_torch(view)] if fallback.build else [],
        requires=[t for t in fallback.requires if (r := parse(t)) and view.dist(normalise(r.name))],
    )
    replaced = " and ".join(f"{d.name} {d.version}" for d in installed)
    place = f" in place of {replaced}" if replaced else f" as {name} {version}"
    return Plan(
        fix=NAME,
        codes=[finding.code] if finding else [],
        subjects=[d.name for d in installed] or [fallback.name],
        title=f"install gpufix's {fallback.name}{place}"
        + (f" and {called.title}" if called.writes else ""),
        safety="unsafe",
        steps=[*called.writes.values(), step],
        notes=[
            fallback.summary,
            *fallback.covers,
            *called.notes(fallback),
            *fallback_in_tree.shadows(fallback, view),
            *(_lost(d) for d in installed if d.editable or d.direct_url),
        ],
        fallback=fallback.name,
    )


def _lost(dist: Distribution) -> str:
    """What no index brings back; `gpufix undo` does."""
    origin = f"from {dist.editable or dist.direct_url}"
    return f"{dist.name} {dist.version} was installed {origin}: gpufix undo brings it back"
