"""Have the build chosen again, on this machine."""

from __future__ import annotations

from gpufix.evidence import conda
from gpufix.evidence.view import View
from gpufix.fixes.commands import pip
from gpufix.fixes.registry import fix
from gpufix.model import Advise, Finding, Plan
from gpufix.model.payload import UnfitVariant
from gpufix.text.shell import join


@fix("choose-variant", "WHL511")
def choose_variant(finding: Finding, view: View) -> Plan:
    """Which builds an index or a channel has is for the installer to see: printed, never run."""
    unfit = finding.payload_as(UnfitVariant)
    name, version = unfit.distribution, unfit.version
    if unfit.build is not None:
        text = "conda names what stands in the way where it has no such build of this version."
        command = conda.add(view.facts, [f"{name}={version}={unfit.build}"])
    else:
        text = "An installer that knows variants chooses by the driver and GPU that it sees."
        again = pip(view.facts, "install", "--force-reinstall", "--no-deps")
        command = join([*again, f"{name}=={version}"])
    return Plan(
        fix="choose-variant",
        codes=["WHL511"],
        subjects=[finding.subject],
        title=f"have the build of {name} {version} chosen again on this machine",
        safety="manual",
        steps=[Advise(text=text, command=command)],
    )
