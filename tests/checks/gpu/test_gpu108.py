"""GPU108: code for exact and family targets alone."""

from __future__ import annotations

import builders as b
from rows import Fires, rows

from gpufix.checks.gpu.gpu108_arch_variant_only import arch_variant_only
from gpufix.checks.registry import ADVICE, ERROR, Fault
from gpufix.evidence.view import View
from gpufix.model import CodeObject, Library, Severity
from gpufix.model.payload import UnfitCode

RTX_5080 = b.gpu("sm_120", name="NVIDIA GeForce RTX 5080")
NAME = "sm_120 (NVIDIA GeForce RTX 5080)"
EXACT = "sm_90a, which runs on 9.0 only"


def lib(*objects: CodeObject, name: str = "rasterizer") -> Library:
    return b.library(f"{name}/_C.so", list(objects), distribution=name)


def of(*objects: CodeObject, **sections: object) -> View:
    return all_of(lib(*objects), **sections)


def all_of(*libraries: Library, **sections: object) -> View:
    return b.view(
        b.healthy(**({"gpus": [RTX_5080], "binaries": b.binaries(*libraries)} | sections))
    )


def fault(
    reach: str = EXACT,
    held: str = "machine code for sm_90a",
    name: str = NAME,
    level: Severity = ERROR,
    subject: str = "rasterizer",
) -> Fault:
    return Fault(
        level,
        subject,
        f"{subject} holds only {reach}, not on {name}.",
        evidence=(f"{b.SITE}/{subject}/_C.so: {held}",),
        breaks=(f"code:{subject}",),
        payload=UnfitCode(subject, name.partition(" ")[0]),
    )


SILENT = {
    "healthy": b.view(b.healthy()),
    "healthy AMD": b.view(b.healthy_amd()),
    "no extension": all_of(),
    "no target": of(*b.code("sm_90a"), gpus=[]),
    "a target of AMD": b.view(b.healthy(binaries=b.binaries(lib(*b.code("sm_90a")))), "gfx90a"),
    "sm_90a on Hopper": of(*b.code("sm_90a"), gpus=[b.gpu("sm_90")]),
    "PTX for sm_90a on Hopper": of(*b.code("sm_90a", kind="ptx"), gpus=[b.gpu("sm_90")]),
    "family code on its family": of(*b.code("sm_120f"), gpus=[b.gpu("sm_121")]),
    "other code beside it is GPU103's": of(*b.code("sm_90a", "sm_80")),
    "other PTX beside it is GPU104's": of(
        *b.code("sm_90a"), *b.code("sm_90", kind="ptx", ptx_version="9.5")
    ),
    "LTO code beside it, which is linked for any GPU": of(
        *b.code("sm_90a"), *b.code("sm_90", kind="lto")
    ),
    "ordinary code only is GPU103's": of(*b.code("sm_90")),
    "LTO code only": of(*b.code("sm_90a", kind="lto")),
    "AMD's gfx90a ends in a letter too": of(*b.code("gfx90a", kind="cubin")),
    "code of AMD's": of(*b.code("gfx90a", kind="hip")),
    "another library of the distribution": all_of(
        lib(*b.code("sm_90a")),
        b.library("rasterizer/b.so", b.code("sm_120"), distribution="rasterizer"),
    ),
    "NVIDIA's own libraries": all_of(lib(*b.code("sm_90a"), name="nvidia-cutlass-dsl")),
}

FIRING = {
    "an exact target": Fires(of(*b.code("sm_90a")), fault()),
    "no torch": Fires(of(*b.code("sm_90a"), torch=None), fault()),
    "in PTX as well": Fires(
        of(*b.code("sm_90a"), *b.code("sm_90a", kind="ptx", ptx_version="8.4")),
        fault(held="machine code for sm_90a and PTX for sm_90a"),
    ),
    "several exact targets, in the order of numbers": Fires(
        of(*b.code("sm_121a", "sm_110a", "sm_103a", "sm_100a", "sm_90a", "sm_90a")),
        fault(
            "sm_90a, sm_100a, sm_103a, sm_110a, sm_121a, which run on 9.0, 10.0, 10.3, 11.0, 12.1 only",
            "machine code for sm_90a, sm_100a, sm_103a, sm_110a, sm_121a",
        ),
    ),
    "a family": Fires(
        of(*b.code("sm_100f")),
        fault(
            "sm_100f, which runs within the same family at an equal or higher minor version only",
            "machine code for sm_100f",
        ),
    ),
    "a family's newer part": Fires(
        of(*b.code("sm_121f")),
        fault(
            "sm_121f, which runs within the same family at an equal or higher minor version only",
            "machine code for sm_121f",
        ),
    ),
    "an exact target and two families": Fires(
        of(*b.code("sm_90a", "sm_100f", "sm_110f")),
        fault(
            f"{EXACT} and sm_100f, sm_110f, which run within the same family at an equal or higher "
            "minor version only",
            "machine code for sm_90a, sm_100f, sm_110f",
        ),
    ),
    "code of AMD's beside it": Fires(
        of(*b.code("sm_90a"), *b.code("gfx1100", kind="hip")),
        fault(held="machine code for gfx1100, sm_90a"),
    ),
    "one of two GPUs": Fires(
        of(*b.code("sm_90a"), gpus=[b.gpu("sm_90"), b.gpu("sm_120", 1, name=RTX_5080.name)]),
        fault(level=ADVICE),
    ),
    "none of two: the PTX for the other is too new": Fires(
        of(
            *b.code("sm_90a", kind="ptx", ptx_version="9.5"),
            gpus=[b.gpu("sm_90"), b.gpu("sm_120", 1, name=RTX_5080.name)],
        ),
        fault(held="PTX for sm_90a"),
    ),
    "two extensions, one of them with other code": Fires(
        all_of(
            lib(*b.code("sm_80"), name="a"),
            lib(*b.code("sm_90a")),
            lib(*b.code("sm_90a"), name="z"),
        ),
        [fault(), fault(subject="z")],
    ),
    "its source is here": Fires(
        of(
            *b.code("sm_90a"),
            distributions=[*b.healthy().distributions, b.dist("rasterizer", editable="/src/r")],
        ),
        fault(),
        offers=["rebuild-for-target safe"],
    ),
    "gpufix has a fallback for it": Fires(
        all_of(
            lib(*b.code("sm_90a"), name="fused-ssim"),
            distributions=[*b.healthy().distributions, b.dist("fused-ssim", "1.0.0")],
        ),
        fault(subject="fused-ssim"),
        offers=["install-fallback unsafe"],
    ),
}

test_silent, test_firing = rows(arch_variant_only, SILENT, FIRING)
