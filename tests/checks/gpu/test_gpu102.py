"""GPU102: PTX alone for a target."""

from __future__ import annotations

import builders as b
from rows import Fires, rows

from gpufix.checks.gpu.gpu102_torch_needs_jit import torch_needs_jit
from gpufix.checks.registry import ADVICE, ERROR, WARNING, Fault
from gpufix.evidence.view import View
from gpufix.model import CodeObject, Library, Severity
from gpufix.model.payload import UnfitCode

RTX_5080 = b.gpu("sm_120", name="NVIDIA GeForce RTX 5080")
NAME = "sm_120 (NVIDIA GeForce RTX 5080)"
PTX = b.code("sm_90", kind="ptx", ptx_version="8.4")
BOTH = [*b.code("sm_90"), *PTX]
HELD = "machine code for sm_90 and PTX for sm_90"
FIRST_USE = "each kernel is compiled by the driver at its first use"
EACH_START = "CUDA_CACHE_DISABLE=1 makes the driver compile each kernel at every start"
FORBIDDEN = "CUDA_DISABLE_PTX_JIT=1 lets only those kernels run that the JIT cache holds"


def torch(objects: list[CodeObject]) -> Library:
    return b.library("torch/lib/libtorch_cuda.so", objects, distribution="torch")


def extension(objects: list[CodeObject]) -> Library:
    return b.library("rasterizer/_C.so", objects, distribution="rasterizer")


def of(*libraries: Library, named: tuple[str, ...] = (), **sections: object) -> View:
    known = {"gpus": [RTX_5080], "binaries": b.binaries(*libraries)}
    return b.view(b.healthy(**(known | sections)), *named)


def variables(**values: str) -> dict[str, object]:
    return {"environment": b.environment(**values)}


def of_torch(level: Severity = ADVICE, why: str = FIRST_USE, name: str = NAME) -> Fault:
    return fault(
        "torch", "torch 2.9.0+cu128", f"{b.SITE}/torch/lib/libtorch_cuda.so", level, why, name
    )


def of_extension(level: Severity = ADVICE, why: str = FIRST_USE) -> Fault:
    return fault("rasterizer", "rasterizer", f"{b.SITE}/rasterizer/_C.so", level, why, NAME)


def fault(subject: str, title: str, path: str, level: Severity, why: str, name: str) -> Fault:
    return Fault(
        level,
        subject,
        f"{title} serves {name} by PTX only: {why}.",
        evidence=(f"{subject} holds {HELD}", f"{path}: {HELD}"),
        payload=UnfitCode(subject, name.partition(" ")[0]),
    )


SILENT = {
    "healthy": b.view(b.healthy()),
    "healthy AMD": b.view(b.healthy_amd()),
    "machine code fits": of(torch([*b.code("sm_120"), *PTX]), extension(b.code("sm_120"))),
    "nothing fits": of(torch(b.code("sm_90")), extension(b.code("sm_90"))),
    "no target": of(torch(BOTH), extension(BOTH), gpus=[]),
    "a target of the other vendor": of(torch(BOTH), extension(BOTH), named=("gfx1101",)),
    "PTX for newer GPUs": of(extension(b.code("sm_121", kind="ptx", ptx_version="8.8"))),
    "PTX for another exact GPU": of(extension(b.code("sm_90a", kind="ptx", ptx_version="8.4"))),
    "the driver cannot read it: GPU104": of(
        torch([*b.code("sm_90"), *b.code("sm_90", kind="ptx", ptx_version="9.1")])
    ),
    "variables, and nothing to compile": of(
        torch(b.code("sm_120")), **variables(CUDA_DISABLE_PTX_JIT="1", CUDA_CACHE_DISABLE="1")
    ),
}

FIRING = {
    "torch": Fires(of(torch(BOTH)), of_torch()),
    "torch, as the table of releases has it": Fires(
        b.view(b.healthy(torch=b.torch("2.9.0+cu130"), gpus=[b.gpu("sm_130")])),
        Fault(
            ADVICE,
            "torch",
            f"torch 2.9.0+cu130 serves sm_130 (GPU of sm_130) by PTX only: {FIRST_USE}.",
            evidence=(
                "torch holds machine code for sm_75, sm_80, sm_86, sm_90, sm_100, sm_120 and PTX for "
                "sm_120",
                "cu130 build of torch 2.9.0: https://github.com/pytorch/pytorch/pull/164471",
            ),
            payload=UnfitCode("torch", "sm_130"),
        ),
    ),
    "an extension": Fires(of(extension(BOTH)), of_extension()),
    "an extension without any torch": Fires(of(extension(BOTH), torch=None), of_extension()),
    "both": Fires(of(extension(BOTH), torch(BOTH)), [of_torch(), of_extension()]),
    "an ISA that is not known": Fires(
        of(extension([*b.code("sm_90"), *b.code("sm_90", kind="ptx")])), of_extension()
    ),
    "the driver's own ISA": Fires(
        of(extension([*b.code("sm_90"), *b.code("sm_90", kind="ptx", ptx_version="9.0")])),
        of_extension(),
    ),
    "no GPU here: any driver may read it": Fires(
        of(
            extension([*b.code("sm_90"), *b.code("sm_90", kind="ptx", ptx_version="9.5")]),
            gpus=[],
            named=("RTX 5080",),
        ),
        of_extension(),
    ),
    "kept nowhere": Fires(
        of(torch(BOTH), **variables(CUDA_CACHE_DISABLE="1")), of_torch(WARNING, EACH_START)
    ),
    "forbidden": Fires(
        of(extension(BOTH), **variables(CUDA_DISABLE_PTX_JIT="1", CUDA_CACHE_DISABLE="1")),
        of_extension(ERROR, FORBIDDEN),
    ),
    "variables that forbid nothing": Fires(
        of(torch(BOTH), **variables(CUDA_DISABLE_PTX_JIT="0", CUDA_CACHE_DISABLE="0")), of_torch()
    ),
    "forbidden beside a GPU that machine code serves": Fires(
        of(
            torch(BOTH),
            gpus=[b.gpu("sm_90"), b.gpu("sm_120", 1, name=RTX_5080.name)],
            **variables(CUDA_DISABLE_PTX_JIT="1"),
        ),
        of_torch(ADVICE, FORBIDDEN),
    ),
    "forbidden beside a GPU that nothing serves": Fires(
        of(
            torch(BOTH),
            gpus=[b.gpu("sm_61"), b.gpu("sm_120", 1, name=RTX_5080.name)],
            **variables(CUDA_DISABLE_PTX_JIT="1"),
        ),
        of_torch(ERROR, FORBIDDEN),
    ),
    "forbidden beside a GPU whose PTX is too new": Fires(
        of(
            torch([*BOTH, *b.code("sm_61", kind="ptx", ptx_version="9.5")]),
            gpus=[b.gpu("sm_80"), b.gpu("sm_120", 1, name=RTX_5080.name)],
            **variables(CUDA_DISABLE_PTX_JIT="1"),
        ),
        Fault(
            ERROR,
            "torch",
            f"torch 2.9.0+cu128 serves {NAME} by PTX only: {FORBIDDEN}.",
            evidence=(
                "torch holds machine code for sm_90 and PTX for sm_61, sm_90",
                f"{b.SITE}/torch/lib/libtorch_cuda.so: machine code for sm_90 and PTX for sm_61, sm_90",
            ),
            payload=UnfitCode("torch", "sm_120"),
        ),
    ),
    "named beside a GPU that machine code serves": Fires(
        of(torch(BOTH), named=("sm_90", "sm_120"), **variables(CUDA_CACHE_DISABLE="1")),
        of_torch(WARNING, EACH_START, "sm_120 (--gpu sm_120)"),
    ),
}

test_silent, test_firing = rows(torch_needs_jit, SILENT, FIRING)
