"""GPU103: code of extensions."""

from __future__ import annotations

from dataclasses import replace

import builders as b
from rows import Fires, Unseen, rows

from gpufix.checks.gpu.gpu103_extension_lacks_target import extension_lacks_target
from gpufix.checks.registry import ADVICE, ERROR, Fault
from gpufix.evidence.view import View
from gpufix.model import CodeObject, CodePart, KernelFiles, Library, Severity
from gpufix.model.payload import UnfitCode

RTX_5080 = b.gpu("sm_120", name="NVIDIA GeForce RTX 5080")
NAME = "sm_120 (NVIDIA GeForce RTX 5080)"


def lib(*objects: CodeObject, name: str | None = "rasterizer", path: str = "_C.so") -> Library:
    return b.library(f"{name or 'somewhere'}/{path}", list(objects), distribution=name)


def of(*libraries: Library, **sections: object) -> View:
    known = {"gpus": [RTX_5080], "binaries": b.binaries(*libraries)}
    return b.view(b.healthy(**(known | sections)))


def amd(*libraries: Library, gfx: str = "gfx1100") -> View:
    return b.view(b.healthy_amd(gpus=[b.gpu(gfx)], binaries=b.binaries(*libraries)))


def fault(
    held: str,
    name: str = NAME,
    level: Severity = ERROR,
    subject: str = "rasterizer",
    evidence: tuple[str, ...] = (),
) -> Fault:
    return Fault(
        level,
        subject,
        f"{subject} holds {held}; none of it runs on {name}.",
        evidence=evidence or (f"{b.SITE}/rasterizer/_C.so: {held}",),
        breaks=(f"code:{subject}",),
        payload=UnfitCode(subject, name.partition(" ")[0]),
    )


BLAS = "rocm-sdk-libraries"
ROOT = f"{b.SITE}/_rocm_sdk_libraries"


def sdk(
    *gfx: str, files: dict[str, int] | None = None, kind: str = "rocblas", **more: object
) -> View:
    """ROCm's libraries with code in archives beside them, and kernels in files."""
    library = b.library(
        "_rocm_sdk_libraries/lib/librocsparse.so.1",
        b.code(*gfx, kind="hip"),
        distribution=BLAS,
        archives=[f"{ROOT}/.kpack/blas_lib_@GFXARCH@.kpack"],
    )
    beside = KernelFiles(
        kind=kind,
        library=f"{ROOT}/lib/librocblas.so.5",
        distribution=BLAS,
        folder=f"{ROOT}/lib/rocblas/library",
        files=files if files is not None else dict.fromkeys(gfx, 2),
    )
    scan = replace(b.binaries(library), kernel_files=[beside])
    known = {"gpus": [b.gpu("gfx1100")], "distributions": [b.dist(BLAS, "7.13.0")]}
    return b.view(b.healthy_amd(**(known | more), binaries=scan))


def sdk_fault(have: str) -> Fault:
    name = "gfx1100 (GPU of gfx1100)"
    return Fault(
        ERROR,
        BLAS,
        f"{BLAS} 7.13.0 has its GPU code in wheels of their own: {have}; {name} needs "
        "rocm-sdk-device-gfx1100.",
        evidence=(f"{ROOT}/.kpack/blas_lib_@GFXARCH@.kpack: {have}",),
        breaks=(f"code:{BLAS}",),
        payload=UnfitCode(BLAS, "gfx1100"),
    )


def kernels(have: str, level: Severity = ERROR) -> Fault:
    return Fault(
        level,
        BLAS,
        f"The kernel files of librocblas.so.5 {have}, none for gfx1100 (GPU of gfx1100): rocBLAS "
        "error: Cannot read TensileLibrary.dat: No such file or directory for GPU arch.",
        evidence=(
            f"{ROOT}/lib/rocblas/library",
            "source: https://github.com/ROCm/rocBLAS/blob/rocm-6.2.2/library/src/tensile_host.cpp: "
            "it ends the process; tests/messages has reports of it",
        ),
        breaks=(f"code:{BLAS}",),
        needs=(f"code:{BLAS}",),
        payload=UnfitCode(BLAS, "gfx1100"),
    )


OWN_FOLDER = {"environment": b.environment(ROCBLAS_TENSILE_LIBPATH="/srv/kernels")}
MANUAL = ["advise-rocm-wheel manual"]
PATH = f"{b.SITE}/rasterizer/_C.so"


def units(
    *held: tuple[list[CodeObject], int],
    kernels: dict[str, list[str]] | None = None,
    asks: bool | None = False,
    **sections: object,
) -> View:
    """A library of units, so many of each; what it is asked: its kernels, by what they are for."""
    objects = [item for code, _ in held for item in code]
    at = iter(range(len(objects)))
    parts = [CodePart(code=[next(at) for _ in code], count=count) for code, count in held]
    answers: dict[str, object] = {"chooses-gpu:" + PATH: asks}
    for key, names in (kernels or {}).items():
        answers[f"unnamed-kernels:{key} {PATH}"] = names
        answers |= {f"demangle:{name}": None for name in names}
    return of(replace(lib(*objects), parts=parts), answers=answers, **sections)


OLDER, NEWER = b.code("sm_80"), b.code("sm_120")
KERNEL = {"cubin:sm_80": ["alpha"]}
OLD = lib(*b.code("sm_86", "sm_90"))


def part(
    count: str,
    number: int,
    why: str = "holds code for sm_80",
    held: str = "machine code for sm_80, sm_120",
) -> Fault:
    """Units of the library without code for the RTX 5080."""
    lacks = "lacks" if number == 1 else "lack"
    whole = fault(held)
    message = f"rasterizer: {count} of GPU code in _C.so {lacks} code for {NAME}, with kernels such as alpha: {why}."
    return replace(whole, message=message)


OLD_HELD = "machine code for sm_86, sm_90"
SILENT = {
    "ROCm's libraries have it in an archive": sdk("gfx1100"),
    "one catalogue for all GPUs": sdk("gfx1100", files={"": 1}),
    "hipBLASLt lacks it, and rocBLAS steps in": sdk("gfx1100", files={}, kind="hipblaslt"),
    "MIOpen has no database for it": sdk("gfx1100", files={"gfx942": 9}, kind="miopen"),
    "an override to what they have": sdk(
        "gfx1030", environment=b.environment(HSA_OVERRIDE_GFX_VERSION="10.3.0")
    ),
    "healthy": b.view(b.healthy()),
    "healthy AMD": b.view(b.healthy_amd()),
    "no extension": of(),
    "no target": of(OLD, gpus=[]),
    "a library without GPU code": of(lib()),
    "code of 8.6 runs on 8.9": of(OLD, gpus=[b.gpu("sm_89")]),
    "one library of a distribution serves": of(
        lib(*b.code("sm_90"), path="old.so"), lib(*b.code("sm_120"))
    ),
    "PTX is GPU102's": of(lib(*b.code("sm_80"), *b.code("sm_80", kind="ptx"))),
    "PTX newer than the driver is GPU104's": of(
        lib(*b.code("sm_80"), *b.code("sm_80", kind="ptx", ptx_version="9.2"))
    ),
    "code for exact targets only is GPU108's": of(lib(*b.code("sm_90a", "sm_100f"))),
    "LTO code only, which is linked for any GPU": of(lib(*b.code("sm_90", kind="lto"))),
    "LTO code beside machine code": of(lib(*b.code("sm_90"), *b.code("sm_90", kind="lto"))),
    "code of a kind that is not known": of(lib(*b.code("sm_90"), *b.code("", kind="other"))),
    "SPIR-V is AMD's, and compiled for any of its GPUs": of(lib(*b.code("", kind="spirv"))),
    "SPIR-V on an AMD GPU": amd(lib(*b.code("", kind="spirv"), *b.code("gfx90a", kind="hip"))),
    "bitcode on an AMD GPU": amd(lib(*b.code("gfx90a", kind="bitcode"))),
    "code of the other vendor": of(lib(*b.code("gfx90a", kind="hip"))),
    "a generic code object": amd(lib(*b.code("gfx11-generic", kind="hip"))),
    "a generic code object that is not known": amd(lib(*b.code("gfx13-generic", kind="hip"))),
    "a code object that hangs on a feature": amd(
        lib(*b.code("gfx90a:xnack-", kind="hip")), gfx="gfx90a"
    ),
    "each unit serves": units((OLDER + NEWER, 4), (NEWER, 1)),
    "a unit whose kernels are named for other GPUs": units(
        (OLDER, 1), (NEWER, 1), kernels={"cubin:sm_80": []}
    ),
    "units for an exact target, where something asks for the GPU": units(
        (b.code("sm_90a"), 292), (NEWER, 9), asks=True
    ),
    "units for newer GPUs, where something may ask": units(
        (b.code("sm_90"), 1), (NEWER, 9), asks=None, gpus=[b.gpu("sm_90")]
    ),
    "few units, where something asks for the GPU": units(
        (OLDER, 1), (NEWER, 10), kernels=KERNEL, asks=True
    ),
    "half of the units, and something asks": Unseen(
        units((OLDER, 1), (NEWER, 1), kernels=KERNEL, asks=True), ["rasterizer"]
    ),
    "units for newer GPUs, and nothing asks": Unseen(
        units(
            (b.code("sm_90"), 1),
            (NEWER, 9),
            asks=False,
            gpus=[b.gpu("sm_90")],
            kernels={"cubin:sm_120": ["alpha"]},
        ),
        ["rasterizer"],
    ),
    "units of AMD code that differ": amd(
        replace(
            lib(*b.code("gfx90a", "gfx1100", kind="hip")),
            parts=[CodePart(code=[0]), CodePart(code=[1])],
        )
    ),
    "torch's own library": of(b.library("torch/lib/libtorch_cuda.so", b.code("sm_90"))),
    "torch's distribution, installed elsewhere": of(lib(*b.code("sm_90"), name="torch")),
    **{
        f"{name} chooses by itself": of(lib(*b.code("sm_90"), name=name))
        for name in ("nvidia-cudnn-cu12", "triton", "pytorch-triton", "cupy-cuda12x", "jaxlib")
    },
}

FIRING = {
    "ROCm's libraries have it in no archive": Fires(
        sdk("gfx1201", files={"gfx1100": 2}), sdk_fault("machine code for gfx1201"), MANUAL
    ),
    "rocBLAS has kernels for another": Fires(
        sdk("gfx1100", files={"gfx1201": 2}), kernels("are for gfx1201"), MANUAL
    ),
    "rocBLAS has none, beside a GPU that is served": Fires(
        sdk(
            "gfx1100", "gfx1201", files={"gfx1201": 2}, gpus=[b.gpu("gfx1201"), b.gpu("gfx1100", 1)]
        ),
        kernels("are for gfx1201", ADVICE),
        MANUAL,
    ),
    "its kernels lie where nobody looked": Fires(
        sdk("gfx1201", **OWN_FOLDER),
        sdk_fault("machine code for gfx1201"),
        MANUAL,
        gaps=[f"{ROOT}/lib/librocblas.so.5"],
    ),
    "code of other majors": Fires(of(OLD), fault(OLD_HELD)),
    "a newer release is listed, with code for it": Fires(
        of(
            lib(*b.code("sm_80"), name="bitsandbytes", path="libbitsandbytes_cuda118.so"),
            distributions=[b.dist("torch", "2.9.0+cu128"), b.dist("bitsandbytes", "0.41.0")],
        ),
        fault(
            "machine code for sm_80",
            subject="bitsandbytes",
            evidence=(f"{b.SITE}/bitsandbytes/libbitsandbytes_cuda118.so: machine code for sm_80",),
        ),
        ["take-release-for-target unsafe"],
    ),
    "no torch": Fires(of(OLD, torch=None), fault(OLD_HELD)),
    "nobody's library": Fires(
        of(lib(*b.code("sm_90"), name=None)),
        fault(
            "machine code for sm_90",
            subject=f"{b.SITE}/somewhere/_C.so",
            evidence=(f"{b.SITE}/somewhere/_C.so: machine code for sm_90",),
        ),
    ),
    "all libraries of a distribution": Fires(
        of(lib(*b.code("sm_90"), path="a.so"), lib(*b.code("sm_80"), path="b.so")),
        fault(
            "machine code for sm_80, sm_90",
            evidence=(
                f"{b.SITE}/rasterizer/a.so: machine code for sm_90",
                f"{b.SITE}/rasterizer/b.so: machine code for sm_80",
            ),
        ),
    ),
    "PTX for newer GPUs only": Fires(
        of(lib(*b.code("sm_121", kind="ptx"))), fault("PTX for sm_121")
    ),
    "some of it for an exact target": Fires(
        of(lib(*b.code("sm_80", "sm_90a"))), fault("machine code for sm_80, sm_90a")
    ),
    "one of two GPUs": Fires(
        of(lib(*b.code("sm_89")), gpus=[b.gpu("sm_89"), b.gpu("sm_75", 1)]),
        fault("machine code for sm_89", "sm_75 (GPU of sm_75)", ADVICE),
    ),
    "none of two: PTX for the other is too new": Fires(
        of(
            lib(*b.code("sm_120", kind="ptx", ptx_version="9.5")),
            gpus=[RTX_5080, b.gpu("sm_75", 1)],
        ),
        fault("PTX for sm_120", "sm_75 (GPU of sm_75)"),
    ),
    "two extensions": Fires(
        of(OLD, lib(*b.code("sm_90a"), name="exact"), lib(*b.code("sm_80"), name="zbuffer")),
        [
            fault(OLD_HELD),
            fault(
                "machine code for sm_80",
                subject="zbuffer",
                evidence=(f"{b.SITE}/zbuffer/_C.so: machine code for sm_80",),
            ),
        ],
    ),
    "a unit that has no code, and nothing asks for the GPU": Fires(
        units((OLDER, 1), (NEWER, 9), kernels=KERNEL), part("1 of the 10 units", 1)
    ),
    "most units, though something asks": Fires(
        units(
            (OLDER, 3), (NEWER, 2), kernels={"cubin:sm_80": ["alpha", "beta", "gamma"]}, asks=True
        ),
        part("3 of the 5 units", 3),
    ),
    "half of the units, and whether something asks is hidden": Fires(
        units((OLDER, 1), (NEWER, 1), kernels=KERNEL, asks=None), part("1 of the 2 units", 1)
    ),
    "a unit whose PTX the driver cannot compile": Fires(
        units(
            (b.code("sm_80", kind="ptx", ptx_version="9.9"), 1),
            (NEWER, 1),
            kernels={"ptx:sm_80:9.9": ["alpha"]},
        ),
        part(
            "1 of the 2 units",
            1,
            "PTX sm_80 of ISA 9.9 needs a driver for a newer CUDA than is known, this one is for 13.0",
            "machine code for sm_120 and PTX for sm_80",
        ),
    ),
    "another gfx": Fires(
        amd(lib(*b.code("gfx90a", "gfx1100:xnack-", kind="hip")), gfx="gfx1101"),
        fault("machine code for gfx1100:xnack-, gfx90a", "gfx1101 (GPU of gfx1101)"),
    ),
    "code of both vendors, for neither's GPU": Fires(
        b.view(
            b.facts(binaries=b.binaries(lib(*b.code("sm_90"), *b.code("gfx90a", kind="hip")))),
            "sm_120",
            "gfx1100",
        ),
        [
            fault("machine code for gfx90a, sm_90", "sm_120 (--gpu sm_120)"),
            fault("machine code for gfx90a, sm_90", "gfx1100 (--gpu gfx1100)"),
        ],
    ),
    "its source is here": Fires(
        of(
            OLD, distributions=[*b.healthy().distributions, b.dist("rasterizer", editable="/src/r")]
        ),
        fault(OLD_HELD),
        offers=["rebuild-for-target safe"],
    ),
    "gpufix has a fallback for it": Fires(
        of(
            lib(*b.code("sm_86", "sm_90"), name="fused-ssim"),
            distributions=[*b.healthy().distributions, b.dist("fused-ssim", "1.0.0")],
        ),
        fault(
            OLD_HELD,
            subject="fused-ssim",
            evidence=(f"{b.SITE}/fused-ssim/_C.so: {OLD_HELD}",),
        ),
        offers=["install-fallback unsafe"],
    ),
}

test_silent, test_firing = rows(extension_lacks_target, SILENT, FIRING)
