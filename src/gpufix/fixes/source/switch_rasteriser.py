"""Use nvdiffrast's CUDA context in the place of OpenGL's."""

from __future__ import annotations

from gpufix.evidence.view import View
from gpufix.fixes.registry import fix
from gpufix.fixes.runtime.backend_fit import why_not_package
from gpufix.fixes.source.planned_edits import rewrite
from gpufix.model import Advise, Finding, Plan, Skip
from gpufix.model.payload import RasteriserCalls
from gpufix.source.python import python_edits

NAME = "switch-rasteriser"


@fix(NAME, "RUN802")
def switch_rasteriser(finding: Finding, view: View) -> Plan | Skip:
    """Each call on its own line; results differ in rounding, so it is unsafe."""
    found = finding.payload_as(RasteriserCalls)
    path = found.path
    if reason := _unfit(view):
        return finding.skip(NAME, reason)

    def change(text: str) -> str | None:
        for call in found.calls:
            changed = _changed(text, call.line, call.name)
            if changed is None:
                return None
            text = changed
        return text

    write = rewrite(view, path, change)
    if write is None:
        reason = f"{path} does not make it in a form that is changed with confidence"
        return finding.skip(NAME, reason)
    return finding.plan(NAME, "unsafe", f"use nvdiffrast's CUDA context in {path}", write)


def _changed(text: str, line: int, call: str) -> str | None:
    if call == "RastContext":
        return python_edits.set_literal(text, line, call, "backend", "cuda")
    return python_edits.rename(text, {line}, f".{call}", "RasterizeCudaContext")


def _unfit(view: View) -> str | None:
    """Why the CUDA context is no way out. What is not compiled is so at its first use."""
    dist = view.dist("nvdiffrast")
    compiled = any(x.distribution == "nvdiffrast" for x in view.facts.binaries.libraries)
    return why_not_package(view, dist) if dist and compiled else None


@fix("install-gl-headers", "RUN802")
def install_gl_headers(finding: Finding, view: View) -> Plan:
    """System packages are the user's to install."""
    return finding.plan(
        "install-gl-headers",
        "manual",
        "install the EGL and OpenGL headers",
        Advise(
            text="nvdiffrast's OpenGL plug-in is compiled with these headers",
            command="sudo apt install libegl-dev libopengl-dev libgles-dev",
        ),
    )
