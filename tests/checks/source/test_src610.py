"""SRC610: nvdiffrast's contexts where torch is a ROCm build."""

from __future__ import annotations

from typing import Any

import builders as b
import source_tree as t
from rows import Fires, Given, rows

from gpufix.checks.registry import ADVICE, WARNING, Fault
from gpufix.checks.source.src610_backend_unfit import backend_unfit
from gpufix.model import Severity
from gpufix.model.source_payload import ProjectFile

PORT = ["advise-rasteriser-port manual"]
CUDA = "ctx = dr.RasterizeCudaContext()"
CUBIN, HIP = b.code("sm_90"), b.code("gfx1101", kind="hip")


def of(text: str, files: dict[str, str] | None = None, **sections: Any) -> Given:
    """a.py with this from line 2 on, and a torch for AMD GPUs."""
    rocm = {"torch": b.torch("2.9.0+rocm6.4"), "toolkits": [b.rocm()], "gpus": [b.gpu("gfx1101")]}
    source = f"import nvdiffrast.torch as dr\n{text}\n"
    return t.project({"a.py": source, **(files or {})}, **(rocm | sections))


def built(code: list[Any], owner: str = "nvdiffrast") -> dict[str, Any]:
    """An installed package with compiled code."""
    return {"binaries": b.binaries(b.library("_C.so", code, distribution=owner))}


def makes(
    call: str,
    *lines: int,
    severity: Severity = WARNING,
    others: tuple[tuple[int, str], ...] = (),
    lacking: str = "torch 2.9.0+rocm6.4",
) -> Fault:
    calls = (*((line, call) for line in lines), *others)
    return Fault(
        severity,
        "a.py",
        f"a.py makes a {call}; {lacking} has no CUDA, and no nvdiffrast with code for "
        "AMD GPUs is installed.",
        evidence=tuple(t.at("a.py", line, name) for line, name in calls),
        payload=ProjectFile("a.py"),
    )


SILENT = {
    "a CUDA torch": of(CUDA, torch=b.torch(), gpus=[b.gpu()]),
    "no torch, for NVIDIA": of(CUDA, torch=None, gpus=[b.gpu()]),
    "no torch, and no target": of(CUDA, torch=None, gpus=[]),
    "no project": b.view(b.healthy_amd(project=None)),
    "no context": of("x = dr.interpolate(a, b, c)"),
    "tried": of(f"try:\n    {CUDA}\nexcept Exception:\n    ctx = None"),
    "never": of(f"if not torch.version.hip:\n    {CUDA}"),
    "another package's back end": of('ctx = RastContext(backend="vulkan")'),
    "a back end that a run chooses": of("ctx = RastContext(backend=choose())"),
    "a port is installed": of(CUDA, **built([*CUBIN, *HIP])),
    "a port itself": of(CUDA, {"nvdiffrast/torch/ops.py": ""}),
}

FIRING = {
    "no torch, for AMD": Fires(
        of(CUDA, torch=None), makes("RasterizeCudaContext", 2, lacking="gfx1101"), offers=PORT
    ),
    "the CUDA context": Fires(of(CUDA), makes("RasterizeCudaContext", 2), offers=PORT),
    "the OpenGL context": Fires(
        of("ctx = dr.RasterizeGLContext()"), makes("RasterizeGLContext", 2), offers=PORT
    ),
    "utils3d's, CUDA": Fires(
        of('ctx = RastContext(backend="cuda")'), makes("RastContext", 2), offers=PORT
    ),
    "utils3d's, OpenGL": Fires(
        of('ctx = RastContext(backend="gl")'), makes("RastContext", 2), offers=PORT
    ),
    "perhaps": Fires(
        of(f"if ask():\n    {CUDA}"), makes("RasterizeCudaContext", 3, severity=ADVICE), offers=PORT
    ),
    "one perhaps, one for sure": Fires(
        of(f"if ask():\n    {CUDA}\n{CUDA}"), makes("RasterizeCudaContext", 3, 4), offers=PORT
    ),
    "a kind of context each, the tried left out": Fires(
        of(f"{CUDA}\nc = dr.RasterizeGLContext()\ntry:\n    {CUDA}\nexcept Exception:\n    pass"),
        makes("RasterizeCudaContext", 2, others=((3, "RasterizeGLContext"),)),
        offers=PORT,
    ),
    "nvdiffrast for NVIDIA is installed": Fires(
        of(CUDA, **built(CUBIN)), makes("RasterizeCudaContext", 2), offers=PORT
    ),
    "another package for AMD is installed": Fires(
        of(CUDA, **built(HIP, "torch")), makes("RasterizeCudaContext", 2), offers=PORT
    ),
}

test_silent, test_firing = rows(backend_unfit, SILENT, FIRING)
