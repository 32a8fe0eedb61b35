"""Build an extension again, with code for the targets."""

from __future__ import annotations

from gpufix.checks.building import cuda_torch, rocm_torch, toolkit_in_use
from gpufix.fixes.rebuild import rebuild
from gpufix.fixes.registry import fix
from gpufix.model import Finding, Plan, Skip
from gpufix.view import View

NAME = "rebuild-for-target"


@fix(NAME, "GPU103", "GPU104", "GPU108")
def rebuild_for_target(finding: Finding, view: View) -> Plan | Skip:
    """From its source, when a compiler that generates code for the targets is here."""
    if finding.subject == "torch":
        return _skip(finding, "torch itself is not rebuilt")
    if rocm_torch(view) and toolkit_in_use(view, "rocm") is None:
        return _skip(finding, "no hipcc is here to build with")
    if not rocm_torch(view) and cuda_torch(view) is None:
        return _skip(finding, "torch has no CUDA to build with")
    return rebuild(NAME, finding, view)


def _skip(finding: Finding, reason: str) -> Skip:
    return Skip(fix=NAME, code=finding.code, subject=finding.subject, reason=reason)
