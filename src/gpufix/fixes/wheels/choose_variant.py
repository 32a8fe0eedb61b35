"""Have the build chosen again, on this machine."""

from __future__ import annotations

from dataclasses import replace

from gpufix.evidence import conda
from gpufix.evidence.view import View
from gpufix.fixes.commands import pip
from gpufix.fixes.pins import reinstall, why_not
from gpufix.fixes.registry import fix
from gpufix.model import Advise, Finding, Plan, Severity, Skip
from gpufix.model.payload import UnfitVariant
from gpufix.text.shell import join

NAME = "choose-variant"


@fix(NAME, "WHL511")
def choose_variant(finding: Finding, view: View) -> Plan | Skip:
    """The same version once more: an installer that knows variants chooses by the driver and GPU that
    it sees, any other takes the plain wheel. conda's builds are conda's to choose, and what is worth
    knowing is no reason to install anything: the command."""
    unfit = finding.payload_as(UnfitVariant)
    name, version, dist = unfit.distribution, unfit.version, view.dist(unfit.distribution)
    plan = finding.plan(
        NAME,
        "manual",
        f"have the build of {name} {version} chosen again on this machine",
        _advice(unfit, view),
    )
    if unfit.build is not None or finding.severity is Severity.advice:
        return plan
    if dist is not None and (reason := why_not(dist)):
        return finding.skip(NAME, reason)
    return replace(plan, safety="unsafe", steps=[reinstall(view, name, version)])


def _advice(unfit: UnfitVariant, view: View) -> Advise:
    name, version = unfit.distribution, unfit.version
    if unfit.build is not None:
        text = "conda names what stands in the way where it has no such build of this version."
        return Advise(text=text, command=conda.add(view.facts, [f"{name}={version}={unfit.build}"]))
    text = "An installer that knows variants chooses by the driver and GPU that it sees."
    again = pip(view.facts, "install", "--force-reinstall", "--no-deps")
    return Advise(text=text, command=join([*again, f"{name}=={version}"]))
