"""WHL509: a framework that takes the CPU, since its GPU part is lost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import builders as b
import pytest
from rows import Fires, rows

from gpufix.checks.judge import attach
from gpufix.checks.registry import ADVICE, ERROR, WARNING, Fault
from gpufix.checks.wheels.whl506_requirement_conflict import requirement_conflict
from gpufix.checks.wheels.whl509_gpu_part_missing import gpu_part_missing
from gpufix.evidence.view import View
from gpufix.knowledge import families
from gpufix.knowledge.cuda_libraries import bringing
from gpufix.model import Distribution, Library, Problem, Severity, SharedFile
from gpufix.model.payload import (
    AbsentGpuPart,
    DistributionFault,
    EnvironmentVariable,
    LostGpuLibraries,
    RivalDistributions,
    UnchosenLibrary,
    UnsearchedLibraries,
)

CUBLAS = "libcublas.so.12"
JAX_EXTRAS = [f'jax-cuda{n}-plugin[with-cuda]<=0.7.2,>=0.7.2; extra == "cuda{n}"' for n in (12, 13)]
JAX = b.dist("jax", "0.7.2", requires=["jaxlib", *JAX_EXTRAS])
PLUGIN = b.dist(
    "jax-cuda12-plugin",
    "0.7.2",
    requires=["jax-cuda12-pjrt==0.7.2", 'nvidia-cublas-cu12>=12.1; extra == "with-cuda"'],
)
PJRT = b.dist("jax-cuda12-pjrt", "0.7.2")
JAXLIB = b.dist("jaxlib", "0.7.2")
ORT = b.dist("onnxruntime", "1.23.2")
ORT_GPU = b.dist(
    "onnxruntime-gpu", "1.23.2", requires=['nvidia-cublas-cu12~=12.0; extra == "cuda"']
)
TORCH = b.dist("torch", "2.9.0+cu128", requires=["nvidia-cublas-cu12==12.8.4.1"])
STATE = "onnxruntime/capi/onnxruntime_pybind11_state.cpython-311-x86_64-linux-gnu.so"
PROVIDER = "onnxruntime/capi/libonnxruntime_providers_cuda.so"
FILES = {
    "jax-cuda12-pjrt": "jax_plugins/xla_cuda12/xla_cuda_plugin.so",
    "onnxruntime-gpu": PROVIDER,
    "ctranslate2": "ctranslate2.libs/libctranslate2-a.so.4",
    "tensorflow": "tensorflow/libtensorflow_cc.so.2",
    "cupy-cuda12x": "cupy_backends/cuda/libs/cublas.so",
}


def of(
    *dists: Distribution, gpu: bool = True, libraries: Sequence[Library] = (), **more: Any
) -> View:
    gpus = [b.gpu()] if gpu else []
    scan = b.binaries(*libraries)
    return b.view(b.facts(distributions=list(dists), gpus=gpus, binaries=scan, **more))


def lacking(owner: str, name: str = CUBLAS, provider: str | None = None, **changes: Any) -> Library:
    problem = Problem(kind="missing-library", name=name, provider=provider)
    opened = None if owner.startswith("cupy") else "plugin"
    code = b.code("sm_89") if opened else []
    base = {"distribution": owner, "problems": [problem], "opened_by": opened, "code": code}
    return b.library(FILES[owner], **(base | changes))


def lost(
    severity: Severity, dist: Distribution, name: str = CUBLAS, *, asked: bool = False
) -> Fault:
    """`asked`: a wheel that brings it is asked for, by an extra too."""
    wheels = tuple(bringing(name))
    file = FILES[dist.name].rpartition("/")[2]
    return Fault(
        severity,
        dist.name,
        f"{dist.name} {dist.version} needs {name} for the GPU, which is in no folder that it searches.",
        evidence=(f"{file} needs {name}",),
        breaks=(f"load:{dist.name}",),
        needs=(
            f"cuda:{dist.name}",
            f"family:{dist.name}",
            f"soname:{name}",
            *(f"dist:{w}" for w in wheels if asked),
        ),
        payload=LostGpuLibraries(dist.name, wheels),
    )


def absent(severity: Severity, dist: Distribution, found: str, *halves: tuple[str, ...]) -> Fault:
    part = next(p for p in families.parts() if p.framework == dist.name)
    present, missing = halves or ((), ())
    return Fault(
        severity,
        dist.name,
        f"{dist.name} {dist.version} has {found}: {part.says.rstrip('.')}.",
        evidence=(f"source: {part.source}",),
        breaks=(f"family:{dist.name}",) if present else (),
        needs=tuple(f"dist:{name}" for name in missing),
        payload=AbsentGpuPart(dist.name, present, missing),
    )


def shared(path: str = STATE, holder: str | None = "onnxruntime", **more: Any) -> SharedFile:
    base = {"owners": ["onnxruntime", "onnxruntime-gpu"], "differ": True}
    return SharedFile(path=path, holder=holder, **(base | more))


SOURCE = next(g.source for g in families.alone() if "onnxruntime" in g.distributions)
BOTH = ("onnxruntime", "onnxruntime-gpu")
OVERWRITTEN = Fault(
    ERROR,
    "onnxruntime / onnxruntime-gpu",
    f"onnxruntime 1.23.2 has overwritten {STATE} of onnxruntime-gpu 1.23.2: its GPU providers are gone.",
    evidence=(STATE, f"source: {SOURCE}"),
    breaks=(*(f"collision:{name}" for name in BOTH), "family:onnxruntime-gpu"),
    payload=RivalDistributions(BOTH),
)
LLAMA = b.dist("llama-cpp-python", "0.3.16", requested=True)
TF = b.dist("tensorflow", "2.19.0", requires=['nvidia-cublas-cu12==12.5.3.2; extra == "and-cuda"'])
PADDLE = b.dist("paddlepaddle", "3.3.1")
PADDLE_2 = replace(PADDLE, version="2.6.2")
TF_CPU = b.dist("tensorflow-cpu", "2.19.0")
TF_CORE = "tensorflow/libtensorflow_cc.so.2"
TF_GROUP = next(g for g in families.alone() if "tensorflow" in g.distributions)
TF_OVERWRITTEN = Fault(
    WARNING,
    "tensorflow / tensorflow-cpu",
    f"tensorflow-cpu 2.19.0 has overwritten {TF_CORE} of tensorflow 2.19.0: {TF_GROUP.lost}.",
    evidence=(TF_CORE, f"source: {TF_GROUP.source}"),
    breaks=("collision:tensorflow", "collision:tensorflow-cpu", "family:tensorflow"),
    payload=RivalDistributions(("tensorflow", "tensorflow-cpu")),
)
CT2 = b.dist("ctranslate2", "4.5.0")
CUPY_13 = b.dist("cupy-cuda12x", "13.6.0")
CUPY_14 = b.dist("cupy-cuda12x", "14.2.0", requires=['cuda-toolkit[cublas]==12.*; extra == "ctk"'])
CU13 = b.dist("nvidia-cublas", "13.0.0.19")
ORT_13 = b.dist("onnxruntime-gpu", "1.27.0")
LIES = f"{b.SITE}/nvidia/cublas/lib/{CUBLAS}"
AMD = b.facts(
    distributions=[ORT_GPU],
    gpus=[b.gpu("gfx1100")],
    binaries=b.binaries(lacking("onnxruntime-gpu")),
)


def for_nvidia(severity: Severity) -> Fault:
    return Fault(
        severity,
        "onnxruntime-gpu",
        "onnxruntime-gpu 1.23.2 is for NVIDIA's GPUs; gfx1100 needs a build for AMD's.",
        breaks=("load:onnxruntime-gpu",),
        needs=("family:onnxruntime-gpu",),
        payload=LostGpuLibraries("onnxruntime-gpu", ()),
    )


PLAN = ["install-gpu-part safe"]

BNB = b.dist("bitsandbytes", "0.45.5")
NEAR = b.dist("bitsandbytes", "0.50.2")
TORCH_13 = b.torch("2.14.1+cu130")


def bnb(dist: Distribution, *cudas: str, **more: Any) -> View:
    """A release with a library for each CUDA."""
    files = [f"bitsandbytes/libbitsandbytes_cuda{cuda}.so" for cuda in cudas]
    found = [b.library(f, b.code("sm_89"), distribution="bitsandbytes") for f in files]
    return of(dist, libraries=found, **more)


def unchosen(version: str, cuda: str, by: str, has: str) -> Fault:
    row = families.chosen()[0]
    return Fault(
        ERROR,
        "bitsandbytes",
        f"bitsandbytes {version} has no libbitsandbytes_cuda{cuda}.so, which {by}; it has those for "
        f"{has}: {row.says}.",
        evidence=(f"source: {row.source}",),
        breaks=("family:bitsandbytes",),
        payload=UnchosenLibrary("bitsandbytes"),
    )


def told(cuda: str) -> Any:
    return b.environment(BNB_CUDA_VERSION=cuda)


def unsearched(dist: Distribution, name: str, folder: str) -> Fault:
    return Fault(
        WARNING,
        dist.name,
        f"{dist.name} {dist.version} needs {name} for the GPU, which lies where the loader does not "
        f"look: in {folder}.",
        evidence=(f"{FILES[dist.name].rpartition('/')[2]} needs {name}",),
        breaks=(f"load:{dist.name}",),
        payload=UnsearchedLibraries((f"{folder}/{name}",)),
    )


TENSORRT = b.dist("tensorrt-cu12-libs", "10.13.3.9")
NVINFER = f"{b.SITE}/tensorrt_libs/libnvinfer.so.10"
TRT = b.library(
    "onnxruntime/capi/libonnxruntime_providers_tensorrt.so",
    distribution="onnxruntime-gpu",
    opened_by="plugin",
    problems=[Problem(kind="missing-library", name="libnvinfer.so.10", provider=NVINFER)],
)

HOLDER = "https://pypi.org/simple/rocm-sdk-device-gfx1100/ (0.0.1.dev0), rocm-sdk-libraries-gfx1151/ (0.0.1), amd-torch-device-gfx1100/ (0.0.1.dev0) and their like, read 2026-12-01: wheels with one empty module"


def held_name(name: str, version: str, level: Severity) -> Fault:
    return Fault(
        level,
        name,
        f"{name} {version} is empty: the package index holds its name, and AMD's own index has the "
        "wheel.",
        evidence=(f"source: {HOLDER}",),
        breaks=(f"family:{name}",),
        payload=DistributionFault(name),
    )


def of_amd(*dists: object, gfx: str = "gfx1100") -> View:
    return b.view(b.healthy_amd(gpus=[b.gpu(gfx)], distributions=list(dists)))


SILENT = {
    "ROCm's wheels": of_amd(
        b.dist("rocm-sdk-core", "7.13.0"), b.dist("rocm-sdk-device-gfx1100", "7.13.0a20260430")
    ),
    "a nightly ROCm of 2025": of_amd(b.dist("rocm-sdk-core", "6.5.0rc20250610")),
    "CTranslate2's libraries lie elsewhere, and no GPU must be served": of(
        CT2, gpu=False, libraries=[lacking("ctranslate2", provider=LIES)]
    ),
    "its library is torch's": bnb(BNB, "118", "128", torch=b.torch("2.9.0+cu128")),
    "another of the same major will do": bnb(NEAR, "128", torch=b.torch("2.9.1+cu129")),
    "no GPU must be served": bnb(BNB, "128", torch=TORCH_13, gpu=False),
    "a CPU torch": bnb(BNB, "128", torch=b.torch("2.13.0+cpu")),
    "the variable names torch's": bnb(BNB, "130", torch=TORCH_13, environment=told("130")),
    "none of its libraries was seen": bnb(BNB, torch=TORCH_13),
    "nothing of them": of(),
    "a CPU jax, and no GPU": of(JAX, JAXLIB, gpu=False),
    "a GPU of another vendor": b.view(
        b.facts(distributions=[JAX, JAXLIB], gpus=[b.gpu("gfx1100")])
    ),
    "jax with its plug-in": of(JAX, JAXLIB, PLUGIN, PJRT),
    "jax for CUDA 13 beside a half for CUDA 12": of(
        JAX,
        JAXLIB,
        PLUGIN,
        b.dist("jax-cuda13-plugin", "0.7.2"),
        b.dist("jax-cuda13-pjrt", "0.7.2"),
    ),
    "an old jaxlib that holds the GPU code itself": of(
        JAX, JAXLIB, libraries=[b.library("jaxlib/x.so", b.code("sm_80"), distribution="jaxlib")]
    ),
    "a build that asks for CUDA's libraries": of(
        LLAMA,
        libraries=[
            b.library("llama_cpp/lib/libggml-cuda.so", distribution=LLAMA.name, needed=[CUBLAS])
        ],
    ),
    "a build that lacks CUDA's libraries: SYM402 tells": of(
        LLAMA,
        libraries=[
            b.library(
                "llama_cpp/lib/libllama.so",
                distribution=LLAMA.name,
                problems=[Problem(kind="missing-library", name=CUBLAS)],
            )
        ],
    ),
    "conda's jax": of(replace(JAX, source="conda")),
    "a CPU onnxruntime": of(ORT),
    "a CPU Paddle, and no GPU": of(PADDLE, gpu=False),
    "Paddle's package for GPUs": of(PADDLE, b.dist("paddlepaddle-gpu", "2.6.2")),
    "the GPU package was installed last": of(ORT, ORT_GPU, shared_files=[shared(holder=BOTH[1])]),
    "nobody knows whose bytes they are": of(ORT, ORT_GPU, shared_files=[shared(holder=None)]),
    "equal bytes": of(ORT, ORT_GPU, shared_files=[shared(differ=False)]),
    "a file apart from the core": of(ORT, ORT_GPU, shared_files=[shared("onnxruntime/a.py")]),
    "a driver's library": of(
        ORT_GPU,
        libraries=[
            lacking(
                "onnxruntime-gpu",
                problems=[Problem(kind="missing-library", name="libcuda.so.1", driver=True)],
            )
        ],
    ),
    "TensorFlow without a GPU": of(TF, gpu=False, libraries=[lacking("tensorflow")]),
    "another TensorFlow": of(replace(TF, version="2.13.0"), libraries=[lacking("tensorflow")]),
    "a TensorFlow built for CPUs": of(TF, libraries=[lacking("tensorflow", code=[])]),
    "CTranslate2 without a GPU": of(CT2, gpu=False, libraries=[lacking("ctranslate2")]),
}

FIRING = {
    "an empty wheel in the place of ROCm's": Fires(
        of_amd(
            b.dist("rocm-sdk-core", "7.13.0"), b.dist("rocm-sdk-libraries-gfx110x-dgpu", "0.0.2")
        ),
        held_name("rocm-sdk-libraries-gfx110x-dgpu", "0.0.2", ERROR),
        ["advise-rocm-wheel manual"],
    ),
    "an empty wheel for another GPU": Fires(
        of_amd(b.dist("amd-torch-device-gfx1151", "0.0.1.dev0")),
        held_name("amd-torch-device-gfx1151", "0.0.1.dev0", WARNING),
        ["advise-rocm-wheel manual"],
    ),
    "CTranslate2's libraries lie where the loader does not look": Fires(
        of(CT2, libraries=[lacking("ctranslate2", provider=LIES)]),
        unsearched(CT2, CUBLAS, f"{b.SITE}/nvidia/cublas/lib"),
        ["extend-library-path unsafe"],
    ),
    "TensorRT's wheel is here, and no call opens its libraries": Fires(
        of(ORT_GPU, TENSORRT, libraries=[TRT]),
        replace(
            unsearched(ORT_GPU, "libnvinfer.so.10", f"{b.SITE}/tensorrt_libs"),
            evidence=("libonnxruntime_providers_tensorrt.so needs libnvinfer.so.10",),
        ),
        ["extend-library-path unsafe"],
    ),
    "no library for torch's CUDA": Fires(
        bnb(BNB, "118", "128", torch=TORCH_13),
        unchosen("0.45.5", "130", "torch 2.14.1+cu130 asks for", "CUDA 11.8, CUDA 12.8"),
        ["match-torch-family unsafe"],
    ),
    "before, the very CUDA must be there": Fires(
        bnb(BNB, "128", torch=b.torch("2.9.1+cu129")),
        unchosen("0.45.5", "129", "torch 2.9.1+cu129 asks for", "CUDA 12.8"),
        ["match-torch-family unsafe"],
    ),
    "a variable names one that is absent": Fires(
        bnb(BNB, "130", torch=TORCH_13, environment=told("131")),
        replace(
            unchosen("0.45.5", "131", "BNB_CUDA_VERSION names", "CUDA 13.0"),
            payload=EnvironmentVariable("BNB_CUDA_VERSION"),
        ),
        ["unset-variable safe"],
    ),
    "a variable names another CUDA's": Fires(
        bnb(BNB, "124", "130", torch=TORCH_13, environment=told("124")),
        replace(
            unchosen("0.45.5", "", "", ""),
            severity=WARNING,
            message="BNB_CUDA_VERSION has bitsandbytes open libbitsandbytes_cuda124.so; torch "
            "2.14.1+cu130 is for another CUDA.",
            payload=EnvironmentVariable("BNB_CUDA_VERSION"),
        ),
        ["unset-variable safe"],
    ),
    "overwritten": Fires(of(ORT, ORT_GPU, shared_files=[shared()]), OVERWRITTEN, ["keep-one safe"]),
    "overwritten, and no GPU is here": Fires(
        of(ORT, ORT_GPU, gpu=False, shared_files=[shared()]), OVERWRITTEN, ["keep-one safe"]
    ),
    "overwritten by what was asked for": Fires(
        of(replace(ORT, requested=True), ORT_GPU, shared_files=[shared()]),
        OVERWRITTEN,
        ["keep-one unsafe"],
    ),
    "overwritten by what another one requires": Fires(
        of(
            replace(ORT, requested=True),
            ORT_GPU,
            b.dist("rembg", requires=["onnxruntime"]),
            shared_files=[shared()],
        ),
        OVERWRITTEN,
        ["keep-one safe"],
    ),
    "overwritten in several files": Fires(
        of(ORT, ORT_GPU, shared_files=[shared(), shared("onnxruntime/capi/libonnxruntime.so.1")]),
        replace(
            OVERWRITTEN,
            message=OVERWRITTEN.message.replace(STATE, f"{STATE} (and 1 more file)"),
            evidence=(STATE, "onnxruntime/capi/libonnxruntime.so.1", f"source: {SOURCE}"),
        ),
        ["keep-one safe"],
    ),
    "overwritten, which is of use without a GPU": Fires(
        of(
            TF,
            TF_CPU,
            gpu=False,
            shared_files=[shared(TF_CORE, TF_CPU.name, owners=[TF.name, TF_CPU.name])],
        ),
        TF_OVERWRITTEN,
        ["keep-one safe"],
    ),
    "overwritten, which is of use without a GPU, and one is here": Fires(
        of(TF, TF_CPU, shared_files=[shared(TF_CORE, TF_CPU.name, owners=[TF.name, TF_CPU.name])]),
        replace(TF_OVERWRITTEN, severity=ERROR),
        ["keep-one safe"],
    ),
    "the plug-in's libraries": Fires(
        of(JAX, JAXLIB, PLUGIN, PJRT, libraries=[lacking("jax-cuda12-pjrt")]),
        lost(ERROR, PJRT),
        PLAN,
    ),
    "the plug-in's libraries, and no GPU is here": Fires(
        of(JAX, JAXLIB, PLUGIN, PJRT, gpu=False, libraries=[lacking("jax-cuda12-pjrt")]),
        lost(WARNING, PJRT),
        PLAN,
    ),
    "what the extra asks for is installed": Fires(
        of(
            PLUGIN,
            PJRT,
            b.dist("nvidia-cublas-cu12", "12.9.1.4"),
            libraries=[lacking("jax-cuda12-pjrt")],
        ),
        lost(ERROR, PJRT, asked=True),
    ),
    "the extra wants another version of what is here": Fires(
        of(
            PLUGIN,
            PJRT,
            b.dist("nvidia-cublas-cu12", "12.0.0"),
            libraries=[lacking("jax-cuda12-pjrt")],
        ),
        lost(ERROR, PJRT, asked=True),
        ["install-gpu-part unsafe"],
    ),
    "conda brought the plug-in": Fires(
        of(replace(PLUGIN, source="conda"), PJRT, libraries=[lacking("jax-cuda12-pjrt")]),
        lost(ERROR, PJRT),
    ),
    "a provider for another vendor's GPU": Fires(
        b.view(AMD, "gfx1100"), for_nvidia(ERROR), ["switch-edition unsafe"]
    ),
    "a provider for another vendor's GPU, which nobody named": Fires(
        b.view(AMD), for_nvidia(WARNING), ["switch-edition unsafe"]
    ),
    "a provider's libraries": Fires(
        of(ORT_GPU, libraries=[lacking("onnxruntime-gpu")]), lost(ERROR, ORT_GPU), PLAN
    ),
    "torch declares them": Fires(
        of(TORCH, ORT_GPU, torch=b.torch(), libraries=[lacking("onnxruntime-gpu")]),
        lost(ERROR, ORT_GPU, asked=True),
        PLAN,
    ),
    "its build is for another CUDA than what is here": Fires(
        of(ORT_GPU, CU13, libraries=[lacking("onnxruntime-gpu")]),
        lost(ERROR, ORT_GPU),
        ["install-gpu-part unsafe"],
    ),
    "its build is for CUDA 13, and no release is for the one here": Fires(
        of(
            ORT_13,
            b.dist("nvidia-cublas-cu10", "10.2"),
            libraries=[lacking("onnxruntime-gpu", "libcublas.so.13")],
        ),
        lost(ERROR, ORT_13, "libcublas.so.13"),
    ),
    "they lie there, and a call opens them": Fires(
        of(ORT_GPU, libraries=[lacking("onnxruntime-gpu", provider=LIES)]),
        Fault(
            ADVICE,
            "onnxruntime-gpu: onnxruntime.preload_dlls()",
            f"onnxruntime-gpu finds its CUDA libraries, {CUBLAS} among them, only after "
            "onnxruntime.preload_dlls(), or where another package has opened them before.",
            evidence=(LIES,),
        ),
    ),
    "one lies there, and another does not": Fires(
        of(
            ORT_GPU,
            libraries=[
                lacking(
                    "onnxruntime-gpu",
                    problems=[
                        Problem(kind="missing-library", name=CUBLAS, provider=LIES),
                        Problem(kind="missing-library", name="libcudnn.so.9"),
                    ],
                )
            ],
        ),
        lost(ERROR, ORT_GPU, "libcudnn.so.9"),
        PLAN,
    ),
    "TensorFlow's libraries": Fires(
        of(TF, libraries=[lacking("tensorflow")]), lost(ERROR, TF), PLAN
    ),
    "TensorFlow's libraries, beside torch": Fires(
        of(
            TF,
            TORCH,
            torch=b.torch("2.11.0+cu130"),
            libraries=[lacking("tensorflow", "libcudnn.so.9")],
        ),
        lost(WARNING, TF, "libcudnn.so.9"),
        PLAN,
    ),
    "no extra brings CTranslate2's": Fires(
        of(CT2, libraries=[lacking("ctranslate2")]), lost(ERROR, CT2), ["install-own-cuda unsafe"]
    ),
    "CTranslate2's are here of another CUDA": Fires(
        of(
            CT2,
            gpu=False,
            libraries=[
                lacking("ctranslate2"),
                b.library("x/lib/libcublas.so.13", distribution="nvidia-cublas"),
            ],
        ),
        lost(WARNING, CT2),
        ["install-own-cuda unsafe"],
    ),
    "a CPU jax where a GPU must be served": Fires(
        of(JAX, JAXLIB), absent(WARNING, JAX, "no GPU part"), PLAN
    ),
    "a CPU jax that others require": Fires(
        of(JAX, JAXLIB, b.dist("mediapipe", requires=["jax"])),
        absent(ADVICE, JAX, "no GPU part"),
        PLAN,
    ),
    "a CPU jax that others require and somebody asked for": Fires(
        of(replace(JAX, requested=True), JAXLIB, b.dist("flax", requires=["jax"])),
        absent(WARNING, replace(JAX, requested=True), "no GPU part"),
        PLAN,
    ),
    "a CPU jax beside torch": Fires(
        of(JAX, JAXLIB, TORCH, torch=b.torch()), absent(ADVICE, JAX, "no GPU part"), PLAN
    ),
    "a CPU jax that declares no such extra": Fires(
        of(replace(JAX, requires=["jaxlib"]), JAXLIB),
        absent(WARNING, replace(JAX, requires=["jaxlib"]), "no GPU part"),
    ),
    "half a plug-in": Fires(
        of(JAX, JAXLIB, PLUGIN),
        absent(
            ERROR,
            JAX,
            "jax-cuda12-plugin without jax-cuda12-pjrt",
            ("jax-cuda12-plugin",),
            ("jax-cuda12-pjrt",),
        ),
        PLAN,
    ),
    "half a plug-in, and no GPU is here": Fires(
        of(JAX, JAXLIB, replace(PJRT, version="0.7.99"), gpu=False),
        absent(
            WARNING,
            JAX,
            "jax-cuda12-pjrt without jax-cuda12-plugin",
            ("jax-cuda12-pjrt",),
            ("jax-cuda12-plugin",),
        ),
    ),
    "a package for CPUs in the place of one for GPUs": Fires(
        of(PADDLE), absent(WARNING, PADDLE, "no GPU part"), ["install-gpu-part manual"]
    ),
    "a package for CPUs, and one for GPUs of its version is published": Fires(
        of(PADDLE_2),
        absent(WARNING, PADDLE_2, "no GPU part"),
        ["install-gpu-part unsafe"],
    ),
    "what must be built for the GPU": Fires(
        of(LLAMA), absent(WARNING, LLAMA, "no GPU part"), ["install-gpu-part manual"]
    ),
}

test_silent, test_firing = rows(gpu_part_missing, SILENT, FIRING)


@pytest.mark.parametrize(
    ("missing", "roots"),
    [([CUBLAS], ["WHL506"]), ([CUBLAS, "libcufft.so.11"], ["WHL506", "WHL509"])],
    ids=["all that is missing", "a part of it"],
)
def test_wheels_that_others_lack_are_the_cause_of(missing: list[str], roots: list[str]) -> None:
    cudnn = b.dist("nvidia-cudnn-cu12", "9.8.0.87", requires=["nvidia-cublas-cu12"])
    problems = [Problem(kind="missing-library", name=name) for name in missing]
    view = of(PLUGIN, PJRT, cudnn, libraries=[lacking("jax-cuda12-pjrt", problems=problems)])
    checks = (gpu_part_missing, requirement_conflict)
    found = attach([f for check in checks for f in b.run(check, view.facts)])
    assert sorted({f.code for f in found}) == roots
