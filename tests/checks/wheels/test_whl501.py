"""WHL501: CUDA wheels of another major than torch's."""

from __future__ import annotations

from dataclasses import replace

import builders as b
from rows import Fires, rows

from gpufix.checks.registry import ADVICE, WARNING, Fault
from gpufix.checks.wheels.whl501_mixed_cuda_majors import mixed_cuda_majors
from gpufix.evidence.view import View
from gpufix.model import Distribution, SharedFile
from gpufix.model.payload import StrayWheel

NCCL = "nvidia/nccl/lib/libnccl.so.2"
HEADER = "nvidia/nccl/include/nccl.h"
TORCH = b.dist("torch", "2.9.0+cu128", requires=["nvidia-nccl-cu12==2.27.5"])
OWN = b.dist("nvidia-nccl-cu12", "2.27.5")
CU13 = b.torch("2.13.0+cu130")
NOT_LOADED = "torch 2.9.0+cu128 wants CUDA 12 libraries; nvidia-nccl-cu11 2.21.5 is CUDA 11's"


def stray(name: str = "nvidia-nccl-cu11", version: str = "2.21.5", **more: object) -> Distribution:
    return b.dist(name, version, **more)


def shared(path: str = NCCL, holder: str | None = "nvidia-nccl-cu11", **more: object) -> SharedFile:
    owners = {"owners": ["nvidia-nccl-cu11", "nvidia-nccl-cu12"], "differ": True}
    return SharedFile(path=path, holder=holder, **(owners | more))


def of(
    *dists: Distribution,
    torch: object = b.torch(),
    files: tuple[SharedFile, ...] = (),
    **cuda: list[str],
) -> View:
    """`cuda`: what the libraries of distributions name."""
    scan = replace(b.binaries(), cuda={name.replace("_", "-"): own for name, own in cuda.items()})
    return b.view(
        b.facts(torch=torch, distributions=[*dists], shared_files=[*files], binaries=scan)
    )


def fault(
    tail: str,
    severity: object,
    *evidence: str,
    users: tuple[str, ...] = (),
    requested: bool = False,
    beside: tuple[str, ...] = (),
    told: str = NOT_LOADED,
) -> Fault:
    name = "nvidia-nccl-cu11"
    return Fault(
        severity,
        name,
        f"{told}{tail}.",
        evidence=evidence,
        breaks=(f"collision:{name}",),
        payload=StrayWheel(name, users, requested, beside),
    )


def alone(torch: str, major: int, found: str, theirs: int) -> Fault:
    name = found.split()[0]
    return Fault(
        ADVICE,
        name,
        f"torch {torch} wants CUDA {major} libraries; {found} is CUDA {theirs}'s, and nothing "
        "requires it.",
        breaks=(f"collision:{name}",),
        payload=StrayWheel(name, (), False, ()),
    )


def held(path: str, holder: str) -> str:
    return f"{path}: owned by nvidia-nccl-cu11 and nvidia-nccl-cu12; held by {holder}"


JAX_11 = b.dist("jax-cuda11", requires=["nvidia-nccl-cu11"])
CUPY = b.dist("cupy-cuda12x", "13.6.0")
CUBLAS_12 = b.dist("nvidia-cublas-cu12", "12.8.4.1")
SIDE_BY_SIDE = "libraries of CUDA 11 and 12 are here; nvidia-nccl-cu11 2.21.5 is CUDA 11's"
CLASSIC = fault(
    f" and owns {NCCL} too",
    WARNING,
    held(NCCL, "nvidia-nccl-cu11"),
    beside=("nvidia-nccl-cu12",),
    told=SIDE_BY_SIDE,
)
MANY = tuple(shared(f"nvidia/nccl/include/{i:02}.h") for i in range(11))

SILENT = {
    "torch and its own nccl": of(TORCH, OWN),
    "no torch": of(OWN, stray(), torch=None),
    "a CPU build": of(stray(), torch=b.torch("2.9.0+cpu")),
    "a ROCm build": of(stray(), torch=b.torch("2.9.0+rocm6.4")),
    "a CUDA that is no version": of(stray(), torch=b.torch("2.9.0+cu128", cuda="none")),
    "no torch, and each major has users": of(
        OWN, stray(), JAX_11, CUPY, torch=None, cupy_cuda12x=["libnccl.so.2", "libcublas.so.12"]
    ),
    "beside a torch for 13, a package names what it brings": of(
        b.dist("torch", "2.13.0+cu130"),
        CUBLAS_12,
        CUPY,
        torch=CU13,
        cupy_cuda12x=["libcublas.so.12"],
    ),
    "no torch, and one major collides with itself": of(
        OWN,
        b.dist("nvidia-other-cu12"),
        torch=None,
        files=(shared(owners=["nvidia-nccl-cu12", "nvidia-other-cu12"]),),
    ),
    "requested, nothing collides": of(TORCH, OWN, stray(requested=True)),
    "required, nothing collides": of(
        TORCH, OWN, stray(), b.dist("jax-cuda11", requires=["nvidia-nccl-cu11"])
    ),
    "requested, and shares equal files": of(
        TORCH, OWN, stray(requested=True), files=(shared(differ=False),)
    ),
    "requested, and collides with nothing of torch's": of(
        TORCH,
        OWN,
        stray(requested=True),
        files=(shared(owners=["nvidia-nccl-cu11", "other"]),),
    ),
    "requested, and others collide": of(
        TORCH,
        OWN,
        stray(requested=True),
        files=(shared(owners=["nvidia-nccl-cu12", "other"]),),
    ),
    "CUDA 13's without a suffix": of(
        b.dist("torch", "2.13.0+cu130"), stray("nvidia-cublas", "13.1.0.3"), torch=CU13
    ),
    "a wheel that names no major": of(TORCH, stray("nvidia-ml-py", "12.575.51")),
    "a major that cannot be read": of(TORCH, stray("nvidia-cublas", "dev")),
    "more after the major": of(TORCH, stray("nvidia-nccl-cu11-extra")),
}

FIRING = {
    "nothing requires it": Fires(
        of(TORCH, OWN, stray()),
        fault(", and nothing requires it", ADVICE),
        offers=["remove-stray-cuda safe"],
    ),
    "a CUDA 13 wheel beside CUDA 12's": Fires(
        of(TORCH, stray("nvidia-cudnn-cu13", "9.1")),
        alone("2.9.0+cu128", 12, "nvidia-cudnn-cu13 9.1", 13),
        offers=["remove-stray-cuda safe"],
    ),
    "CUDA 13's without a suffix": Fires(
        of(TORCH, *(stray(f"nvidia-{n}", "13.0.1") for n in ("cuda-runtime", "cuda-nvrtc"))),
        [alone("2.9.0+cu128", 12, f"nvidia-cuda-{n} 13.0.1", 13) for n in ("runtime", "nvrtc")],
        offers=["remove-stray-cuda safe"],
    ),
    "two more of those": Fires(
        of(TORCH, *(stray(f"nvidia-{n}", "13.0.1") for n in ("cuda-cupti", "cublas"))),
        [alone("2.9.0+cu128", 12, f"nvidia-{n} 13.0.1", 13) for n in ("cuda-cupti", "cublas")],
        offers=["remove-stray-cuda safe"],
    ),
    "CUDA 12's beside a torch for 13": Fires(
        of(b.dist("torch", "2.13.0+cu130"), OWN, torch=CU13),
        alone("2.13.0+cu130", 13, "nvidia-nccl-cu12 2.27.5", 12),
        offers=["remove-stray-cuda safe"],
    ),
    "it collides": Fires(
        of(TORCH, OWN, stray(), files=(shared(HEADER), shared(holder=None))),
        fault(
            f" and owns {NCCL} too",  # the library first
            WARNING,
            held(NCCL, "unknown"),
            held(HEADER, "nvidia-nccl-cu11"),
            beside=("nvidia-nccl-cu12",),
        ),
        offers=["remove-stray-cuda safe"],
    ),
    "it was requested and collides": Fires(
        of(TORCH, OWN, stray(requested=True), files=(shared(),)),
        fault(
            f" and owns {NCCL} too",
            WARNING,
            held(NCCL, "nvidia-nccl-cu11"),
            requested=True,
            beside=("nvidia-nccl-cu12",),
        ),
        offers=["remove-stray-cuda unsafe"],
    ),
    "it is required and collides": Fires(
        of(
            TORCH,
            OWN,
            stray(),
            b.dist("jax-cuda11", requires=["nvidia-nccl-cu11"]),
            files=(shared(),),
        ),
        fault(
            f" and owns {NCCL} too",
            WARNING,
            held(NCCL, "nvidia-nccl-cu11"),
            "required by jax-cuda11",
            users=("jax-cuda11",),
            beside=("nvidia-nccl-cu12",),
        ),
        offers=["remove-stray-cuda unsafe"],
    ),
    "without torch": Fires(
        of(OWN, stray(), torch=None, files=(shared(),)),
        CLASSIC,
        offers=["remove-stray-cuda safe"],
    ),
    "beside a CPU build": Fires(
        of(OWN, stray(), torch=b.torch("2.9.0+cpu"), files=(shared(),)),
        CLASSIC,
        offers=["remove-stray-cuda safe"],
    ),
    "without torch, both requested": Fires(
        of(replace(OWN, requested=True), stray(requested=True), torch=None, files=(shared(),)),
        replace(CLASSIC, payload=StrayWheel("nvidia-nccl-cu11", (), True, ("nvidia-nccl-cu12",))),
        offers=["remove-stray-cuda unsafe"],
    ),
    "without torch, one is wanted": Fires(
        of(OWN, stray(), CUPY, torch=None, cupy_cuda12x=["libcublas.so.12", "libnccl.so.2"]),
        fault(
            ", and nothing requires it",
            ADVICE,
            told="cupy-cuda12x wants CUDA 12 libraries; nvidia-nccl-cu11 2.21.5 is CUDA 11's",
        ),
        offers=["remove-stray-cuda safe"],
    ),
    "without torch, the older one is wanted": Fires(
        of(OWN, stray(), JAX_11, torch=None, files=(shared(),)),
        Fault(
            WARNING,
            "nvidia-nccl-cu12",
            "jax-cuda11 wants CUDA 11 libraries; nvidia-nccl-cu12 2.27.5 is CUDA 12's and owns "
            f"{NCCL} too.",
            evidence=(held(NCCL, "nvidia-nccl-cu11"),),
            breaks=("collision:nvidia-nccl-cu12",),
            payload=StrayWheel("nvidia-nccl-cu12", (), False, ("nvidia-nccl-cu11",)),
        ),
        offers=["remove-stray-cuda safe"],
    ),
    "two strays that collide beside a torch for a third": Fires(
        of(
            b.dist("torch", "2.13.0+cu130"),
            replace(OWN, requested=True),
            stray(requested=True),
            torch=CU13,
            files=(shared(),),
        ),
        replace(
            CLASSIC,
            message="torch 2.13.0+cu130 wants CUDA 13 libraries; nvidia-nccl-cu11 2.21.5 is CUDA "
            f"11's and owns {NCCL} too.",
            payload=StrayWheel("nvidia-nccl-cu11", (), True, ("nvidia-nccl-cu12",)),
        ),
        offers=["remove-stray-cuda unsafe"],
    ),
    "of many files ten are shown": Fires(
        of(TORCH, OWN, stray(), files=MANY),
        fault(
            f" and owns {MANY[0].path} too",
            WARNING,
            *(held(f.path, "nvidia-nccl-cu11") for f in MANY[:10]),
            beside=("nvidia-nccl-cu12",),
        ),
        offers=["remove-stray-cuda safe"],
    ),
    "two strays, the first of them wanted": Fires(
        of(TORCH, OWN, stray("nvidia-nvtx-cu11", requested=True), stray()),
        fault(", and nothing requires it", ADVICE),
        offers=["remove-stray-cuda safe"],
    ),
    "conda's is not removed by pip": Fires(
        of(TORCH, OWN, stray(source="conda")), fault(", and nothing requires it", ADVICE)
    ),
}

test_silent, test_firing = rows(mixed_cuda_majors, SILENT, FIRING)
