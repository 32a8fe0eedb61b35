"""What only the user of a Windows machine can do about the Visual C++ runtime."""

from __future__ import annotations

from posixpath import dirname

from gpufix.evidence.view import View
from gpufix.fixes.registry import fix
from gpufix.model import Advise, Finding, Plan, Step
from gpufix.model.payload import VcRuntime

NAME = "advise-vc-runtime"
_PACKAGE = {"AMD64": ("Microsoft.VCRedist.2015+.x64", "vc_redist.x64.exe"),
            "ARM64": ("Microsoft.VCRedist.2015+.arm64", "vc_redist.arm64.exe")}  # fmt: skip


@fix(NAME, "ABI306")
def advise_vc_runtime(finding: Finding, view: View) -> Plan:
    """The current runtime; of an old copy beside python.exe, its replacement."""
    runtime, python, windows = finding.payload_as(VcRuntime), view.facts.python, view.facts.windows
    package, program = _PACKAGE.get((python.machine if python else None) or "", _PACKAGE["AMD64"])
    system = windows.system32 if windows else None
    steps: list[Step] = [
        Advise(
            text=f"{program} of https://aka.ms/vc14 installs it for all programs.",
            command=f"winget install --id {package}",
        )
    ]
    if runtime.path and dirname(runtime.path) != system:
        text = f"{runtime.path} is found before System32's copy: replace it by that one."
        steps.append(Advise(text=text))
    return finding.plan(NAME, "manual", "install the current Visual C++ runtime", *steps)
