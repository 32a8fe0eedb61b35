"""Choose an installed host compiler that nvcc and torch accept."""

from __future__ import annotations

from gpufix.evidence.building import ccbin, compilers, cuda_torch, objections
from gpufix.evidence.view import View
from gpufix.fixes.registry import fix
from gpufix.knowledge import cuda as host_compilers
from gpufix.knowledge.data_table import numbers
from gpufix.knowledge.windows import accepted_toolsets
from gpufix.model import Advise, Finding, Plan, SetVariables, Tool
from gpufix.model.payload import ToolkitInUse

NAME = "choose-host-compiler"


@fix(NAME, "TCH205")
def choose_host_compiler(finding: Finding, view: View) -> Plan | None:
    """The newest g++ or clang++ here without an objection; GCC before clang."""
    torch, cuda = cuda_torch(view), finding.payload_as(ToolkitInUse).version
    if view.facts.host.os == "Windows":
        return _toolset(finding, cuda)
    if torch is None:
        return None
    fitting = [t for t in compilers(view) if not list(objections(view, t, cuda, torch))]
    if not fitting:
        return _install(finding, cuda)
    best = max(fitting, key=lambda t: ("g++" in t.name, numbers(t.version or "")))
    return finding.plan(
        NAME,
        "safe",
        f"build with {best.name} {best.version}",
        SetVariables(variables=_variables(view, best)),
        subjects=["CC", "CXX"],
    )


def _variables(view: View, best: Tool) -> dict[str, str | None]:
    """torch gives CC to nvcc. A -ccbin in a variable must not contradict it."""
    sibling = best.path.replace("clang++", "clang").replace("g++", "gcc")
    present = any(t.path == sibling for t in view.facts.tools)
    chosen: dict[str, str | None] = {"CXX": best.path, "CUDAHOSTCXX": best.path}
    if present:
        chosen["CC"] = sibling
    for name in ("NVCC_PREPEND_FLAGS", "NVCC_APPEND_FLAGS"):
        old = ccbin(view, name)
        if old:
            chosen[name] = (view.env(name) or "").replace(old, best.path)
    if not present and "NVCC_PREPEND_FLAGS" not in chosen:
        flags = [f"-ccbin {best.path}", view.env("NVCC_PREPEND_FLAGS") or ""]
        chosen["NVCC_PREPEND_FLAGS"] = " ".join(flags).strip()
        chosen["CC"] = None
    return chosen


def _install(finding: Finding, cuda: str) -> Plan:
    limit = host_compilers.limit(cuda, "gcc")
    newest = limit.max_major if limit and limit.max_major else None
    named = f"g++-{newest}" if newest else "a g++ that it accepts"
    return finding.plan(
        NAME,
        "manual",
        f"install {named} beside the present compiler",
        Advise(
            text=f"nvcc {cuda} needs another host compiler; the package is named after it on "
            "Debian and Ubuntu, gcc-toolset-N on Red Hat's.",
            command=f"sudo apt-get install g++-{newest}" if newest else None,
        ),
    )


def _toolset(finding: Finding, cuda: str) -> Plan | None:
    """Visual Studio's installer has older toolsets; vcvarsall.bat chooses one."""
    accepted = accepted_toolsets(cuda)
    if accepted is None:
        return None
    return finding.plan(
        NAME,
        "manual",
        f"build with a toolset of Visual C++ before {accepted[1]}",
        Advise(
            text="Add one in Visual Studio's installer (Individual components), then choose it "
            "in the shell that builds:",
            command="vcvarsall.bat x64 -vcvars_ver=14.39"
            if accepted[1] == "14.40"
            else "vcvarsall.bat x64 -vcvars_ver=14.44",
        ),
    )
