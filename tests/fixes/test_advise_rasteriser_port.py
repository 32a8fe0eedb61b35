"""advise-rasteriser-port: nothing is run or written, and no context of nvdiffrast's is put for another."""

from __future__ import annotations

from pathlib import Path

import builders as b
import pytest
import source_tree as t

from gpufix.checks.source.src610_backend_unfit import backend_unfit
from gpufix.fixes.planner import Planner
from gpufix.fixes.registry import builtin_fixes


@pytest.mark.parametrize("version", ["0.3.3", "0.4.0"])
@pytest.mark.parametrize("context", ["RasterizeCudaContext", "RasterizeGLContext"])
def test_a_port_is_all_that_is_offered(version: str, context: str, tmp_path: Path) -> None:
    t.write(tmp_path, {"a.py": f"import nvdiffrast.torch as dr\nctx = dr.{context}()\n"})
    view = t.look(
        tmp_path,
        "gfx1101",
        torch=b.torch("2.9.0+rocm6.4"),
        toolkits=[b.rocm()],
        distributions=[b.dist("nvdiffrast", version)],
        answers={"system-header:EGL/egl.h": "/usr/include/EGL/egl.h"},
    )
    (finding,) = t.found(backend_unfit, view)
    (plan,) = Planner(builtin_fixes(), view).plans(finding)
    assert (plan.safety, [step.kind for step in plan.steps]) == ("manual", ["advise"])
