"""Install the CUDA wheels that torch declares."""

from __future__ import annotations

from gpufix.evidence.view import View
from gpufix.fixes.pins import declared_version, reinstall
from gpufix.fixes.registry import fix
from gpufix.fixes.runtime.trim_library_path import put_first
from gpufix.model import Finding, Plan, Severity, Skip
from gpufix.model.payload import DistributionFault, MissingLibrary, UnfitLibrary, UnopenedLibrary


@fix("install-declared", "SYM402", "SYM403", "WHL504")
def install_declared(finding: Finding, view: View) -> Plan | Skip | None:
    """Install, at the version that torch pins, the wheel that brings the library."""
    fault = finding.payload_as(DistributionFault)
    if isinstance(fault, UnopenedLibrary):
        return None
    wheels = fault.wheels if isinstance(fault, MissingLibrary) else ()
    # To install its user again does not bring a library that no wheel is known to lack.
    is_lacking = isinstance(fault, MissingLibrary) and not isinstance(fault, UnfitLibrary)
    candidates = wheels if is_lacking else wheels or (fault.distribution,)
    pinned = [(n, v) for n in candidates if (v := declared_version(view, n))]
    torch, reason = view.dist("torch"), None
    if torch is not None and torch.source == "conda":
        reason = "torch was installed by conda, which brings its libraries"
    elif not pinned:
        reason = "torch declares no version of what is missing"
    elif isinstance(fault, UnfitLibrary) and (folder := put_first(fault, view)):
        reason = f"{folder} stands in LD_LIBRARY_PATH and would still come first"
    if reason:
        return Skip(
            fix="install-declared", code=finding.code, subject=finding.subject, reason=reason
        )
    name, version = pinned[0]
    # Somebody may have chosen the version that is there: only a torch that cannot load overrides it.
    breaks_torch = finding.code != "WHL504" or finding.severity is Severity.error
    return Plan(
        fix="install-declared",
        codes=[finding.code],
        subjects=[name],
        title=f"install {name} {version}, as torch declares",
        safety="safe" if breaks_torch else "unsafe",
        steps=[reinstall(name, version)],
        for_this_torch=True,
    )
