"""WHL510: a package for another CUDA major than torch's, or than the libraries here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import builders as b
from rows import Fires, rows

from gpufix.checks.judge import attach
from gpufix.checks.registry import ERROR, WARNING, Fault
from gpufix.checks.symbols.sym402_missing_library import missing_library
from gpufix.checks.wheels.whl505_torch_family_mismatch import torch_family_mismatch
from gpufix.checks.wheels.whl510_other_cuda_major import other_cuda_major
from gpufix.evidence.view import View
from gpufix.model import Distribution, Import, Library, Problem, Severity
from gpufix.model.payload import OtherCudaMajor, StrayWheel

CUDART = "libcudart.so.12"
T13 = b.dist("torch", "2.14.1+cu130")
TORCH_13 = b.torch("2.14.1+cu130")
CU13 = b.dist("nvidia-cublas", "13.1.1.3")
NO_PROJECT: dict[str, Any] = {"project": None, "toolkits": []}


def lib(
    *missing: str,
    owner: str | None = "flash-attn",
    file: str = "flash_attn_2_cuda.so",
    **changes: Any,
) -> Library:
    problems = [Problem(kind="missing-library", name=name) for name in missing]
    own = {"distribution": owner, "problems": problems, "module": True}
    return b.library(f"{owner}/{file}", **(own | changes))


def ext(*missing: str, **changes: Any) -> Library:
    return lib(*(missing or (CUDART,)), **({"links_torch": True} | changes))


def cupy(*missing: str, **changes: Any) -> Library:
    return lib(*missing, **({"owner": "cupy-cuda12x", "file": "cublas.so"} | changes))


def of(
    *libraries: Library,
    dists: Sequence[Distribution] = (),
    imports: Sequence[Import] = (),
    **sections: Any,
) -> View:
    owners = {x.distribution for x in libraries if x.distribution} - {d.name for d in dists}
    installed = [*dists, *(b.dist(name) for name in sorted(owners))]
    scan = b.binaries(*libraries, imports=imports)
    base = {"distributions": installed, "binaries": scan, "torch": None, **NO_PROJECT}
    return b.view(b.healthy(**(base | sections)))


def beside_13(*libraries: Library, **more: Any) -> View:
    """With a torch for CUDA 13."""
    return of(*libraries, **({"torch": TORCH_13, "dists": [T13]} | more))


def fault(
    message: str,
    *needs: str,
    owner: str = "flash-attn",
    severity: Severity = ERROR,
    sonames: Sequence[str] = (CUDART,),
    file: str = "flash_attn_2_cuda.so",
    links_torch: bool = True,
    way: Sequence[str] = (),
) -> Fault:
    return Fault(
        severity,
        owner,
        message,
        evidence=(*(f"{file} needs {name}" for name in needs or sonames), *way),
        breaks=(f"cuda:{owner}", f"load:{owner}"),
        needs=(f"family:{owner}",),
        payload=OtherCudaMajor(
            owner, (f"{b.SITE}/{owner}/{file}",), 12, tuple(sonames), links_torch
        ),
    )


TOLD = f"flash-attn 1.0 is built for CUDA 12 and lacks {CUDART}; torch 2.14.1+cu130 is for CUDA 13."
CUPY = "cupy-cuda12x 1.0 is built for CUDA 12 and lacks libcublas.so.12; the CUDA libraries here are CUDA {}'s."
CUBLAS = ("libcublas.so.12",)
CUPY_13 = cupy(*CUBLAS)
SPARED = ext(module=False)

NVRTC = f"{b.SITE}/nvidia/cu13/lib/libnvrtc.so.13"
WHEEL = b.dist("nvidia-cuda-nvrtc", "13.0.88")


def taking(path: str = NVRTC, gpu: str = "sm_70", wheel: Distribution = WHEEL, **more: Any) -> View:
    """CuPy for CUDA 12, whose cuda.pathfinder takes a file for libnvrtc.so.12."""
    own = {"uses": {"libnvrtc.so.12": path}, "opened_by": "plugin", "owner": "cupy-cuda12x"}
    opener = lib(**{**own, **more})
    taken = b.library(path.removeprefix(f"{b.SITE}/"), distribution=wheel.name)
    return of(opener, taken, dists=[wheel, b.dist("cupy-cuda12x", "14.0.1")], gpus=[b.gpu(gpu)])


def taken(requested: bool = False) -> Fault:
    return Fault(
        ERROR,
        "cupy-cuda12x",
        "cupy-cuda12x 14.0.1 is built for CUDA 12 and takes libnvrtc.so.13 of nvidia-cuda-nvrtc "
        "13.0.88, which generates nothing for sm_70.",
        evidence=(NVRTC, "cuda.pathfinder takes the newest version that is installed"),
        payload=StrayWheel(WHEEL.name, required_by=(), requested=requested, shared_with=()),
    )


SILENT = {
    "a compiler of a later CUDA that knows the GPU": taking(gpu="sm_80"),
    "the compiler of its own CUDA": taking(NVRTC.replace("13", "12")),
    "a library that is no plug-in": taking(opened_by=None),
    "each library is found": beside_13(ext(problems=[])),
    "a library of torch's own CUDA": beside_13(ext("libcudart.so.13")),
    "a SONAME of both majors": beside_13(ext("libcusparse.so.12")),
    "a SONAME that tells no major": beside_13(ext("libcudnn.so.9")),
    "a library that is none of CUDA's": beside_13(ext("libfoo.so.12")),
    "a fault of another kind": beside_13(
        ext(problems=[Problem(kind="undefined-symbol", name=CUDART)])
    ),
    "torch lacks its own": beside_13(ext(owner="torch")),
    "a wheel of NVIDIA's lacks another": beside_13(
        lib("libcublas.so.12", owner="nvidia-cusolver-cu12"),
        dists=[T13, b.dist("nvidia-cusolver-cu12", "11.7")],
    ),
    "torch has no CUDA: that is the cause": of(
        ext("libcudart.so.12", "libtorch_cuda.so"), dists=[CU13], torch=b.torch("2.14.1+cpu")
    ),
    "torch's CUDA is no number": beside_13(
        ext(), torch=b.torch("2.14.1+cu130", cuda="none"), dists=[T13]
    ),
    "no CUDA is here": of(CUPY_13),
    "a toolkit of another major is here only": of(CUPY_13, toolkits=[b.toolkit("13.0")]),
    "its own major is here too": of(
        CUPY_13, dists=[CU13, b.dist("nvidia-nccl-cu12", "2.27")]
    ),
    "the wheel that should bring it is here": of(
        CUPY_13, dists=[b.dist("nvidia-cublas-cu12", "12.8.4.1")]
    ),
    "it lies where the loader does not search": of(
        cupy(
            problems=[
                Problem(kind="missing-library", name="libcublas.so.12", provider="/x/libcublas.so.12")
            ]
        ),
        dists=[CU13],
    ),
    "a toolkit of its major is here": of(CUPY_13, dists=[CU13], toolkits=[b.toolkit("12.8")]),
    "its import works without": of(
        cupy(*CUBLAS, module=False), dists=[CU13], imports=[b.importing(CUPY_13, "works")], gpus=[]
    ),
    "whether its import fails is not known": of(
        cupy(*CUBLAS, module=False), dists=[CU13], imports=[b.importing(CUPY_13, "unsure")]
    ),
    "libraries of several majors, all lacking": of(
        lib("libcudart.so.11.0", "libcudart.so.12", owner="many"), dists=[CU13]
    ),
}  # fmt: skip

FIRING = {
    "the compiler of a later CUDA dropped the GPU": Fires(
        taking(), taken(), ["remove-stray-cuda safe"]
    ),
    "somebody asked for it": Fires(
        taking(wheel=replace(WHEEL, requested=True)),
        taken(requested=True),
        ["remove-stray-cuda unsafe"],
    ),
    "an extension of torch": Fires(
        beside_13(ext()), fault(TOLD), offers=["install-fallback unsafe", "set-own-cuda-beside unsafe"]
    ),
    "its libraries lie in the environment, and torch does not open them": Fires(
        beside_13(ext(problems=[Problem(kind="missing-library", name=CUDART, provider="/x")])),
        fault(TOLD),
        offers=["install-fallback unsafe", "set-own-cuda-beside unsafe"],
    ),
    "the wheel of its CUDA is installed": Fires(
        beside_13(ext(), dists=[T13, b.dist("nvidia-cuda-runtime-cu12", "12.8.90")]),
        fault(TOLD),
        offers=["install-fallback unsafe", "set-own-cuda-beside unsafe"],
    ),
    "a companion, of which the release is known": Fires(
        beside_13(
            ext(owner="torchvision", file="_C.so"),
            torch=b.torch("2.9.0+cu130"),
            dists=[b.dist("torch", "2.9.0+cu130"), b.dist("torchvision", "0.24.0+cu128")],
        ),
        fault(
            f"torchvision 0.24.0+cu128 is built for CUDA 12 and lacks {CUDART}; torch 2.9.0+cu130 "
            "is for CUDA 13.",
            owner="torchvision",
            file="_C.so",
        ),
        offers=["match-torch-family unsafe", "set-own-cuda-beside unsafe"],
    ),
    "its source is known": Fires(
        beside_13(
            ext(),
            dists=[
                T13,
                b.dist("setuptools", "80.9.0"),
                b.dist("wheel", "0.45.1"),
                b.dist("ninja", "1.11.1"),
                b.dist("flash-attn", editable="/src/project"),
            ],
            project=b.project(),
            toolkits=[b.toolkit("13.0")],
        ),
        fault(TOLD),
        offers=["install-fallback unsafe", "rebuild-for-torch safe", "set-own-cuda-beside unsafe"],
    ),
    "gpufix has a replacement": Fires(
        beside_13(ext(owner="fused-ssim", file="_C.so")),
        fault(TOLD.replace("flash-attn", "fused-ssim"), owner="fused-ssim", file="_C.so"),
        offers=["install-fallback unsafe", "set-own-cuda-beside unsafe"],
    ),
    "no distribution owns it": Fires(
        of(
            replace(ext(), distribution=None, path="/src/project/_C.so"),
            torch=TORCH_13,
            dists=[T13],
        ),
        replace(
            fault(TOLD.replace("flash-attn 1.0", "/src/project/_C.so"), owner="/src/project/_C.so"),
            evidence=(f"_C.so needs {CUDART}",),
            payload=OtherCudaMajor(
                "/src/project/_C.so", ("/src/project/_C.so",), 12, (CUDART,), True
            ),
        ),
    ),
    "without torch": Fires(
        of(CUPY_13, dists=[CU13]),
        fault(CUPY.format(13), owner="cupy-cuda12x", sonames=CUBLAS, file="cublas.so", links_torch=False),
        offers=["install-own-cuda unsafe", "switch-edition unsafe"],
    ),
    "beside a torch that it does not link": Fires(
        beside_13(CUPY_13),
        fault(CUPY.format(13), owner="cupy-cuda12x", sonames=CUBLAS, file="cublas.so", links_torch=False),
        offers=["install-own-cuda unsafe", "switch-edition unsafe"],
    ),
    "a toolkit of another major as well": Fires(
        of(CUPY_13, dists=[CU13], toolkits=[b.toolkit("11.8")]),
        fault(CUPY.format(13), owner="cupy-cuda12x", sonames=CUBLAS, file="cublas.so", links_torch=False),
        offers=["install-own-cuda unsafe", "switch-edition unsafe"],
    ),
    "two other majors, and a SONAME of two": Fires(
        of(
            cupy("libcublas.so.12", "libcufft.so.11", "libcusparse.so.12"),
            dists=[CU13, b.dist("nvidia-nccl-cu11", "2.21")],
        ),
        fault(
            CUPY.format("11 and 13").replace("so.12;", "so.12 (and 1 more);"),
            owner="cupy-cuda12x",
            sonames=("libcublas.so.12", "libcufft.so.11"),
            file="cublas.so",
            links_torch=False,
        ),
        offers=["install-own-cuda unsafe"],
    ),
    "its import goes on, and says so": Fires(
        beside_13(SPARED, gpus=[], imports=[b.sparing(SPARED, said=True)]),
        fault(TOLD, severity=WARNING, way=[b.tried("flash-attn")]),
        offers=["install-fallback unsafe", "set-own-cuda-beside unsafe"],
    ),
}  # fmt: skip
test_silent, test_firing = rows(other_cuda_major, SILENT, FIRING)


def test_one_cause_is_one_finding() -> None:
    view = beside_13(
        ext("libcudart.so.12", "libcublas.so.12", "libcusparse.so.12", owner="torchvision"),
        dists=[T13, b.dist("torchvision", "0.24.0+cu128")],
    )
    checks = (other_cuda_major, missing_library, torch_family_mismatch)
    (root,) = attach([f for check in checks for f in b.run(check, view.facts)])
    assert root.code == "WHL510"
    assert [below.code for below in root.consequences] == ["SYM402"]


def test_the_package_is_for_another_torch_as_well() -> None:
    view = beside_13(ext(), dists=[T13, b.dist("flash-attn", "2.8+cu12torch2.6")])
    checks = (other_cuda_major, missing_library, torch_family_mismatch)
    (root,) = attach([f for check in checks for f in b.run(check, view.facts)])
    assert (root.code, [x.code for x in root.consequences]) == ("WHL505", ["WHL510"])
