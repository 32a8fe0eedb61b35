"""GPU101: code of torch for NVIDIA's GPUs."""

from __future__ import annotations

import builders as b
from rows import Fires, Unseen, rows

from gpufix.checks.gpu.gpu101_torch_lacks_target import torch_lacks_target
from gpufix.checks.registry import ADVICE, ERROR, Fault
from gpufix.evidence.view import View
from gpufix.knowledge import torch_releases
from gpufix.model import CodeObject, Library, Severity
from gpufix.model.payload import UnfitCode

LIB = f"{b.SITE}/torch/lib/libtorch_cuda.so"
RTX_5080 = b.gpu("sm_120", name="NVIDIA GeForce RTX 5080")
GTX_1080 = b.gpu("sm_61", 1, name="NVIDIA GeForce GTX 1080")
NIGHTLY = b.torch("2.12.0.dev20260101+cu126", build="nightly")
CU126 = "machine code for sm_50, sm_60, sm_70, sm_75, sm_80, sm_86, sm_90"
CU128 = "machine code for sm_70, sm_75, sm_80, sm_86, sm_90, sm_100, sm_120"
INSTALL = ["install-torch-build unsafe"]


def of(version: str, *named: str, **sections: object) -> View:
    return b.view(b.healthy(torch=b.torch(version), **({"gpus": [RTX_5080]} | sections)), *named)


def read(*objects: CodeObject, name: str = "libtorch_cuda.so", **sections: object) -> View:
    """What torch's own libraries hold."""
    return b.view(
        b.healthy(**({"gpus": [RTX_5080], "binaries": held(*objects, name=name)} | sections))
    )


def held(*objects: CodeObject, name: str = "libtorch_cuda.so") -> b.Binaries:
    return b.binaries(lib(name, *objects))


def lib(name: str, *objects: CodeObject) -> Library:
    return b.library(f"torch/lib/{name}", list(objects), distribution="torch")


def table(release: str, variant: str) -> str:
    """What the table of releases says of a build."""
    known = torch_releases.get(release)
    assert known
    return f"{variant} build of torch {release}: {known.variants('linux_x86_64')[variant].source}"


def fault(message: str, evidence: str, arch: str = "sm_120", severity: Severity = ERROR) -> Fault:
    return Fault(
        severity,
        arch,
        message,
        evidence=(evidence,),
        breaks=("torch-code",),
        payload=UnfitCode("torch", arch),
    )


SILENT = {
    "healthy": b.view(b.healthy()),
    "healthy AMD": b.view(b.healthy_amd()),
    "no torch": b.view(b.facts(gpus=[RTX_5080])),
    "no target": of("2.7.1+cu118", gpus=[]),
    "CPU torch is TCH201's": of("2.13.0+cpu", "sm_120"),
    "CUDA torch and an AMD target are TCH201's": of("2.9.0+cu128", "gfx1101"),
    "ROCm torch is GPU107's": b.view(b.healthy_amd(gpus=[b.gpu("gfx1151")])),
    "code of 8.6 runs on 8.9": of("2.9.0+cu126", "sm_89"),
    "2.9 cu128 serves Blackwell": of("2.9.0+cu128"),
    "sm_120 serves 12.1": of("2.9.0+cu128", "sm_121"),
    "PTX that may be there, as the table says": of("2.6.0+cu126"),
    "PTX is GPU102's": read(*b.code("sm_90"), *b.code("sm_90", kind="ptx", ptx_version="8.4")),
    "PTX that the driver cannot read is GPU104's": read(
        *b.code("sm_90"), *b.code("sm_90", kind="ptx", ptx_version="9.5")
    ),
    "torch's own code outranks the table": b.view(
        b.healthy(
            torch=b.torch("2.9.0+cu126"), gpus=[RTX_5080], binaries=held(*b.code("sm_90", "sm_120"))
        )
    ),
    "LTO code, which the driver may link for any GPU": read(
        *b.code("sm_90"), *b.code("sm_90", kind="lto")
    ),
    "code of a kind that is not known": read(*b.code("sm_90"), *b.code("", kind="other")),
    "CUDA 13.2's code of 8.0 on Orin": read(
        *b.code("sm_80"), gpus=[b.gpu("sm_87")], torch=b.torch("2.9.0+cu132")
    ),
    "a table that is a guess": Unseen(of("2.7.1+cu118"), ["2.7.1+cu118"]),
    "a release that the table has not": Unseen(of("2.99.0+cu128"), ["2.99.0+cu128"]),
    "a nightly that was not read": Unseen(
        b.view(b.healthy(torch=NIGHTLY, gpus=[RTX_5080])), [str(NIGHTLY.version)]
    ),
    "a library beside torch's own": Unseen(
        read(*b.code("sm_90"), name="libc10_cuda.so", torch=NIGHTLY), [str(NIGHTLY.version)]
    ),
}

FIRING = {
    "cu126 on Blackwell": Fires(
        of("2.9.0+cu126"),
        fault(
            f"torch 2.9.0+cu126 holds {CU126}; none of it runs on sm_120 (NVIDIA GeForce RTX 5080).",
            table("2.9.0", "cu126"),
        ),
        offers=INSTALL,
    ),
    "CUDA 13 dropped Volta": Fires(
        of("2.9.0+cu130", gpus=[b.gpu("sm_70")]),
        fault(
            "torch 2.9.0+cu130 holds machine code for sm_75, sm_80, sm_86, sm_90, sm_100, sm_120 and PTX "
            "for sm_120; none of it runs on sm_70 (GPU of sm_70).",
            table("2.9.0", "cu130"),
            "sm_70",
        ),
        offers=INSTALL,
    ),
    "an old display card beside a served GPU": Fires(
        of("2.9.0+cu128", gpus=[RTX_5080, GTX_1080]),
        fault(
            f"torch 2.9.0+cu128 holds {CU128}; none of it runs on sm_61 (NVIDIA GeForce GTX 1080).",
            table("2.9.0", "cu128"),
            "sm_61",
            ADVICE,
        ),
    ),
    "named beside a served GPU": Fires(
        of("2.9.0+cu128", "sm_61", "sm_120"),
        fault(
            f"torch 2.9.0+cu128 holds {CU128}; none of it runs on sm_61 (--gpu sm_61).",
            table("2.9.0", "cu128"),
            "sm_61",
        ),
    ),
    "two GPUs, neither of them served": Fires(
        of("2.9.0+cu126", gpus=[RTX_5080, b.gpu("sm_100", 1)]),
        [
            fault(
                f"torch 2.9.0+cu126 holds {CU126}; none of it runs on {name}.",
                table("2.9.0", "cu126"),
                arch,
            )
            for arch, name in {
                "sm_120": "sm_120 (NVIDIA GeForce RTX 5080)",
                "sm_100": "sm_100 (GPU of sm_100)",
            }.items()
        ],
        offers=INSTALL,
    ),
    "neither is served: PTX for one of them is too new": Fires(
        read(
            *b.code("sm_90"),
            *b.code("sm_120", kind="ptx", ptx_version="9.5"),
            gpus=[RTX_5080, GTX_1080],
        ),
        fault(
            "torch 2.9.0+cu128 holds machine code for sm_90 and PTX for sm_120; none of it runs on "
            "sm_61 (NVIDIA GeForce GTX 1080).",
            f"{LIB}: machine code for sm_90 and PTX for sm_120",
            "sm_61",
        ),
    ),
    "a nightly is never replaced": Fires(
        read(*b.code("sm_80", "sm_90"), torch=NIGHTLY),
        fault(
            f"torch {NIGHTLY.version} holds machine code for sm_80, sm_90; none of it runs on sm_120 "
            "(NVIDIA GeForce RTX 5080).",
            f"{LIB}: machine code for sm_80, sm_90",
        ),
    ),
    "a few kernels of the target are not torch": Fires(
        read(
            CodeObject(kind="cubin", arch="sm_90", count=3000),
            CodeObject(kind="cubin", arch="sm_120a", count=1499),
        ),
        fault(
            "torch 2.9.0+cu128 holds machine code for sm_90; none of it runs on sm_120 (NVIDIA GeForce "
            "RTX 5080).",
            f"{LIB}: machine code for sm_90, sm_120a",
        ),
    ),
    "CUDA 12.8's code of 8.0 is not for Orin": Fires(
        read(*b.code("sm_80"), gpus=[b.gpu("sm_87")]),
        fault(
            "torch 2.9.0+cu128 holds machine code for sm_80; none of it runs on sm_87 (GPU of sm_87).",
            f"{LIB}: machine code for sm_80",
            "sm_87",
        ),
        offers=INSTALL,
    ),
}

test_silent, test_firing = rows(torch_lacks_target, SILENT, FIRING)
