"""GPU107: code of torch for AMD's GPUs."""

from __future__ import annotations

from dataclasses import replace

import builders as b
from rows import Fires, Unseen, rows

from gpufix.checks.gpu.gpu107_gfx_unsupported import gfx_unsupported
from gpufix.checks.registry import ADVICE, ERROR, Fault
from gpufix.evidence.view import View
from gpufix.model import CodeObject, Environment, Gpu, Severity
from gpufix.model.payload import HsaOverride

LIB = f"{b.SITE}/torch/lib/libtorch_hip.so"
NIGHTLY = b.torch("2.12.0.dev20260101+rocm6.4", build="nightly")
OVERRIDE = "HSA_OVERRIDE_GFX_VERSION"
POSING = "HSA_OVERRIDE_GFX_VERSION=11.5.1 is in use for it, but nothing is known of its risk."
NONE_KNOWN = "No override value is known for it."


def held(*gfx: str) -> b.Binaries:
    return b.binaries(
        b.library("torch/lib/libtorch_hip.so", b.code(*gfx, kind="hip"), distribution="torch")
    )


def of(*gfx: str, gpus: list[Gpu] | None = None, **sections: object) -> View:
    """A torch that holds `gfx`, and one GPU or several."""
    known = {"gpus": gpus or [b.gpu("gfx1032")], "binaries": held(*gfx)}
    return b.view(b.healthy_amd(**(known | sections)))


def fault(
    have: str, name: str, known: str, value: str | None = None, level: Severity = ERROR
) -> Fault:
    arch = name.partition(" ")[0]
    return Fault(
        level,
        arch,
        f"torch 2.9.0+rocm6.4 holds machine code for {have}; none of it runs on {name}. {known}",
        evidence=(f"{LIB}: machine code for {have}",),
        breaks=("torch-code",),
        payload=HsaOverride(arch, value),
    )


def posing(value: str, name: str = OVERRIDE) -> dict[str, Environment]:
    return {"environment": b.environment(**{name: value})}


LOW = f"{OVERRIDE}=10.3.0 is in use for it, at low risk."
INSTALL, SET = "install-torch-build unsafe", "set-hsa-override unsafe"
RADEON = [b.gpu("gfx1100"), b.gpu("gfx1032", 1)]
APART = b.torch("2.11.0+rocm7.13.0", build="container")
KPACK = f"{b.SITE}/torch/.kpack/torch_@GFXARCH@.kpack"


def apart(*gfx: str, **sections: object) -> View:
    """A torch of AMD's own, with its code in archives beside it."""
    library = b.library(
        "torch/lib/libtorch_hip.so",
        b.code(*gfx, kind="hip"),
        distribution="torch",
        archives=[KPACK],
    )
    known = {"torch": APART, "distributions": [b.dist("torch", "2.11.0+rocm7.13.0")]}
    return of(binaries=b.binaries(library), **(known | sections))


def lacks(have: str, held: str = "") -> Fault:
    name = "gfx1032 (GPU of gfx1032)"
    return Fault(
        ERROR,
        "gfx1032",
        f"torch 2.11.0+rocm7.13.0 has its GPU code in wheels of their own: {have}; {name} needs "
        "amd-torch-device-gfx1032.",
        evidence=(f"{KPACK}: {held or have}",),
        breaks=("torch-code",),
        payload=HsaOverride("gfx1032", None),
    )


SILENT = {
    "healthy": b.view(b.healthy()),
    "healthy AMD": b.view(b.healthy_amd()),
    "no torch": of(torch=None),
    "a CUDA torch is TCH201's": b.view(b.healthy(), "gfx1151"),
    "CUDA code is GPU101's": b.view(
        b.healthy(torch=b.torch("2.9.0+cu126"), gpus=[b.gpu("sm_120")])
    ),
    "no target": b.view(b.healthy_amd(gpus=[], torch=NIGHTLY)),
    "a target of NVIDIA": b.view(b.healthy_amd(torch=NIGHTLY), "sm_90"),
    "its own code in an archive": apart("gfx1032"),
    "an override to code in an archive": apart("gfx1030", **posing("10.3.0")),
    "its own code": of("gfx1030", "gfx1032"),
    "a generic code object": of("gfx10-3-generic"),
    "a generic code object that is not known": of("gfx13-generic"),
    "code that hangs on a feature": of("gfx90a:xnack-", gpus=[b.gpu("gfx90a")]),
    "SPIR-V, which is compiled for any GPU": of(
        binaries=b.binaries(
            b.library("torch/lib/libtorch_hip.so", [CodeObject(kind="spirv", arch="")])
        )
    ),
    "an override to code that is there": of("gfx1030", **posing("10.3.0")),
    "an override to generic code": of(
        "gfx10-3-generic", gpus=[b.gpu("gfx1103")], **posing("10.3.0")
    ),
    "an override whose stepping is a letter": of("gfx90a", **posing("9.0.10")),
    "an override of one node": of("gfx1030", **posing("10.3.0", f"{OVERRIDE}_1")),
    "an override in the environment file": of(
        "gfx1030", environment=Environment(overlay={OVERRIDE: "10.3.0"})
    ),
    "one of two overrides": of(
        "gfx1030",
        environment=Environment(process={OVERRIDE: "11.0.0"}, overlay={f"{OVERRIDE}_1": "10.3.0"}),
    ),
    "a nightly that was not read": Unseen(
        b.view(b.healthy_amd(torch=NIGHTLY)), [str(NIGHTLY.version)]
    ),
    "a release that the table has not": Unseen(
        b.view(b.healthy_amd(torch=b.torch("2.99.0+rocm6.4"))), ["2.99.0+rocm6.4"]
    ),
}

FIRING = {
    "no wheel of code": Fires(
        apart(), lacks("none of them is here", "no code"), offers=["advise-rocm-wheel manual"]
    ),
    "a wheel of code for another": Fires(
        apart("gfx1100"),
        lacks("machine code for gfx1100"),
        offers=["advise-rocm-wheel manual"],
    ),
    "AMD's own torch for another family": Fires(
        of(
            "gfx1151",
            torch=APART,
            distributions=[b.dist("torch"), b.dist("rocm", "7.11.0")],
            gpus=[b.gpu("gfx1201")],
        ),
        replace(
            fault("gfx1151", "gfx1201 (GPU of gfx1201)", NONE_KNOWN),
            message="torch 2.11.0+rocm7.13.0 holds machine code for gfx1151; none of it runs on "
            f"gfx1201 (GPU of gfx1201). {NONE_KNOWN}",
        ),
        offers=["advise-rocm-wheel manual"],
    ),
    "AMD's own torch for a GPU whose index is not known": Fires(
        of(
            "gfx1151",
            torch=APART,
            distributions=[b.dist("torch"), b.dist("rocm", "7.11.0")],
            gpus=[b.gpu("gfx1150")],
        ),
        replace(
            fault("gfx1151", "gfx1150 (GPU of gfx1150)", POSING),
            message="torch 2.11.0+rocm7.13.0 holds machine code for gfx1151; none of it runs on "
            f"gfx1150 (GPU of gfx1150). {POSING}",
        ),
    ),
    "a relative of low risk": Fires(
        of("gfx900", "gfx1030"),
        fault("gfx1030, gfx900", "gfx1032 (GPU of gfx1032)", LOW, "10.3.0"),
        offers=[SET],
    ),
    "a relative that hangs": Fires(
        of("gfx1100", gpus=[b.gpu("gfx1103")]),
        fault(
            "gfx1100",
            "gfx1103 (GPU of gfx1103)",
            f"{OVERRIDE}=11.0.0 is in use for it, and hangs or crashes are reported.",
        ),
        offers=[INSTALL],
    ),
    "a relative of unknown risk": Fires(
        of("gfx900:xnack-", gpus=[b.gpu("gfx90c")]),
        fault(
            "gfx900:xnack-",
            "gfx90c (GPU of gfx90c)",
            f"{OVERRIDE}=9.0.0 is in use for it, but nothing is known of its risk.",
        ),
    ),
    "a relative whose code torch has not": Fires(
        of("gfx1100"),
        fault("gfx1100", "gfx1032 (GPU of gfx1032)", NONE_KNOWN),
    ),
    "no relative": Fires(
        of("gfx1030", gpus=[b.gpu("gfx1200")]),
        fault("gfx1030", "gfx1200 (GPU of gfx1200)", NONE_KNOWN),
    ),
    "the other setting of a feature": Fires(
        b.view(b.healthy_amd(binaries=held("gfx90a:xnack+")), "gfx90a:xnack-"),
        fault("gfx90a:xnack+", "gfx90a:xnack- (--gpu gfx90a:xnack-)", NONE_KNOWN),
    ),
    "an override to code that is not there": Fires(
        of("gfx1030", **posing("11.0.0")),
        fault("gfx1030", "gfx1032 (GPU of gfx1032)", LOW, "10.3.0"),
        offers=[SET],
    ),
    "an override that the environment file takes back": Fires(
        of(
            "gfx1030",
            environment=Environment(process={OVERRIDE: "10.3.0"}, overlay={OVERRIDE: None}),
        ),
        fault("gfx1030", "gfx1032 (GPU of gfx1032)", LOW, "10.3.0"),
        offers=[SET],
    ),
    "an override that the runtime refuses": Fires(
        of("gfx1030", **posing("gfx1030")),
        fault("gfx1030", "gfx1032 (GPU of gfx1032)", LOW, "10.3.0"),
        offers=[SET],
    ),
    "another variable of HSA's": Fires(
        of("gfx1030", **posing("10.3.0", "HSA_VERSION")),
        fault("gfx1030", "gfx1032 (GPU of gfx1032)", LOW, "10.3.0"),
        offers=[SET],
    ),
    "beside a GPU that is served": Fires(
        of("gfx1030", "gfx1100", gpus=RADEON),
        fault("gfx1030, gfx1100", "gfx1032 (GPU of gfx1032)", LOW, "10.3.0", ADVICE),
    ),
    "a processor's graphics only": Fires(
        of("gfx1100", gpus=[b.gpu("gfx1036", integrated=True)]),
        fault("gfx1100", "gfx1036 (GPU of gfx1036)", NONE_KNOWN, level=ADVICE),
    ),
    "a processor's graphics, named": Fires(
        b.view(
            b.healthy_amd(gpus=[b.gpu("gfx1036", integrated=True)], binaries=held("gfx1100")),
            "gfx1036",
        ),
        fault("gfx1100", "gfx1036 (--gpu gfx1036)", NONE_KNOWN),
    ),
    "beside a processor's graphics, and one of NVIDIA's by the same number": Fires(
        of(
            "gfx906",
            gpus=[
                b.gpu("gfx1032"),
                b.gpu("gfx1036", 1, integrated=True),
                replace(b.gpu("sm_87"), integrated=True),
            ],
        ),
        [
            fault("gfx906", "gfx1032 (GPU of gfx1032)", NONE_KNOWN),
            fault("gfx906", "gfx1036 (GPU of gfx1036)", NONE_KNOWN, level=ADVICE),
        ],
    ),
}

test_silent, test_firing = rows(gfx_unsupported, SILENT, FIRING)
