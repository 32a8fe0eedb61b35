"""Install the NumPy that extension modules were built for."""

from __future__ import annotations

from gpufix.evidence.view import View
from gpufix.fixes.pins import no_numpy
from gpufix.fixes.registry import fix
from gpufix.model import Finding, Install, Plan, Skip


@fix("pin-numpy", "ABI303")
def pin_numpy(finding: Finding, view: View) -> Plan | Skip:
    """numpy<2; the other way out, a newer release of the extension, is for the user to choose."""
    wanted = "numpy<2"
    if reason := no_numpy(wanted, view):
        return finding.skip("pin-numpy", reason)
    return finding.plan(
        "pin-numpy",
        "unsafe",
        f"install {wanted}",
        Install(install=[wanted], dependencies=True),
        subjects=["numpy"],
        notes=[f"or a release of {finding.subject} that is built for NumPy 2"],
    )
