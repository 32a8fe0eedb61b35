"""TCH202: the toolkit's major version against torch's."""

from __future__ import annotations

import builders as b
from rows import Fires, rows

from gpufix.checks.registry import ERROR, Fault
from gpufix.checks.toolchain.tch202_toolkit_major_mismatch import toolkit_major_mismatch
from gpufix.evidence.view import View
from gpufix.model import Environment
from gpufix.model.payload import ToolkitInUse

CUDA_13 = b.toolkit("13.0")


def of(*toolkits: object, **sections: object) -> View:
    """torch 2.9.0+cu128 beside these toolkits."""
    return b.view(b.healthy(toolkits=list(toolkits), **sections))


def pointed(home: str | None) -> Environment:
    return Environment(overlay={"CUDA_HOME": home})


def fault(version: str = "13.0", torch: str = "2.9.0+cu128", cuda: str = "12.8") -> Fault:
    root = f"/usr/local/cuda-{version}"
    return Fault(
        ERROR,
        root,
        f"A build would use CUDA {version} in {root} (from /usr/local); torch {torch} is built for "
        f"CUDA {cuda}, and cpp_extension refuses another major version.",
        evidence=(f"nvcc: {root}/bin/nvcc",),
        breaks=("toolkit",),
        payload=ToolkitInUse("cuda", version),
    )


SILENT = {
    "healthy": b.view(b.healthy()),
    "healthy AMD": b.view(b.healthy_amd()),
    "another minor version": of(b.toolkit("12.4")),
    "nothing to build": of(CUDA_13, project=b.project(builds=False)),
    "no project": of(CUDA_13, project=None),
    "no torch": of(CUDA_13, torch=None),
    "torch for CPUs": of(CUDA_13, torch=b.torch("2.13.0+cpu")),
    "torch for ROCm": of(CUDA_13, torch=b.torch("2.9.0+rocm6.4")),
    "no toolkit": of(),
    "a toolkit without nvcc": of(b.toolkit("13.0", compiler=None)),
    "a toolkit that no build would use": of(b.toolkit("13.0", selected=False)),
    "a toolkit of unknown version": of(b.toolkit(None)),
    "the environment file names another": of(
        CUDA_13, b.toolkit("12.8", selected=False), environment=pointed("/usr/local/cuda-12.8/")
    ),
    "the environment file unsets CUDA_HOME, and PATH has another": of(
        b.toolkit("13.0", origin="CUDA_HOME"),
        b.toolkit("12.8", origin="PATH", selected=False),
        environment=pointed(None),
    ),
}

FIRING = {
    "CUDA 13 for a torch of CUDA 12": Fires(of(CUDA_13), fault()),
    "another that fits is here": Fires(
        of(CUDA_13, b.toolkit("12.6", selected=False)),
        fault(),
        offers=["point-cuda-home safe"],
    ),
    "CUDA 12 for a torch of CUDA 13": Fires(
        of(b.toolkit("12.4"), torch=b.torch("2.13.0+cu130")),
        fault("12.4", "2.13.0+cu130", "13.0"),
        offers=["install-toolkit-wheels unsafe"],
    ),
}

test_silent, test_firing = rows(toolkit_major_mismatch, SILENT, FIRING)
