"""SYM402: libraries that the loader would not find."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import builders as b
from rows import Fires, Unseen, rows

from gpufix.checks.registry import ERROR, WARNING, Fault
from gpufix.checks.symbols.sym402_missing_library import missing_library
from gpufix.evidence.view import View
from gpufix.knowledge.cuda_libraries import majors
from gpufix.model import Distribution, Import, Library, Problem, Severity
from gpufix.model.payload import MissingLibrary

NCCL, FOO = "libnccl.so.2", "libfoo.so.1"
HELD = f"{b.SITE}/nvidia/nccl/lib/{NCCL}"
OF_LIBFOO = f"{b.SITE}/libfoo/lib64/libfoo.so.1"
NCCL_CU12 = ["nvidia-nccl-cu12"]
EVERY_NCCL = ["nvidia-nccl-cu11", "nvidia-nccl-cu12", "nvidia-nccl-cu13"]
TORCH = b.dist("torch", "2.9.0+cu128", requires=["nvidia-nccl-cu12==2.27.5"])
PIN = ["install-declared safe"]


def lib(*missing: str, owner: str | None = "foo", file: str = "_x.so", **changes: Any) -> Library:
    problems = [
        Problem(kind="missing-library", name=name, driver=name.startswith("libcuda.so"))
        for name in missing
    ]
    return b.library(f"{owner}/{file}", **({"distribution": owner, "problems": problems} | changes))


def of(
    *libraries: Library,
    dists: Sequence[Distribution] = (TORCH,),
    modules: int = 30,
    imports: Sequence[Import] = (),
    **sections: Any,
) -> View:
    """`modules`: of foo."""
    scan = replace(b.binaries(*libraries, imports=imports), modules={"foo": modules})
    return b.view(b.healthy(distributions=list(dists), binaries=scan, **sections))


def fault(
    *names: str,
    owner: str = "foo",
    wheels: Sequence[str] = (),
    severity: Severity = ERROR,
    files: Sequence[str] = ("_x.so",),
    links_torch: bool = False,
    evidence: Sequence[str] = (),
    each: Sequence[Sequence[str]] | None = None,
    held: Sequence[str] = (),
    holder: str | None = None,
) -> Fault:
    """`each`: of several libraries, for each its wheels; else each of `wheels` is one's."""
    more = f" (and {len(names) - 1} more)" if len(names) > 1 else ""
    alone = [[wheel] for wheel in wheels] if each is None else each
    listed, verb = (
        ", ".join(" or ".join(row) for row in alone),
        "bring" if len(alone) > 1 else "brings",
    )
    brings = f"; {listed} {verb} {'it' if len(names) == 1 else 'them'}"
    return Fault(
        severity,
        owner,
        f"{owner} needs {names[0]}{more}: not found on the library search path"
        f"{brings if wheels else ''}.",
        evidence=evidence or tuple(f"{file} needs {name}" for name in names for file in files),
        breaks=("torch" if owner == "torch" else f"load:{owner}", f"symbols:{owner}"),
        needs=(
            *((f"cuda:{owner}",) if any(map(majors, names)) or names[0] == "libtorch.so" else ()),
            *(f"soname:{name}" for name in names),
            *(f"dist:{wheel}" for wheel in wheels),
            *(f"file:{b.SITE}/{owner}/{file}" for _ in names for file in files),
            *(f"damaged:{one}" for one in wheels or (owner,)),
            *(("torch",) if links_torch else ()),
            f"family:{owner}",
            *((f"mismatch:{owner}:{holder}",) if holder else ()),
        ),
        payload=MissingLibrary(
            owner, tuple(wheels), tuple(map(tuple, alone)), tuple(names), tuple(held)
        ),
    )


OPENER_FILE = "ctranslate2.libs/libctranslate2-a.so.4"
OPENER = lib("libcublas.so.12", owner="ctranslate2", file=OPENER_FILE, opened_by="plugin")
LINKED = lib(FOO, links_torch=True)
CUPY = lib("libcublas.so.12", owner="cupy-cuda12x")
FOR_CUDA_12 = lib("libcublas.so.12", owner="foo-cu12")
SOUGHT = Import(module="q", distribution="q", state="fails", missing="libq.so.1", chain=["/q.py:3"])
FOR_GPU = lib("libc10_cuda.so", owner="torchvision", file="_C.so", links_torch=True)
OF_TORCH = (
    "cuda:torchvision",
    "soname:libc10_cuda.so",
    f"file:{b.SITE}/torchvision/_C.so",
    "damaged:torchvision",
    "torch",
    "family:torchvision",
)
SSIM = lib(FOO, owner="fused-ssim", links_torch=True)
HELD_CUBLAS = Problem(
    kind="missing-library",
    name="libcublas.so.12",
    provider=f"{b.SITE}/nvidia/cublas/lib/libcublas.so.12",
)
DRIVERS = Problem(kind="missing-library", name="libcuda.so.1", driver=True)
PATHFINDER = [
    b.dist("cupy-cuda12x", requires=["cuda-pathfinder>=1.3"]),
    b.dist("cuda-pathfinder", "1.9.1"),
    b.dist("nvidia-cublas-cu12", "12.8.4.1"),
]
VENDORED = "libz-0123abcd.so.1"
FFMPEG = [lib(f"libav.so.{n}", file=f"libcore{n}.so") for n in (4, 5)]

SILENT = {
    "libraries load": of(lib(owner="torch")),
    "no library": of(),
    "a driver's library on a machine without a GPU": of(lib("libcuda.so.1", owner="torch")),
    "a fault of another kind": of(
        lib(owner="torch", problems=[Problem(kind="undefined-symbol", name="ncclSend")])
    ),
    "one optional module of many": of(lib(FOO)),
    "an optional part of a package without modules": of(lib(FOO), modules=0),
    "a package of which nothing is counted": of(lib(FOO, owner="bar")),
    "one of two modules": of(
        lib(FOO, module=True), modules=2, imports=[b.importing(lib(FOO), "works")]
    ),
    "a library of another package fails as well": of(lib(FOO), lib(FOO, owner="bar"), modules=2),
    "another of its libraries has no fault": of(lib(FOO), lib(file="_y.so"), modules=2),
    "a CUDA library that nothing of it requires": of(lib(NCCL)),
    "an import lacks a module": of(imports=[replace(SOUGHT, missing="lib")]),
    "a part of a package opens a library": of(imports=[replace(SOUGHT, part_of="p")]),
    "a library that is opened is refused": of(imports=[replace(SOUGHT, library="/q/libq.so")]),
    "its import works without": of(lib(FOO), imports=[b.importing(lib(FOO), "works")]),
    "an alternative finds its libraries, and fails by a symbol": of(
        FFMPEG[0],
        replace(FFMPEG[1], problems=[Problem(kind="undefined-symbol", name="_Zx")]),
        imports=[b.sparing(*FFMPEG, said=True)],
    ),
    "an alternative serves": of(*FFMPEG, imports=[b.sparing(*FFMPEG, said=True, served=True)]),
    "a wheel for one CUDA release, and no GPU": of(
        FOR_CUDA_12, imports=[b.importing(FOR_CUDA_12, "works")], gpus=[]
    ),
    "native code opens it: WHL509 tells": of(OPENER),
    "compiled code names it": of(
        lib(FOO), imports=[b.importing(lib(FOO), "works", named=[lib(FOO).path])]
    ),
    "its import goes on, and says so": of(lib(FOO), imports=[b.sparing(lib(FOO), said=True)]),
    "its import goes on, and says so of one of two for torch": of(
        LINKED,
        lib(file="_y.so", links_torch=True),
        imports=[b.sparing(LINKED, said=True)],
    ),
    "its import goes on": of(lib(FOO), imports=[b.sparing(lib(FOO))]),
    "its import goes on, and its only module may load": of(
        lib(FOO, module=True),
        lib(FOO, file="libfoo_extra.so"),
        modules=1,
        imports=[b.sparing(lib(FOO), doubtful=True)],
    ),
    "it is no module, and the only module loads": of(
        lib(FOO, file="libfoo_extra.so"),
        modules=1,
        imports=[b.importing(lib(FOO), "works")],
    ),
    "a module of it fails, because of missing what nobody asked for": of(
        lib(FOO), imports=[b.importing(lib(FOO), module="foo.part", part_of="foo")]
    ),
    "a bridge to torch, which nobody asks for": of(
        lib("libtorch.so", links_torch=True),
        dists=[],
        imports=[b.importing(lib(FOO), "works")],
        torch=None,
    ),
    "whether its import fails is not known": Unseen(
        of(lib(FOO), imports=[b.importing(lib(FOO), "unsure")]), ["foo"]
    ),
    "no distribution owns it": Unseen(
        of(replace(lib(FOO, code=b.code("sm_89")), distribution=None, path="/src/project/x.so")),
        ["/src/project/x.so"],
    ),
    "what links torch, and no import tells of it": Unseen(of(lib(FOO, links_torch=True)), ["foo"]),
    "what holds GPU code, and no import tells of it": Unseen(
        of(lib(FOO, code=b.code("sm_89"))), ["foo"]
    ),
    "what links torch, and its import does not surely fail": Unseen(
        of(lib(FOO, links_torch=True), imports=[b.importing(lib(FOO), "unsure")]), ["foo"]
    ),
    "what links torch, and its import works": of(
        lib(FOO, links_torch=True), imports=[b.importing(lib(FOO), "works")]
    ),
    "cuda.pathfinder opens it, from a wheel that is here": of(
        replace(CUPY, problems=[HELD_CUBLAS]),
        b.library("nvidia/cublas/lib/libcublas.so.12", distribution="nvidia-cublas-cu12"),
        dists=PATHFINDER,
    ),
    "one module a CUDA: it can load that of which cuda.pathfinder opens the library": of(
        lib("libnvrtc.so.11", file="cu11/_b.so", module=True),
        lib(file="cu12/_b.so", module=True, problems=[HELD_CUBLAS, DRIVERS]),
        b.library("nvidia/cublas/lib/libcublas.so.12", distribution="nvidia-cublas-cu12"),
        dists=[b.dist("foo", requires=["cuda-pathfinder"]), *PATHFINDER[1:]],
        imports=[b.importing(lib(), "works")],
        modules=2,
    ),
    "its import fails by another": of(lib(FOO), imports=[b.importing(lib(FOO, file="_y.so"))]),
}

FIRING = {
    "torch": Fires(of(lib(NCCL, owner="torch")), fault(NCCL, owner="torch", wheels=NCCL_CU12), PIN),
    "torch, by way of its meta-package": Fires(
        of(
            lib("libcufft.so.12", owner="torch"),
            dists=[
                b.dist("torch", "2.11.0+cu130", requires=["cuda-toolkit==13.0.2"]),
                b.dist("cuda-toolkit", "13.0.2", requires=["nvidia-cufft==12.0.0.61"]),
            ],
        ),
        fault("libcufft.so.12", owner="torch", wheels=["nvidia-cufft"]),
        PIN,
    ),
    "its wheel has brought it, and no search leads there": Fires(
        of(
            lib(
                owner="torch",
                problems=[Problem(kind="missing-library", name=NCCL, provider=HELD)],
            )
        ),
        replace(
            fault(NCCL, owner="torch", held=[HELD]),
            message=f"torch needs {NCCL}, which lies at {HELD}: the loader does not search there, "
            "and nothing opens it before.",
        ),
        ["extend-library-path unsafe"],
    ),
    "a package beside it has brought it, of another release maybe": Fires(
        of(
            lib(
                problems=[Problem(kind="missing-library", name=FOO, provider=OF_LIBFOO)],
                module=True,
            ),
            dists=[b.dist("foo", "2.0"), b.dist("libfoo-cu12", "1.0")],
            modules=1,
            imports=[b.importing(lib(FOO), "works")],
        ),
        replace(
            fault(FOO, held=[OF_LIBFOO], holder="libfoo-cu12", severity=WARNING),
            message=f"foo needs {FOO}, which lies at {OF_LIBFOO}: the loader does not search there, "
            "and nothing opens it before.",
        ),
        ["extend-library-path unsafe"],
    ),
    "torch that declares no wheel": Fires(
        of(lib(NCCL, owner="torch"), dists=[b.dist("torch")], torch=None),
        fault(NCCL, owner="torch", wheels=EVERY_NCCL, each=[EVERY_NCCL]),
    ),
    "of the CUDA release that torch is for": Fires(
        of(lib(NCCL, owner="torch"), dists=[b.dist("torch")]),
        fault(NCCL, owner="torch", wheels=NCCL_CU12),
    ),
    "that its package's other libraries are for": Fires(
        of(
            lib("libcurand.so.10", owner="foo", needed=["libcufft.so.12", "libcurand.so.10"]),
            imports=[b.importing(lib("libcurand.so.10"))],
            dists=[b.dist("foo")],
        ),
        fault(
            "libcurand.so.10",
            wheels=["nvidia-curand"],
            evidence=["_x.so needs libcurand.so.10", *b.way()],
        ),
        ["install-own-cuda unsafe"],
    ),
    "all that one package lacks of wheels is one fault": Fires(
        of(
            lib("libcublas.so.13", "libcufft.so.12", "libnccl.so.2", owner="torch"),
            dists=[
                b.dist(
                    "torch",
                    "2.11.0+cu130",
                    requires=["cuda-toolkit[cublas,cufft]==13.0.2", "nvidia-nccl-cu13==2.28.9"],
                )
            ],
            torch=b.torch("2.11.0+cu130"),
        ),
        fault(
            "libcublas.so.13",
            "libcufft.so.12",
            "libnccl.so.2",
            owner="torch",
            wheels=["nvidia-cublas", "nvidia-cufft", "nvidia-nccl-cu13"],
        ),
        PIN,
    ),
    "a library of the system": Fires(
        of(lib("libGL.so.1"), imports=[b.importing(lib("libGL.so.1"))]),
        fault("libGL.so.1", evidence=["_x.so needs libGL.so.1", *b.way()]),
        ["install-system-library manual"],
    ),
    "torch, a library of no wheel": Fires(of(lib(FOO, owner="torch")), fault(FOO, owner="torch")),
    "torch links itself": Fires(
        of(lib(FOO, owner="torch", links_torch=True)), fault(FOO, owner="torch")
    ),
    "two libraries of one wheel": Fires(
        of(lib("libcudnn_ops.so.9", "libcudnn_cnn.so.9", owner="torch"), dists=[b.dist("torch")]),
        fault(
            "libcudnn_cnn.so.9",
            "libcudnn_ops.so.9",
            owner="torch",
            wheels=["nvidia-cudnn-cu12"],
        ),
    ),
    "libraries of two wheels": Fires(
        of(lib(NCCL, FOO, owner="torch")),
        [fault(FOO, owner="torch"), fault(NCCL, owner="torch", wheels=NCCL_CU12)],
        PIN,
    ),
    "the driver's library beside another": Fires(
        of(lib("libcuda.so.1", FOO, owner="torch")), fault(FOO, owner="torch")
    ),
    "its import goes on, and says that nothing for torch is left": Fires(
        of(LINKED, imports=[b.sparing(LINKED, said=True)]),
        fault(
            FOO,
            severity=WARNING,
            links_torch=True,
            evidence=[f"_x.so needs {FOO}", b.tried("foo")],
        ),
    ),
    "and all code for a GPU is lost": Fires(
        of(
            lib(FOO, code=b.code("sm_89")),
            imports=[b.sparing(lib(FOO), said=True)],
        ),
        fault(FOO, evidence=[f"_x.so needs {FOO}", b.tried("foo")]),
    ),
    "its import goes on without what its wheel brought": Fires(
        of(lib(VENDORED), imports=[b.sparing(lib(VENDORED))]),
        fault(VENDORED, severity=WARNING, evidence=[f"_x.so needs {VENDORED}", b.tried("foo")]),
    ),
    "its import fails, because of missing torch": Fires(
        of(
            lib("libtorch.so", links_torch=True),
            dists=[],
            imports=[b.importing(lib(FOO), library=None, missing="torch", chain=[])],
            torch=None,
        ),
        fault("libtorch.so", links_torch=True),
    ),
    "it requires torch, which is not here": Fires(
        of(
            lib("libtorch.so", links_torch=True),
            dists=[b.dist("foo", requires=["torch"])],
            imports=[b.importing(lib(FOO), "works")],
            torch=None,
        ),
        fault("libtorch.so", links_torch=True, severity=WARNING),
    ),
    "a wheel for one CUDA release, and its libraries can be installed": Fires(
        of(FOR_CUDA_12, dists=[b.dist("foo-cu12")], torch=None),
        fault("libcublas.so.12", owner="foo-cu12", wheels=["nvidia-cublas-cu12"]),
        offers=["install-own-cuda unsafe"],
    ),
    "a wheel for another C library": Fires(
        of(
            lib("libc.musl-x86_64.so.1"),
            dists=[b.dist("foo")],
            imports=[b.importing(lib("libc.musl-x86_64.so.1"))],
        ),
        fault("libc.musl-x86_64.so.1", evidence=["_x.so needs libc.musl-x86_64.so.1", *b.way()]),
        offers=["reinstall-distribution safe"],
    ),
    "a package opens a library of the system": Fires(
        of(imports=[SOUGHT]),
        Fault(
            ERROR,
            "q",
            "q opens libq.so.1: not found on the library search path.",
            evidence=("import q fails", "/q.py:3"),
            breaks=("load:q",),
            needs=("soname:libq.so.1",),
            payload=MissingLibrary("q", (), (), ("libq.so.1",)),
        ),
    ),
    "one that others have brought opens it": Fires(
        of(imports=[SOUGHT], dists=[b.dist("q"), b.dist("user", requires=["q"])]),
        Fault(
            WARNING,
            "q",
            "q opens libq.so.1: not found on the library search path.",
            evidence=("import q fails", "/q.py:3"),
            breaks=("load:q",),
            needs=("soname:libq.so.1",),
            payload=MissingLibrary("q", (), (), ("libq.so.1",)),
        ),
    ),
    "it may open one": Fires(of(imports=[replace(SOUGHT, state="unsure")]), [], gaps=["q"]),
    "a wheel for one CUDA release, and a GPU is here": Fires(
        of(FOR_CUDA_12, imports=[b.importing(FOR_CUDA_12, "works")]),
        fault("libcublas.so.12", owner="foo-cu12", wheels=["nvidia-cublas-cu12"]),
    ),
    "a wheel that it requires should have brought it": Fires(
        of(lib(NCCL), dists=[TORCH, b.dist("foo", requires=["nvidia-nccl-cu12"])]),
        fault(NCCL, wheels=NCCL_CU12, severity=WARNING),
        PIN,
    ),
    "what it requires, and is not here, has its name": Fires(
        of(
            lib("libfoo.so", module=True),
            dists=[b.dist("foo", requires=["libfoo-cu12==1.2.*", "foo-base"])],
        ),
        fault("libfoo.so", wheels=["libfoo-cu12"]),
        PIN,
    ),
    "no alternative serves": Fires(
        of(*FFMPEG, imports=[b.sparing(*FFMPEG, said=True)]),
        replace(
            fault(
                "libav.so.4",
                "libav.so.5",
                severity=WARNING,
                evidence=[f"libcore{n}.so needs libav.so.{n}" for n in (4, 5)] + [b.tried("foo")],
            ),
            message="foo needs one of 2 libraries, libcore4.so to libcore5.so, and none loads: "
            "libav.so.4 (and 1 more) not found on the library search path.",
            needs=(
                "soname:libav.so.4",
                "soname:libav.so.5",
                f"file:{b.SITE}/foo/libcore4.so",
                f"file:{b.SITE}/foo/libcore5.so",
                "damaged:foo",
                "family:foo",
            ),
        ),
    ),
    "its import fails by it": Fires(
        of(lib(FOO), imports=[b.importing(lib(FOO))]),
        fault(FOO, evidence=[f"_x.so needs {FOO}", *b.way()]),
    ),
    "a library of torch for the GPU, beside torch for the CPU": Fires(
        of(
            FOR_GPU,
            dists=[b.dist("torch", "2.9.0+cpu"), b.dist("torchvision", "0.24.0")],
            torch=b.torch("2.9.0+cpu"),
            imports=[b.importing(FOR_GPU)],
        ),
        replace(
            fault(
                "libc10_cuda.so",
                owner="torchvision",
                files=["_C.so"],
                links_torch=True,
                evidence=["_C.so needs libc10_cuda.so", *b.way("torchvision")],
            ),
            needs=OF_TORCH,
        ),
        ["match-torch-family unsafe", "take-torch-for-gpu unsafe"],
    ),
    "its import fails by one of them": Fires(
        of(lib(FOO), lib(FOO, file="_y.so"), imports=[b.importing(lib(FOO, file="_y.so"))]),
        fault(
            FOO,
            files=["_y.so"],
            evidence=[f"_y.so needs {FOO}", *b.way()],
        ),
    ),
    "no module of a package can be loaded": Fires(
        of(lib(FOO, module=True), modules=1, imports=[b.importing(lib(FOO), "works")]),
        fault(FOO, severity=WARNING),
    ),
    "neither of two modules": Fires(
        of(
            lib(FOO, module=True),
            lib(FOO, file="_y.so", module=True),
            modules=2,
            imports=[b.importing(lib(FOO), "works")],
        ),
        fault(FOO, severity=WARNING, files=["_x.so", "_y.so"]),
    ),
    "one file, told twice": Fires(
        of(lib(FOO, FOO, owner="torch")),
        fault(FOO, owner="torch", files=["_x.so", "_x.so"], evidence=[f"_x.so needs {FOO}"]),
    ),
    "ten lines of evidence at most": Fires(
        of(*(lib(FOO, owner="torch", file=f"{n}.so") for n in range(10, 22))),
        fault(
            FOO,
            owner="torch",
            files=[f"{n}.so" for n in range(10, 22)],
            evidence=[f"{n}.so needs {FOO}" for n in range(10, 20)],
        ),
    ),
    "two packages": Fires(
        of(
            *(lib(FOO, owner=owner) for owner in "ba"),
            imports=[b.importing(lib(FOO, owner=owner)) for owner in "ba"],
        ),
        [fault(FOO, owner=o, evidence=[f"_x.so needs {FOO}", *b.way(o)]) for o in "ab"],
    ),
    "conda brings torch's libraries": Fires(
        of(lib(NCCL, owner="torch"), dists=[replace(TORCH, source="conda")]),
        fault(NCCL, owner="torch", wheels=NCCL_CU12),
    ),
    "gpufix has a replacement": Fires(
        of(SSIM, dists=[TORCH, b.dist("fused-ssim")], imports=[b.importing(SSIM)]),
        fault(
            FOO,
            owner="fused-ssim",
            links_torch=True,
            evidence=[f"_x.so needs {FOO}", *b.way("fused-ssim")],
        ),
        ["install-fallback unsafe"],
    ),
}

test_silent, test_firing = rows(missing_library, SILENT, FIRING)
