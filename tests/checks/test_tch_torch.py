"""TCH201: the build of torch against the vendors of the targets."""

from __future__ import annotations

import builders as b
import pytest

from gpufix.checks.toolchain.tch201_torch_variant_mismatch import torch_variant_mismatch

IGPU = b.gpu("gfx1036", integrated=True)
SILENT = {
    "healthy": (b.healthy(), ()),
    "healthy AMD": (b.healthy_amd(), ()),
    "CPU build, no GPU": (b.facts(torch=b.torch("2.13.0+cpu")), ()),
    "no torch": (b.facts(), ("sm_120",)),
    "half of torch": (b.facts(torch=b.torch("2.13.0+cpu", state="broken")), ("sm_120",)),
    "an iGPU of AMD beside the card": (b.healthy(gpus=[b.gpu("sm_89"), IGPU]), ()),
    "what the build is for is not known": (
        b.facts(torch=b.torch("2.13.0", variant=None, build="source")),
        ("sm_120",),
    ),
    "one of two named vendors": (b.healthy(), ("sm_89", "gfx1101")),
}


@pytest.mark.parametrize("case", SILENT)
def test_silent(case: str) -> None:
    facts, named = SILENT[case]
    assert b.run(torch_variant_mismatch, facts, *named) == []


FIRING = {
    "CPU build, named": (
        b.facts(torch=b.torch("2.13.0+cpu")),
        ("sm_120",),
        "error",
        "torch 2.13.0+cpu is a CPU build; sm_120 (--gpu sm_120) needs a CUDA build.",
    ),
    "CPU build, visible": (
        b.healthy(torch=b.torch("2.13.0+cpu")),
        (),
        "error",
        "torch 2.13.0+cpu is a CPU build; sm_89 (NVIDIA GeForce RTX 4090) needs a CUDA build.",
    ),
    "CUDA build on AMD": (
        b.healthy_amd(torch=b.torch()),
        (),
        "error",
        "torch 2.9.0+cu128 is a CUDA build; gfx1100 (AMD Radeon RX 7900 XTX) needs a ROCm build.",
    ),
    "ROCm build on NVIDIA": (
        b.healthy(torch=b.torch("2.9.0+rocm6.4")),
        (),
        "error",
        "torch 2.9.0+rocm6.4 is a ROCm build; sm_89 (NVIDIA GeForce RTX 4090) needs a CUDA build.",
    ),
    "CPU build and a processor's graphics": (
        b.facts(torch=b.torch("2.13.0+cpu"), gpus=[IGPU]),
        (),
        "advice",
        "torch 2.13.0+cpu is a CPU build; gfx1036 (GPU of gfx1036) needs a ROCm build.",
    ),
}


@pytest.mark.parametrize("case", FIRING)
def test_firing(case: str) -> None:
    facts, named, severity, message = FIRING[case]
    (finding,) = b.run(torch_variant_mismatch, facts, *named)
    assert (finding.severity.value, finding.message) == (severity, message)
