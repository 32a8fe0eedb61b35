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


def fault(message: str, severity: Severity = ERROR, *aside: str) -> Fault:
    return Fault(
        severity,
        "torch",
        message,
        evidence=(f"{b.SITE}/torch/version.py", *aside),
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
    "CUDA, beside another card of the other vendor": b.view(
        b.healthy(gpus=[b.gpu("sm_89"), b.gpu("gfx1100", index=1)])
    ),
    "no GPU is seen, and none is named": b.view(b.facts(torch=b.torch())),
}


def cupy(*more: object, requires: tuple[str, ...] = (), needed: tuple[str, ...] = ()) -> View:
    """A CPU torch beside CuPy, and a library of an extension."""
    dists = [b.dist("torch", "2.13.0+cpu"), b.dist("cupy-cuda12x"), *more]
    dists += [b.dist("ext", requires=[*requires])] if requires or needed else []
    extension = b.library("ext.so", distribution="ext", needed=[*needed])
    facts = b.facts(
        torch=b.torch("2.13.0+cpu"),
        distributions=dists,
        binaries=b.binaries(*([extension] if needed else [])),
    )
    return b.view(facts, "sm_120")


NEEDS_CUDA = "torch 2.13.0+cpu is a CPU build; sm_120 (--gpu sm_120) needs a CUDA build."
BESIDE = fault(NEEDS_CUDA, ADVICE, "cupy-cuda12x: GPU code that needs no torch")
OFFER = ["install-torch-build unsafe"]
FIRING = {
    "a CPU build on Windows": Fires(
        b.view(
            b.facts(
                torch=b.torch("2.9.0+cpu"),
                python=b.python(platform="win32", machine="AMD64"),
                host=b.host(os="Windows", machine="AMD64"),
            ),
            "sm_120",
        ),
        fault("torch 2.9.0+cpu is a CPU build; sm_120 (--gpu sm_120) needs a CUDA build."),
        offers=["advise-windows-torch manual"],
    ),
    "one of two named vendors": Fires(
        b.view(b.healthy(), "sm_89", "gfx1101"),
        fault("torch 2.9.0+cu128 is a CUDA build; gfx1101 (--gpu gfx1101) needs a ROCm build."),
    ),
    "CPU build beside CuPy": Fires(cupy(), BESIDE, offers=OFFER),
    "beside CuPy, and a package that takes any torch": Fires(
        cupy(requires=("torch>=2",)), BESIDE, offers=OFFER
    ),
    "beside a package with GPU code that requires torch": Fires(
        b.view(
            b.facts(
                torch=b.torch("2.13.0+cpu"),
                distributions=[b.dist("bitsandbytes", requires=["torch>=2"])],
                binaries=b.binaries(
                    b.library("bnb.so", b.code("sm_90"), distribution="bitsandbytes")
                ),
            ),
            "sm_120",
        ),
        fault(NEEDS_CUDA),
        offers=OFFER,
    ),
    "beside TensorFlow": Fires(
        b.view(
            b.facts(
                torch=b.torch("2.13.0+cpu"),
                distributions=[b.dist("tensorflow")],
                binaries=b.binaries(b.library("tf.so", b.code("sm_90"), distribution="tensorflow")),
            ),
            "sm_120",
        ),
        fault(NEEDS_CUDA, ADVICE, "tensorflow: GPU code that needs no torch"),
        offers=OFFER,
    ),
    "beside CuPy, and a GPU build is required": Fires(
        cupy(requires=("torch==2.13.0+cu126",)), fault(NEEDS_CUDA), offers=OFFER
    ),
    "beside CuPy, and an extension links torch's CUDA": Fires(
        cupy(needed=("libtorch_cuda.so",)), fault(NEEDS_CUDA), offers=OFFER
    ),
    "beside CuPy, and Triton compiles for torch": Fires(
        cupy(b.dist("triton")), fault(NEEDS_CUDA), offers=OFFER
    ),
    "beside CuPy for NVIDIA, and the GPU is AMD's": Fires(
        b.view(cupy().facts, "gfx1100"),
        fault("torch 2.13.0+cpu is a CPU build; gfx1100 (--gpu gfx1100) needs a ROCm build."),
        offers=OFFER,
    ),
    "CPU build, named": Fires(
        b.view(CPU, "sm_120"),
        fault("torch 2.13.0+cpu is a CPU build; sm_120 (--gpu sm_120) needs a CUDA build."),
        offers=OFFER,
    ),
    "CPU build, visible": Fires(
        b.view(b.healthy(torch=b.torch("2.13.0+cpu"))),
        fault(
            "torch 2.13.0+cpu is a CPU build; sm_89 (NVIDIA GeForce RTX 4090) needs a CUDA build."
        ),
        offers=OFFER,
    ),
    "CUDA build on AMD": Fires(
        b.view(b.healthy_amd(torch=b.torch())),
        fault(
            "torch 2.9.0+cu128 is a CUDA build; gfx1100 (AMD Radeon RX 7900 XTX) needs a ROCm build."
        ),
        offers=OFFER,
    ),
    "CUDA build, and a GPU that runs a relative's code": Fires(
        b.view(b.facts(torch=b.torch()), "gfx1032"),
        fault("torch 2.9.0+cu128 is a CUDA build; gfx1032 (--gpu gfx1032) needs a ROCm build."),
        offers=OFFER,
    ),
    "and a value that harms": Fires(
        b.view(b.facts(torch=b.torch()), "gfx90c"),
        fault("torch 2.9.0+cu128 is a CUDA build; gfx90c (--gpu gfx90c) needs a ROCm build."),
    ),
    "ROCm build on NVIDIA": Fires(
        b.view(b.healthy(torch=b.torch("2.9.0+rocm6.4"))),
        fault(
            "torch 2.9.0+rocm6.4 is a ROCm build; sm_89 (NVIDIA GeForce RTX 4090) needs a CUDA build."
        ),
        offers=OFFER,
    ),
    "XPU build, both vendors named": Fires(
        of("xpu", "sm_89", "gfx1101"),
        fault(
            "torch 2.13.0+xpu is an XPU build; sm_89 (--gpu sm_89), gfx1101 (--gpu gfx1101) need "
            "a CUDA or a ROCm build."
        ),  # no build serves both: the fault would stay
    ),
    "five targets, of which four are named": Fires(
        of("cpu", "sm_75", "sm_80", "sm_86", "sm_89", "sm_90"),
        fault(
            "torch 2.13.0+cpu is a CPU build; sm_75 (--gpu sm_75), sm_80 (--gpu sm_80), "
            "sm_86 (--gpu sm_86), sm_89 (--gpu sm_89) need a CUDA build."
        ),
        offers=OFFER,
    ),
    "a GPU without a name": Fires(
        b.view(b.facts(torch=b.torch("2.13.0+cpu"), gpus=[b.gpu("sm_89", name=None)])),
        fault("torch 2.13.0+cpu is a CPU build; sm_89 (GPU 0) needs a CUDA build."),
        offers=OFFER,
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
        offers=OFFER,
    ),
    "a Jetson's own GPU is what it has": Fires(
        b.view(b.facts(torch=b.torch("2.9.0+cpu"), gpus=[b.gpu("sm_87", integrated=True)])),
        fault("torch 2.9.0+cpu is a CPU build; sm_87 (GPU of sm_87) needs a CUDA build."),
        offers=OFFER,
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
