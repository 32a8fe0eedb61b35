"""TCH201: the build of torch against the vendors of the targets."""

from __future__ import annotations

import builders as b
from rows import Fires, rows

from gpufix.checks.registry import ADVICE, ERROR, Fault
from gpufix.checks.toolchain.tch201_torch_variant_mismatch import torch_variant_mismatch
from gpufix.evidence.view import View
from gpufix.model import Severity

IGPU = b.gpu("gfx1036", integrated=True)
CPU = b.facts(torch=b.torch("2.13.0+cpu"))


def fault(message: str, severity: Severity = ERROR) -> Fault:
    return Fault(
        severity,
        "torch",
        message,
        evidence=(f"{b.SITE}/torch/version.py",),
        breaks=("torch-gpu",),
    )


def of(local: str, *named: str, **changes: object) -> View:
    return b.view(b.facts(torch=b.torch(f"2.13.0+{local}", **changes)), *named)


SILENT = {
    "healthy": b.view(b.healthy()),
    "healthy AMD": b.view(b.healthy_amd()),
    "CPU build, no GPU": b.view(CPU),
    "no torch": b.view(b.facts(), "sm_120"),
    "half of torch": of("cpu", "sm_120", state="broken"),
    "an iGPU of AMD beside the card": b.view(b.healthy(gpus=[b.gpu("sm_89"), IGPU])),
    "what the build is for is not known": of("local", "sm_120", variant=None, build="source"),
    "one of two named vendors": b.view(b.healthy(), "sm_89", "gfx1101"),
    "no GPU is seen, and none is named": b.view(b.facts(torch=b.torch())),
}

FIRING = {
    "CPU build, named": Fires(
        b.view(CPU, "sm_120"),
        fault("torch 2.13.0+cpu is a CPU build; sm_120 (--gpu sm_120) needs a CUDA build."),
        offers=["install-torch-build unsafe"],
    ),
    "CPU build, visible": Fires(
        b.view(b.healthy(torch=b.torch("2.13.0+cpu"))),
        fault(
            "torch 2.13.0+cpu is a CPU build; sm_89 (NVIDIA GeForce RTX 4090) needs a CUDA build."
        ),
        offers=["install-torch-build unsafe"],
    ),
    "CUDA build on AMD": Fires(
        b.view(b.healthy_amd(torch=b.torch())),
        fault(
            "torch 2.9.0+cu128 is a CUDA build; gfx1100 (AMD Radeon RX 7900 XTX) needs a ROCm build."
        ),
        offers=["install-torch-build unsafe"],
    ),
    "ROCm build on NVIDIA": Fires(
        b.view(b.healthy(torch=b.torch("2.9.0+rocm6.4"))),
        fault(
            "torch 2.9.0+rocm6.4 is a ROCm build; sm_89 (NVIDIA GeForce RTX 4090) needs a CUDA build."
        ),
        offers=["install-torch-build unsafe"],
    ),
    "XPU build, both vendors named": Fires(
        of("xpu", "sm_89", "gfx1101"),
        fault(
            "torch 2.13.0+xpu is an XPU build; sm_89 (--gpu sm_89), gfx1101 (--gpu gfx1101) need "
            "a CUDA or a ROCm build."
        ),
        offers=["install-torch-build unsafe"],
    ),
    "five targets, of which four are named": Fires(
        of("cpu", "sm_75", "sm_80", "sm_86", "sm_89", "sm_90"),
        fault(
            "torch 2.13.0+cpu is a CPU build; sm_75 (--gpu sm_75), sm_80 (--gpu sm_80), "
            "sm_86 (--gpu sm_86), sm_89 (--gpu sm_89) need a CUDA build."
        ),
        offers=["install-torch-build unsafe"],
    ),
    "a GPU without a name": Fires(
        b.view(b.facts(torch=b.torch("2.13.0+cpu"), gpus=[b.gpu("sm_89", name=None)])),
        fault("torch 2.13.0+cpu is a CPU build; sm_89 (GPU 0) needs a CUDA build."),
        offers=["install-torch-build unsafe"],
    ),
    "a card and a processor's graphics, both AMD's": Fires(
        b.view(
            b.facts(
                torch=b.torch("2.9.0+cpu"),
                gpus=[b.gpu("gfx1100"), b.gpu("gfx1036", index=1, integrated=True)],
            )
        ),
        fault(
            "torch 2.9.0+cpu is a CPU build; gfx1100 (GPU of gfx1100), gfx1036 (GPU of gfx1036) "
            "need a ROCm build."
        ),
    ),
    "a card of NVIDIA and a processor's graphics of AMD": Fires(
        b.view(b.facts(torch=b.torch("2.13.0+cpu"), gpus=[b.gpu("sm_89"), IGPU])),
        fault(
            "torch 2.13.0+cpu is a CPU build; sm_89 (GPU of sm_89), gfx1036 (GPU of gfx1036) "
            "need a CUDA or a ROCm build."
        ),
        offers=["install-torch-build unsafe"],
    ),
    "a Jetson's own GPU is what it has": Fires(
        b.view(b.facts(torch=b.torch("2.9.0+cpu"), gpus=[b.gpu("sm_87", integrated=True)])),
        fault("torch 2.9.0+cpu is a CPU build; sm_87 (GPU of sm_87) needs a CUDA build."),
        offers=["install-torch-build unsafe"],
    ),
    "CPU build and a processor's graphics": Fires(
        b.view(b.facts(torch=b.torch("2.13.0+cpu"), gpus=[IGPU])),
        fault(
            "torch 2.13.0+cpu is a CPU build; gfx1036 (GPU of gfx1036) needs a ROCm build.",
            ADVICE,
        ),
    ),
}

test_silent, test_firing = rows(torch_variant_mismatch, SILENT, FIRING)
