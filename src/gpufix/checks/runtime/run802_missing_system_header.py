"""RUN802."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from gpufix.checks.registry import ADVICE, WARNING, Fault, rule
from gpufix.evidence.source_view import absolute, active, at, python_files
from gpufix.evidence.view import View
from gpufix.knowledge.data_table import at_least
from gpufix.model.payload import RasteriserCall, RasteriserCalls

if TYPE_CHECKING:
    from gpufix.source.source_facts import RasteriserContext

_HEADER = "EGL/egl.h"
_NO_GL_SINCE = "0.4.0"
_VERSION = re.compile(r"^__version__\s*=\s*['\"]([\d.]+)['\"]", re.M)


@rule("RUN802", "missing-system-header")
def missing_system_header(view: View) -> Iterator[Fault]:
    """A back end that is compiled at its first use needs headers that are not here.

    ## What it does
    Where a source makes nvdiffrast's OpenGL context and the nvdiffrast installed is below 0.4,
    looks for EGL's header where a compiler would. Where none is installed, the project's own
    counts: a submodule's, for example.

    ## Why it matters
    nvdiffrast compiles its OpenGL plug-in when it is first used: `fatal error: EGL/egl.h: No such
    file or directory`.

    ## Example
    `scene/mesh.py makes a RasterizeGLContext; nvdiffrast 0.3.3 compiles it with EGL/egl.h, which
    is not here.`

    ## Severity
    Warning; advice where only a run would tell whether the line is reached.

    ## Fix
    Unsafe: nvdiffrast's CUDA context, which needs no header. Manual: the system packages.

    ## Source
    nvdiffrast 0.3.3: torch/ops.py and common/glutil.h; 0.4.0 has no OpenGL.
    """
    release = _release(view)
    if release is None or at_least(release, _NO_GL_SINCE) or view.facts.host.os != "Linux":
        return
    files = python_files(view).items()
    calls = {path: found for path, facts in files if (found := _opengl(view, facts.backends))}
    if not calls or view.system_header(_HEADER) is not False:
        return
    for path, found in calls.items():
        certain = any(active(view, r.guards) for r in found)
        yield Fault(
            severity=WARNING if certain else ADVICE,
            subject=path,
            message=f"{path} makes a {found[0].call}; nvdiffrast {release} compiles it with "
            f"{_HEADER}, which is not here.",
            evidence=tuple(at(view, path, r.line, r.call) for r in found),
            payload=RasteriserCalls(
                path, tuple(RasteriserCall(r.line, r.call) for r in found), "cuda"
            ),
        )


def _release(view: View) -> str | None:
    """Of the nvdiffrast that is installed, else of the project's own sources of it."""
    dist = view.dist("nvdiffrast")
    if dist is not None:
        return dist.version
    for path, facts in python_files(view).items():
        folder, _, name = path.rpartition("/")
        if name == "setup.py" and facts.setup == "nvdiffrast":
            inner = f"{folder}/nvdiffrast/__init__.py".lstrip("/")
            source = view.source(absolute(view, inner))
            found = _VERSION.search(source.text) if source else None
            if found is not None:
                return found[1]
    return None


def _opengl(view: View, rows: Sequence[RasteriserContext]) -> list[RasteriserContext]:
    """Those that make an OpenGL context, and can be reached."""
    asked = [r for r in rows if r.call == "RasterizeGLContext" or r.backend == "gl"]
    reached = [r for r in asked if not r.tried and active(view, r.guards) is not False]
    return sorted(reached, key=lambda r: r.line)
