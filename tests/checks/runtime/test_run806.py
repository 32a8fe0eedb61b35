"""RUN806: a lack of device memory, as a log or a smoke run shows it."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import builders as b
from rows import Fires, rows

from gpufix.checks.registry import ERROR, Fault
from gpufix.checks.runtime.run806_out_of_memory import RUN806
from gpufix.evidence.view import View
from gpufix.explain.confirm import ran_out
from gpufix.explain.read import read
from gpufix.kernels.execute import OUT_OF_MEMORY, RunResult
from gpufix.kernels.toolchain import parse_target
from gpufix.model import Finding
from gpufix.smoke.smoke_findings import not_run


@dataclass(frozen=True)
class Log:
    """What a program wrote, and the environment at hand."""

    text: str
    view: View

    def findings(self) -> Sequence[Finding]:
        primary = read(io.BytesIO(self.text.encode()))[0].primary
        found = ran_out(primary) if primary else None
        return [found] if found else []


@dataclass(frozen=True)
class Run:
    """How kernels of the suite ended on a GPU of this architecture."""

    results: Sequence[RunResult]
    view: View
    arch: str = "sm_86"

    def findings(self) -> Sequence[Finding]:
        found = not_run(self.view.facts, parse_target(self.arch), self.results)
        return [f for f in found if f.code == RUN806.code]


def log(text: str, *more: Any, **sections: Any) -> Log:
    """Beside what is installed here, `more`."""
    dists = [*b.healthy().distributions, *more]
    return Log(text, b.view(b.healthy(distributions=dists, **sections)))


def run(*results: RunResult, arch: str = "sm_86", **gpu: Any) -> Run:
    card = b.gpu("sm_86", memory_free=322_122_547, **gpu)
    return Run(results, b.view(b.healthy(gpus=[card])), arch)


def ended(kernel: str, cause: str = OUT_OF_MEMORY, status: str = "error") -> RunResult:
    return RunResult(kernel, status, cause=cause, message="cudaMalloc: out of memory")


FRAME = '  File "/ws/scene/gaussian_model.py", line 134, in create_from_pcd\n    {}\n'
KNN = FRAME.format("dist2 = torch.clamp_min(distCUDA2(points), 0.0000001)")
SSIM = FRAME.format("loss = 1.0 - fused_ssim(image, target)")
RASTER = FRAME.format("self.glctx = dr.RasterizeCudaContext()")
THRUST = "RuntimeError: temporary_buffer::allocate: get_temporary_buffer failed"
TORCH = "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB"
RAW = "RuntimeError: Cuda error: 2[cudaMalloc(&m_gpuPtr, bytes);]"
NO_IMAGE = "CUDA error: no kernel image is available for execution on the device"
SCRATCH = (
    "A thrust or cub algorithm got no device memory for its scratch space, or its library holds no "
    "code for this GPU. Both fail with the same words; check the code first."
)
DEVICE = "Device memory ran out."
DIRECT = "A direct allocation of device memory failed."
OFFER = ["install-fallback unsafe"]


def fault(subject: str, message: str, *evidence: str) -> Fault:
    return Fault(ERROR, subject, message, evidence=evidence)


def of_run(kernels: str, free: str, arch: str = "sm_86") -> Fault:
    text = f"{kernels} on {arch}: {OUT_OF_MEMORY}{free}"
    return fault(kernels, text, "cudaMalloc: out of memory")


SILENT = {
    "nothing failed": log(KNN),
    "another error": log(f"{KNN}{NO_IMAGE}"),
    "a size that no GPU has is a wrong binary": log(
        f"{KNN}torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 66846724.00 GiB"
    ),
    "the host's memory": log("DataLoader worker (pid 12) is killed by signal: Killed"),
    "every kernel ran": run(RunResult("splat", "ok")),
    "a kernel ended for another reason": run(ended("splat", cause="device busy")),
    "a kernel does not apply": run(ended("splat", status="not applicable")),
}

FIRING = {
    "of an extension that has a fallback": Fires(
        log(KNN + THRUST, b.dist("simple-knn")), fault("simple_knn", SCRATCH, THRUST), offers=OFFER
    ),
    "of one that is not installed here": Fires(
        log(KNN + TORCH), fault("simple_knn", DEVICE, TORCH), offers=OFFER
    ),
    "of nvdiffrast": Fires(
        log(RASTER + RAW), fault("nvdiffrast_chunked", DIRECT, RAW), offers=OFFER
    ),
    "the fallback was at work": Fires(
        log(KNN + THRUST, b.dist("simple-knn", "1.0.0+gpufix")),
        fault("simple_knn", SCRATCH, THRUST),
    ),
    "of one whose fallback asks for as much": Fires(
        log(KNN + SSIM + TORCH, b.dist("fused-ssim")), fault("fused_ssim", DEVICE, TORCH)
    ),
    "of the program itself": Fires(log(TORCH), fault("GPU memory", DEVICE, TORCH)),
    "of a kernel of the suite": Fires(
        run(ended("splat")), of_run("splat", "; 0.3 of 24.0 GiB were free before.")
    ),
    "of two kernels on two such GPUs": Fires(
        Run(
            [ended("splat"), ended("knn"), ended("launch", cause="device busy")],
            b.view(
                b.healthy(
                    gpus=[
                        b.gpu("sm_86"),
                        b.gpu("sm_89", index=1, memory_free=0),
                        b.gpu("sm_86", index=2, memory_free=2**30),
                        b.gpu("sm_86", index=3, memory_free=None),
                        b.gpu("sm_86", index=4, memory_total=None),
                    ]
                )
            ),
        ),
        of_run("splat, knn", "; 23.0 of 24.0 GiB, 1.0 of 24.0 GiB were free before."),
    ),
    "what was free is not known": Fires(
        run(ended("splat"), memory_total=None), of_run("splat", "")
    ),
    **{
        f"it ended with: {status}": Fires(
            run(ended("splat", status=status)),
            of_run("splat", "; 0.3 of 24.0 GiB were free before."),
        )
        for status in ("crashed", "timeout", "bad output")
    },
}

test_silent, test_firing = rows((RUN806, lambda given: given.findings()), SILENT, FIRING)
