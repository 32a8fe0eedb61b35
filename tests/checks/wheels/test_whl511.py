"""WHL511: wheel variants and conda's builds that are for another machine.

Build strings as conda-forge's feedstocks make them: jaxlib-feedstock, libxgboost's and
pytorch-cpu-feedstock's recipe/meta.yaml.
"""

from __future__ import annotations

import builders as b
from rows import Fires, rows

from gpufix.checks.gpu.gpu105_driver_too_old import driver_too_old
from gpufix.checks.judge import judge
from gpufix.checks.registry import ADVICE, ERROR, WARNING, Fault, declared
from gpufix.checks.wheels.whl511_variant_unfit import variant_unfit
from gpufix.evidence.view import View
from gpufix.model import CondaPackage, Distribution, Severity, WheelVariant
from gpufix.model.payload import UnfitVariant

INFO = f"{b.SITE}/kern-1.0.dist-info"
TWELVE = b.driver(cuda="12.8")
CUDA, CPU = "cuda130py311h7d4a5e3_200", "cpu_py311h9ea7a3b_0"


def wheel(*properties: str, name: str = "kern", label: str = "v") -> Distribution:
    variant = WheelVariant(label=label, properties=list(properties))
    return b.dist(name, metadata=INFO, variant=variant)


def of(*dists: Distribution, condas: tuple[CondaPackage, ...] = (), **sections: object) -> View:
    known = {"distributions": list(dists), "conda_packages": list(condas), "drivers": [TWELVE]}
    return b.view(b.healthy(**(known | sections)))


def conda(name: str, build: str, *depends: str, version: str = "0.9.0") -> CondaPackage:
    return b.conda(name, version, build=build, depends=list(depends))


def least(*versions: str) -> Distribution:
    return wheel(*(f"nvidia :: cuda_version_lower_bound :: {v}" for v in versions))


def archs(*values: str) -> Distribution:
    return wheel(*(f"nvidia :: sm_arch :: {v}" for v in values))


SILENT = {
    "healthy": b.view(b.healthy()),
    "healthy AMD": b.view(b.healthy_amd()),
    "the null variant": of(wheel(label="null")),
    "an older CUDA": of(least("12.6")),
    "a major only": of(least("12")),
    "one of two that will do": of(least("13.0", "12.4")),
    "no driver is known": of(least("13.0"), drivers=[]),
    "no GPU": of(least("13.0"), archs("90_real"), gpus=[]),
    "an upper bound, which newer drivers serve all the same": of(
        wheel("nvidia :: cuda_version_upper_bound :: 12")
    ),
    "machine code": of(archs("80_real")),
    "PTX": of(archs("70_virtual")),
    "both, as CMake spells it": of(archs("75")),
    "one of several": of(archs("120_real", "80_real")),
    "a value in another form": of(archs("native", "90_real")),
    "another namespace": of(wheel("x86_64 :: level :: v4", "blas_lapack :: library :: mkl")),
    "torch is judged by its own files": of(
        b.dist("torch", variant=least("13.0").variant), b.dist("kern")
    ),
    "its own code was read": of(
        archs("120_real"),
        binaries=b.binaries(b.library("kern/_C.so", b.code("sm_120"), distribution="kern")),
    ),
    "AMD's": b.view(b.healthy_amd(distributions=[wheel("amd :: gfx_arch :: gfx1100")])),
    "AMD's in another form": b.view(b.healthy_amd(distributions=[wheel("amd :: gfx_arch :: all")])),
    "conda's build for an older CUDA": of(
        condas=(conda("jaxlib", "cuda126py311hda37e9b_200", "__cuda >=12.6"),)
    ),
    "for the CPU, and no GPU": of(condas=(conda("jaxlib", CPU),), gpus=[]),
    "for the CPU, beside an AMD GPU": b.view(b.healthy_amd(conda_packages=[conda("jaxlib", CPU)])),
    "conda's torch and what it brings": of(
        condas=(
            conda("pytorch", "cpu_generic_py311_h1_0", "libtorch 2.9.1.* *_0", version="2.9.1"),
            conda("libtorch", "cpu_generic_h2_0", version="2.9.1"),
        )
    ),
    "the channel pytorch's": of(
        condas=(
            conda("pytorch", "py3.9_cpu_0", "pytorch-mutex 1.0 cpu", version="2.3.0"),
            conda("pytorch-mutex", "cpu", version="1.0"),
        )
    ),
    "other words in a build": of(
        condas=(conda("a", "h_cuda"), conda("c", "cpuinfo_0"), conda("d", "py311_0"))
    ),
}


def fault(
    what: str, level: Severity, name: str = "kern", fits: str | None = None, cuda: bool = False
) -> Fault:
    version = "1.0" if name == "kern" else "0.9.0"
    where = f"{INFO}/variant.json" if name == "kern" else f"/env/conda-meta/{name}.json"
    return Fault(
        level,
        name,
        f"{name} {version} is {what}",
        evidence=(where,),
        needs=("driver",) if cuda else (),
        payload=UnfitVariant(name, version, fits),
    )


OFFER, BY_HAND = ["choose-variant unsafe"], ["choose-variant manual"]
BLACKWELL = {"gpus": [b.gpu("sm_120")]}
FIRING = {
    "CUDA of a newer major": Fires(
        of(least("13.0")),
        fault("the variant v, for CUDA 13.0; the driver here serves CUDA 12.8.", ERROR, cuda=True),
        offers=OFFER,
    ),
    "of a newer minor": Fires(
        of(least("12.9")),
        fault("the variant v, for CUDA 12.9; the driver here serves CUDA 12.8.", ADVICE, cuda=True),
        offers=BY_HAND,
    ),
    "code for other GPUs": Fires(
        of(archs("80_real", "90a_real"), **BLACKWELL),
        fault(
            "the variant v, with machine code for sm_80, sm_90a; none of it runs on sm_120 "
            "(GPU of sm_120).",
            WARNING,
        ),
        offers=OFFER,
    ),
    "PTX for newer ones": Fires(
        of(archs("90_virtual")),
        fault(
            "the variant v, with PTX for sm_90; none of it runs on sm_89 (NVIDIA GeForce RTX 4090).",
            WARNING,
        ),
        offers=OFFER,
    ),
    "beside a GPU that is served": Fires(
        of(archs("90_real"), gpus=[b.gpu("sm_90"), b.gpu("sm_75", 1)]),
        fault(
            "the variant v, with machine code for sm_90; none of it runs on sm_75 (GPU of sm_75).",
            ADVICE,
        ),
        offers=BY_HAND,
    ),
    "the other vendor's": Fires(
        b.view(b.healthy_amd(distributions=[archs("90_real")])),
        fault(
            "the variant v, with machine code for sm_90; none of it runs on gfx1100 "
            "(AMD Radeon RX 7900 XTX).",
            WARNING,
        ),
        offers=OFFER,
    ),
    "another gfx": Fires(
        b.view(b.healthy_amd(distributions=[wheel("amd :: gfx_arch :: gfx942")])),
        fault(
            "the variant v, with machine code for gfx942; none of it runs on gfx1100 "
            "(AMD Radeon RX 7900 XTX).",
            WARNING,
        ),
        offers=OFFER,
    ),
    "conda's build for a newer CUDA": Fires(
        of(condas=(conda("jaxlib", CUDA),)),
        fault(
            f"conda's build {CUDA}, for CUDA 13.0; the driver here serves CUDA 12.8.",
            ERROR,
            "jaxlib",
            "cuda12*",
            cuda=True,
        ),
        offers=BY_HAND,
    ),
    "by what it depends on": Fires(
        of(condas=(conda("jaxlib", "cuda12py311h0_200", "__cuda >=12.9,<13"),)),
        fault(
            "conda's build cuda12py311h0_200, for CUDA 12.9; the driver here serves CUDA 12.8.",
            ADVICE,
            "jaxlib",
            "cuda12*",
            cuda=True,
        ),
        offers=BY_HAND,
    ),
    "for the CPU, told once for what it brings": Fires(
        of(
            condas=(
                conda("py-xgboost", "cpu_pyhca73b09_0", "libxgboost 0.9.0 cpu_h1_0"),
                conda("libxgboost", "cpu_h1_0"),
            )
        ),
        fault(
            "conda's build cpu_pyhca73b09_0, for the CPU; sm_89 (NVIDIA GeForce RTX 4090) needs "
            "one for CUDA.",
            ADVICE,
            "py-xgboost",
            "cuda*",
        ),
        offers=BY_HAND,
    ),
}

test_silent, test_firing = rows(variant_unfit, SILENT, FIRING)


def test_a_driver_that_is_too_old_for_torch_too_is_one_cause() -> None:
    view = of(
        b.dist("torch", "2.11.0+cu130"), least("13.0"), torch=b.torch("2.11.0+cu130", cuda="13.0")
    )
    found = judge(view, [declared(driver_too_old), declared(variant_unfit)])
    assert [(f.code, [c.code for c in f.consequences]) for f in found] == [("GPU105", ["WHL511"])]
