"""Build an extension again, against the torch and the Python that are installed."""

from __future__ import annotations

from gpufix.fixes.rebuild import rebuild
from gpufix.fixes.registry import fix
from gpufix.model import Finding, Plan, Skip
from gpufix.view import View

NAME = "rebuild-for-torch"


@fix(NAME, "ABI301", "ABI304", "ABI305", "SYM401")
def rebuild_for_torch(finding: Finding, view: View) -> Plan | Skip:
    """From its source. A C++ ABI that the build files fix to the other value is overruled."""
    torch = view.facts.torch
    abi = torch.cxx11_abi if torch and finding.code == "ABI301" else None
    return rebuild(NAME, finding, view, abi)
