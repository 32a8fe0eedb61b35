"""Install a missing build tool."""

from __future__ import annotations

from gpufix.evidence.view import View
from gpufix.fixes.pins import from_address
from gpufix.fixes.registry import fix
from gpufix.model import Advise, Finding, Install, Plan, Safety, Skip
from gpufix.model.payload import MissingModules, MissingRequirements, MissingTool

NAME = "install-build-tools"
_SYSTEM = {
    "g++": ("a C++ compiler comes with the system's packages", "sudo apt-get install g++"),
    "cl.exe": (
        "Visual C++ is the workload Desktop development with C++ of Visual Studio's build tools",
        "winget install --id Microsoft.VisualStudio.2022.BuildTools --override "
        '"--wait --passive --add Microsoft.VisualStudio.Workload.VCTools --includeRecommended"',
    ),
    "Python.h": ("the headers come with the package of this Python", None),
}


@fix(NAME, "TCH207")
def install_build_tools(finding: Finding, view: View) -> Plan | Skip | None:
    """ninja, cmake, setuptools and wheel come from the package index, the rest from the system."""
    missing, python = finding.payload, view.facts.python
    if isinstance(missing, MissingModules):
        return _for_modules(finding, missing)
    if not isinstance(missing, MissingTool):
        return None
    tool = missing.name
    if tool in _SYSTEM:
        text, command = _SYSTEM[tool]
        if tool == "Python.h" and python:
            minor = ".".join(python.version.split(".")[:2])
            command = f"sudo apt-get install python{minor}-dev"
            if python.platform == "win32":
                text = (
                    f"python.org's installer of Python {minor} brings include and libs: copy both "
                    f"into {python.base_prefix}"
                )
                command = None
        return _plan(finding, tool, "manual", Advise(text=text, command=command))
    reason = from_address(tool) if missing.direct else None
    if reason:
        return finding.skip(NAME, reason, subject=tool)
    others = missing.others if isinstance(missing, MissingRequirements) else ()
    tools = [tool, *others]
    return _plan(finding, ", ".join(tools), "unsafe", Install(install=tools, dependencies=True))


def _for_modules(finding: Finding, missing: MissingModules) -> Plan | Skip:
    rows = zip(missing.modules, missing.distributions, strict=True)
    if unknown := [module for module, distribution in rows if not distribution]:
        reason = f"no distribution is known to hold {', '.join(unknown)}"
        return Skip(fix=NAME, code="TCH207", subject=finding.subject, reason=reason)
    names = list(dict.fromkeys(missing.distributions))
    return _plan(finding, ", ".join(names), "unsafe", Install(install=names, dependencies=True))


def _plan(finding: Finding, tool: str, safety: Safety, step: Advise | Install) -> Plan:
    return finding.plan(
        NAME, safety, f"install {tool}" if tool != "Python.h" else "install Python's headers", step
    )
