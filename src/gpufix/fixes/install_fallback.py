"""Put one of gpufix's fallbacks in the place of an extension."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from packaging.specifiers import SpecifierSet

from gpufix.buildenv.toolkit import compiles_for
from gpufix.checks.gpu_code import targets_of_torch
from gpufix.checks.source_view import requirement_files
from gpufix.fallbacks import version as versions
from gpufix.fallbacks.catalogue import Fallback, get, is_ours, replacing
from gpufix.fixes import fallback_in_tree
from gpufix.fixes.pinned import why_not
from gpufix.fixes.registry import fix
from gpufix.model import Distribution, Finding, InstallFallback, Plan, Severity, Skip
from gpufix.names import normalise
from gpufix.requirements import Requirements, holds, parse
from gpufix.view import View

NAME = "install-fallback"
# An extension that has no code for the GPU, does not load with this torch, or takes too much memory.
CODES = (
    "GPU103", "GPU104", "GPU108", "SYM401", "SYM402", "ABI301", "ABI304", "ABI305", "KRN901",
    "RUN806",
)  # fmt: skip


@fix(NAME, *CODES)
def install_fallback(finding: Finding, view: View) -> Plan | Skip | None:
    """In place of an extension that gpufix has a replacement for, where it cannot be built again:
    no source, no compiler, a torch without GPU support. Where it can, the rebuild comes first.

    `gpufix fix --fallback NAME` installs one whatever else is wrong, and asks no `--unsafe`.
    """
    if finding.severity is Severity.advice:
        return None
    fallback = replacing(normalise(_about(finding))) or fallback_in_tree.of_path(
        finding.subject, view
    )
    if fallback is None or any(is_ours(d.version) for d in _originals(fallback, view)):
        return None
    return _plan(fallback, view, finding)


def on_demand(name: str, view: View, findings: Sequence[Finding] = ()) -> Plan | Skip:
    """For `--fallback NAME`: asked for, hence whatever the findings say. Raises UnknownFallback.

    Those that it removes are the plan's all the same.
    """
    fallback = get(name)
    ours = next((d for d in _originals(fallback, view) if is_ours(d.version)), None)
    if ours and (made_by := fallback_in_tree.generator(ours, view)) is not None:
        reason = f"{ours.name} {ours.version}, made by {made_by}, is installed already"
        return Skip(fix=NAME, code="", subject=fallback.name, reason=reason)
    plan = _plan(fallback, view, None)
    if isinstance(plan, Skip):
        return plan.model_copy(update={"asked": True})
    served = [f for f in _flat(findings) if f.code in CODES and _about(f) in plan.subjects]
    told: dict[str, Any] = {"asked": fallback.name}
    if served:
        told["finding"] = [served[0].code, served[0].subject]
    codes = list(dict.fromkeys(f.code for f in served))
    return plan.model_copy(update={"codes": codes, "data": {**plan.data, **told}})


def _flat(findings: Iterable[Finding]) -> Iterator[Finding]:
    for finding in findings:
        yield finding
        yield from _flat(finding.consequences)


def _about(finding: Finding) -> str:
    return str(finding.data.get("distribution") or finding.subject)


def _plan(fallback: Fallback, view: View, finding: Finding | None) -> Plan | Skip:
    reason = _obstacle(fallback, view)
    if reason is None and not _originals(fallback, view):
        in_tree = fallback_in_tree.plan(NAME, fallback, view, finding)
        if in_tree is not None:
            return in_tree
    version = _version(fallback, view)
    if reason is None and version is None:
        rows = ", ".join(sorted({text for text, _ in _required(fallback, view)}))
        reason = f"no version of gpufix's own satisfies {rows}"
    if reason is not None or version is None:
        return fallback_in_tree.skip(NAME, fallback, finding, str(reason))
    return _of_wheel(fallback, view, finding, version)


def _of_wheel(fallback: Fallback, view: View, finding: Finding | None, version: str) -> Plan:
    installed = _originals(fallback, view)
    name = _name(fallback, installed)
    step = InstallFallback(
        name=fallback.name,
        distribution=name,
        version=version,
        uninstall=sorted({d.name for d in installed} - {normalise(name)}),
        archs=[t.arch for t in targets_of_torch(view)] if fallback.build else [],
        requires=list(fallback.requires),
    )
    replaced = " and ".join(f"{d.name} {d.version}" for d in installed)
    place = f" in place of {replaced}" if replaced else f" as {name} {version}"
    return Plan(
        fix=NAME,
        codes=[finding.code] if finding else [],
        subjects=[d.name for d in installed] or [fallback.name],
        title=f"install gpufix's {fallback.name}{place}",
        safety="unsafe",
        steps=[step],
        notes=[
            fallback.summary,
            *fallback.covers,
            *fallback_in_tree.shadows(fallback, view),
            *(_lost(d) for d in installed if why_not(d)),
        ],
        data={"fallback": fallback.name},
    )


def _lost(dist: Distribution) -> str:
    """What no index brings back; `gpufix undo` does."""
    origin = f"from {dist.editable or dist.direct_url}"
    return f"{dist.name} {dist.version} was installed {origin}: gpufix undo brings it back"


def _originals(fallback: Fallback, view: View) -> list[Distribution]:
    return [dist for name in fallback.replaces for dist in view.dists(name)]


def _name(fallback: Fallback, installed: list[Distribution]) -> str:
    """The installed original's, so that what requires it is served; spelt as the original is."""
    names = [d.name for d in installed] or [normalise(fallback.distribution)]
    return fallback.distribution if normalise(fallback.distribution) in names else names[0]


def _obstacle(fallback: Fallback, view: View) -> str | None:
    """Why it can neither be installed nor run here."""
    installed = _originals(fallback, view)
    for dist in installed:
        if dist.source == "conda":
            return f"{dist.name} was installed by conda: `conda remove {dist.name}` first"
        if len(view.dists(dist.name)) > 1:
            return f"{dist.name} is installed twice: which one Python uses must be settled first"
    for text in fallback.requires:
        requirement = parse(text)
        dist_needed = view.dist(normalise(requirement.name)) if requirement else None
        if dist_needed is None:
            return f"it needs {text}, which is not installed"
        if requirement and not holds(requirement, dist_needed.version):
            return f"it needs {text}; {dist_needed.version} is installed"
    return _no_compiler(view) if fallback.build else None


def _no_compiler(view: View) -> str | None:
    torch = view.facts.torch
    if torch is None or not (torch.cuda or torch.hip):
        return "it is GPU code that is compiled when it is installed, and torch has no GPU support"
    targets = targets_of_torch(view)
    if not targets:
        return "it is compiled when it is installed: name the GPU, as in --gpu sm_120"
    lacking = [t.arch for t in targets if not compiles_for(view, t)]
    if not lacking:
        return None
    return (
        "it is compiled when it is installed, and no compiler here generates code for "
        f"{', '.join(lacking)}"
    )


def _version(fallback: Fallback, view: View) -> str | None:
    known = [d.version for d in _originals(fallback, view)]
    return versions.choose([*known, fallback.version], [s for _, s in _required(fallback, view)])


def _required(fallback: Fallback, view: View) -> list[tuple[str, SpecifierSet]]:
    """What installed distributions and the project's requirement files ask of it."""
    name = normalise(_name(fallback, _originals(fallback, view)))
    found = [r for _, r in view.derive(Requirements.of).rows if normalise(r.name) == name]
    for facts in requirement_files(view).values():
        rows = [parse(str(text)) for _, text in facts.get("requirements", [])]
        found += [r for r in rows if r and normalise(r.name) == name]
    return [(f"{r.name}{r.specifier}", r.specifier) for r in found if r.specifier]
