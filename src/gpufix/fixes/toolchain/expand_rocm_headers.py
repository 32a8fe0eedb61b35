"""ROCm's headers for builds, which lie packed in a wheel until `rocm-sdk init` runs."""

from __future__ import annotations

from gpufix.evidence.view import View
from gpufix.fixes.registry import fix
from gpufix.knowledge import rocm_wheels
from gpufix.model import Advise, Finding, Plan, SetVariables
from gpufix.model.payload import RocmHeaders

NAME = "expand-rocm-headers"


@fix(NAME, "TCH204")
def expand_rocm_headers(finding: Finding, view: View) -> Plan | None:
    """The tree that `rocm-sdk init` unpacks has all of ROCm's headers."""
    fault = finding.payload
    if not isinstance(fault, RocmHeaders):
        return None
    if fault.root is not None:
        return finding.plan(
            NAME,
            "safe",
            f"set ROCM_HOME to {fault.root}",
            SetVariables(variables={"ROCM_HOME": fault.root}),
        )
    steps = [] if fault.packed else [Advise(text="It is on AMD's own index.", command=_devel(view))]
    steps.append(Advise(text="It unpacks the headers and libraries.", command="rocm-sdk init"))
    return finding.plan(NAME, "manual", "unpack ROCm's headers", *steps)


def _devel(view: View) -> str:
    core = view.dist("rocm-sdk-core")
    version = f"=={core.version}" if core else ""
    return f'pip install --index-url {rocm_wheels.index()} "rocm-sdk-devel{version}"'
