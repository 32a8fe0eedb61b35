"""GPU104: PTX that the driver's compiler is too old for."""

from __future__ import annotations

import builders as b
from rows import Fires, rows

from gpufix.checks.gpu.gpu104_ptx_too_new_for_driver import ptx_too_new_for_driver
from gpufix.checks.registry import ADVICE, ERROR, Fault
from gpufix.evidence.view import View
from gpufix.model import CodeObject, Library, Severity
from gpufix.model.payload import UnreadPtx

RTX_5080 = b.gpu("sm_120", name="NVIDIA GeForce RTX 5080")
NAME = "sm_120 (NVIDIA GeForce RTX 5080)"
DRIVER = ["advise-driver manual"]


def ptx(arch: str, isa: str | None) -> list[CodeObject]:
    return b.code(arch, kind="ptx", ptx_version=isa)


def lib(*objects: CodeObject, name: str = "rasterizer") -> Library:
    return b.library(f"{name}/_C.so", list(objects), distribution=name)


def torch(*objects: CodeObject) -> Library:
    return b.library("torch/lib/libtorch_cuda.so", list(objects), distribution="torch")


def of(*libraries: Library, **sections: object) -> View:
    known = {"gpus": [RTX_5080], "binaries": b.binaries(*libraries)}
    return b.view(b.healthy(**(known | sections)))


def fault(
    isa: str = "9.2",
    needs: str | None = "13.2",
    level: Severity = ERROR,
    subject: str = "rasterizer",
    held: str = "machine code for sm_90 and PTX for sm_90",
    name: str = NAME,
    here: str = "13.0",
) -> Fault:
    path = f"{b.SITE}/{'torch/lib/libtorch_cuda' if subject == 'torch' else f'{subject}/_C'}.so"
    cuda = f"CUDA {needs}" if needs else "a CUDA not yet listed"
    return Fault(
        level,
        subject,
        f"{subject} serves {name} by PTX {isa} only, which needs a driver of {cuda}; this one "
        f"serves CUDA {here}.",
        evidence=(f"{path}: {held}",),
        needs=("driver",),
        breaks=(f"code:{subject}",),
        payload=UnreadPtx(subject, name.partition(" ")[0], needs),
    )


NEW = lib(*b.code("sm_90"), *ptx("sm_90", "9.2"))
SILENT = {
    "healthy": b.view(b.healthy()),
    "healthy AMD": b.view(b.healthy_amd()),
    "the driver's own ISA": of(lib(*ptx("sm_90", "9.0"))),
    "an older ISA for the same architecture": of(lib(*ptx("sm_90", "9.2"), *ptx("sm_90", "8.4"))),
    "a newer ISA for older GPUs": of(lib(*ptx("sm_90", "8.4"), *ptx("sm_80", "9.2"))),
    "an ISA that is not known": of(lib(*ptx("sm_90", None))),
    "machine code fits": of(lib(*b.code("sm_120"), *ptx("sm_90", "9.2"))),
    "PTX for newer GPUs is GPU103's": of(lib(*ptx("sm_121", "9.2"))),
    "a driver that does not say its CUDA": of(NEW, drivers=[b.driver(cuda=None)]),
    "no driver": of(NEW, drivers=[]),
    "a GPU that is not here": b.view(b.healthy(gpus=[], binaries=b.binaries(NEW)), "sm_120"),
    "an ISA newer than the table, on a driver newer than the table": of(
        lib(*ptx("sm_90", "99.0")), drivers=[b.driver("999.10", "99.0")]
    ),
    "a target of the other vendor": b.view(b.healthy(binaries=b.binaries(NEW)), "gfx1100"),
}

FIRING = {
    "an extension": Fires(of(NEW), fault(), offers=DRIVER),
    "torch": Fires(
        of(torch(*b.code("sm_90"), *ptx("sm_90", "9.2"))), fault(subject="torch"), offers=DRIVER
    ),
    "both": Fires(
        of(NEW, torch(*b.code("sm_90"), *ptx("sm_90", "9.2"))),
        [fault(subject="torch"), fault()],
        offers=DRIVER,
    ),
    "no torch": Fires(of(NEW, torch=None), fault(), offers=DRIVER),
    "a minor version is enough": Fires(
        of(NEW, drivers=[b.driver("590.44.01", "13.1")]), fault(here="13.1"), offers=DRIVER
    ),
    "the oldest of those that fit is told": Fires(
        of(
            lib(
                *ptx("sm_90", "9.2"),
                *ptx("sm_80", "9.1"),
                *ptx("sm_121", "8.4"),
                *ptx("sm_75", "10.0"),
            )
        ),
        fault("9.1", "13.1", held="PTX for sm_75, sm_80, sm_90, sm_121"),
        offers=DRIVER,
    ),
    "an ISA newer than the table": Fires(
        of(lib(*ptx("sm_90", "99.0"))),
        fault("99.0", None, held="PTX for sm_90"),
        offers=DRIVER,
    ),
    "beside a GPU that is served": Fires(
        of(NEW, gpus=[b.gpu("sm_90"), b.gpu("sm_120", 1, name=RTX_5080.name)]),
        fault(level=ADVICE),
        offers=DRIVER,
    ),
    "beside a GPU that nothing serves": Fires(
        of(NEW, gpus=[b.gpu("sm_61"), b.gpu("sm_120", 1, name=RTX_5080.name)]),
        fault(),
        offers=DRIVER,
    ),
    "two GPUs": Fires(
        of(NEW, gpus=[RTX_5080, b.gpu("sm_100", 1)]),
        [fault(), fault(name="sm_100 (GPU of sm_100)")],
        offers=DRIVER,
    ),
    "its source and nvcc are here": Fires(
        of(
            NEW, distributions=[*b.healthy().distributions, b.dist("rasterizer", editable="/src/r")]
        ),
        fault(),
        offers=[*DRIVER, "rebuild-for-target safe"],
    ),
    "gpufix has a fallback for it": Fires(
        of(
            lib(*b.code("sm_90"), *ptx("sm_90", "9.2"), name="fused-ssim"),
            distributions=[*b.healthy().distributions, b.dist("fused-ssim", "1.0.0")],
        ),
        fault(subject="fused-ssim"),
        offers=[*DRIVER, "install-fallback unsafe"],
    ),
}

test_silent, test_firing = rows(ptx_too_new_for_driver, SILENT, FIRING)
