"""Have a package open the libraries that are installed for it."""

from __future__ import annotations

from gpufix.evidence.view import View
from gpufix.fixes.registry import fix
from gpufix.model import Advise, Finding, Plan
from gpufix.model.payload import UnopenedLibrary


@fix("call-preload", "SYM402")
def call_preload(finding: Finding, view: View) -> Plan | None:
    """The call belongs into the program, before the package first uses the GPU."""
    if not isinstance(finding.payload, UnopenedLibrary):
        return None
    return Plan(
        fix="call-preload",
        codes=[finding.code],
        subjects=[finding.subject],
        title=f"call {finding.payload.call} before the GPU is first used",
        safety="manual",
        steps=[
            Advise(text="An import of a torch for the same CUDA, before, opens the same libraries.")
        ],
    )
