"""Install the NumPy that extension modules were built for."""

from __future__ import annotations

from gpufix.evidence.view import View
from gpufix.fixes.registry import fix
from gpufix.model import Finding, Install, Plan


@fix("pin-numpy", "ABI303")
def pin_numpy(finding: Finding, view: View) -> Plan:
    """numpy<2; the other way out, a newer release of the extension, is for the user to choose."""
    return Plan(
        fix="pin-numpy",
        codes=["ABI303"],
        subjects=["numpy"],
        title="install numpy<2",
        safety="unsafe",
        steps=[Install(install=["numpy<2"], dependencies=True)],
        notes=[f"or a release of {finding.subject} that is built for NumPy 2"],
    )
