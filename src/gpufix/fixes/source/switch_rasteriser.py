"""Use nvdiffrast's other context."""

from __future__ import annotations

from gpufix.evidence.view import View
from gpufix.fixes.registry import fix
from gpufix.fixes.runtime.backend_fit import why_not_package
from gpufix.fixes.source.planned_edits import rewrite
from gpufix.knowledge.data_table import at_least
from gpufix.model import Advise, Finding, Plan, Skip
from gpufix.model.payload import RasteriserCalls
from gpufix.source.python import python_edits

NAME = "switch-rasteriser"
_CONTEXTS = {"gl": "RasterizeGLContext", "cuda": "RasterizeCudaContext"}


@fix(NAME, "SRC610", "RUN802")
def switch_rasteriser(finding: Finding, view: View) -> Plan | Skip:
    """Each call on its own line; results differ in rounding, so it is unsafe."""
    found = finding.payload_as(RasteriserCalls)
    wanted, path = found.wanted, found.path
    if reason := _without_choice(view, wanted):
        return Skip(fix=NAME, code=finding.code, subject=finding.subject, reason=reason)

    def change(text: str) -> str | None:
        for call in found.calls:
            changed = _changed(text, call.line, call.name, wanted)
            if changed is None:
                return None
            text = changed
        return text

    write = rewrite(view, path, change)
    if write is None:
        reason = f"{path} does not make it in a form that is changed with confidence"
        return Skip(fix=NAME, code=finding.code, subject=finding.subject, reason=reason)
    return Plan(
        fix=NAME,
        codes=[finding.code],
        subjects=[finding.subject],
        title=f"use nvdiffrast's {'OpenGL' if wanted == 'gl' else 'CUDA'} context in {path}",
        safety="unsafe",
        steps=[write],
    )


def _changed(text: str, line: int, call: str, wanted: str) -> str | None:
    if call == "RastContext":
        return python_edits.set_literal(text, line, call, "backend", wanted)
    return python_edits.rename(text, {line}, f".{call}", _CONTEXTS[wanted])


def _without_choice(view: View, wanted: str) -> str | None:
    """Why the other context is no way out."""
    dist = view.dist("nvdiffrast")
    if wanted == "cuda":
        compiled = any(x.distribution == "nvdiffrast" for x in view.facts.binaries.libraries)
        return why_not_package(view, dist) if dist and compiled else None  # else at its first use
    if dist is None:
        return "no nvdiffrast is installed: whether its release has OpenGL is not known"
    if at_least(dist.version, "0.4.0"):
        return "nvdiffrast from 0.4 has no OpenGL: no context of it works on this torch"
    here = view.system_header("EGL/egl.h")
    if here is None:
        return "whether EGL's headers are here could not be looked at"
    return None if here else "EGL's headers are not here (libegl-dev)"


@fix("install-gl-headers", "RUN802")
def install_gl_headers(finding: Finding, view: View) -> Plan:
    """System packages are the user's to install."""
    return Plan(
        fix="install-gl-headers",
        codes=["RUN802"],
        subjects=[finding.subject],
        title="install the EGL and OpenGL headers",
        safety="manual",
        steps=[
            Advise(
                text="nvdiffrast's OpenGL plug-in is compiled with these headers",
                command="sudo apt install libegl-dev libopengl-dev libgles-dev",
            )
        ],
    )
