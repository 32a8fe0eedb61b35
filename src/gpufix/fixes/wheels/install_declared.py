"""Install the wheels that are declared, at versions that satisfy all who declare them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from gpufix.evidence.cuda_wheels import is_required
from gpufix.evidence.declared import brought_by
from gpufix.evidence.requirements import parse
from gpufix.evidence.view import View
from gpufix.fixes.pins import as_declared
from gpufix.fixes.registry import fix
from gpufix.fixes.runtime.trim_library_path import put_first
from gpufix.model import Finding, Install, Plan, Severity, Skip
from gpufix.model.payload import DistributionFault, MissingLibrary, UnfitLibrary

NAME = "install-declared"


@fix(NAME, "SYM402", "SYM403", "WHL504")
def install_declared(finding: Finding, view: View) -> Plan | Skip | None:
    """The wheels that bring the libraries, at versions that satisfy all who require them."""
    fault = finding.payload_as(DistributionFault)
    torch = view.dist("torch")
    if torch is not None and torch.source == "conda":
        return finding.skip(NAME, "torch was installed by conda, which brings its libraries")
    if isinstance(fault, UnfitLibrary) and (folder := put_first(fault, view)):
        return finding.skip(NAME, f"{folder} stands in LD_LIBRARY_PATH and would still come first")
    if _is_anothers(fault, view):
        return None
    found = [_installed(view, wheels) for wheels in _asked(fault)]
    reasons = [row for row in found if isinstance(row, str)]
    if reasons:
        return finding.skip(NAME, reasons[0])
    return _plan(finding, [row for row in found if isinstance(row, Install)])


def _is_anothers(fault: DistributionFault, view: View) -> bool:
    """Whether no wheel brings what is missing, or one that nobody requires: other fixes' to plan."""
    if not isinstance(fault, MissingLibrary) or isinstance(fault, UnfitLibrary):
        return False
    if not fault.wheels:
        return True
    return fault.distribution != "torch" and not any(is_required(view, w) for w in fault.wheels)


def _asked(fault: DistributionFault) -> Sequence[tuple[str, ...]]:
    """Of each library the wheels that bring it; a distribution that is to move by itself."""
    if not isinstance(fault, MissingLibrary) or not fault.wheels:
        return [(fault.distribution,)]
    return fault.each or [fault.wheels]


def _installed(view: View, wheels: tuple[str, ...]) -> Install | str:
    """The installation of the first of them that somebody declares, itself or by an extra."""
    for wheel in wheels:
        for name in (wheel, brought_by(view, wheel)):
            if name and (step := as_declared(view, name)):
                return step
    return f"nothing that is installed requires {' or '.join(wheels)}"


def _plan(finding: Finding, rows: Sequence[Install]) -> Plan:
    steps: list[Install] = []
    for step in rows:
        manner = replace(step, install=[])
        same = next((s for s in steps if replace(s, install=[]) == manner), None)
        if same is None:
            steps.append(step)
        else:
            new = [r for r in step.install if r not in same.install]
            steps[steps.index(same)] = replace(same, install=[*same.install, *new])
    wanted = [text for step in steps for text in step.install]
    # Somebody may have chosen the version that is there: only a torch that cannot load overrides it.
    breaks_torch = finding.code != "WHL504" or finding.severity is Severity.error
    return finding.plan(
        NAME,
        "safe" if breaks_torch else "unsafe",
        f"install {', '.join(wanted)}, as declared",
        *steps,
        subjects=[r.name for text in wanted if (r := parse(text))],
        for_this_torch=True,
    )
