"""GPU101 to GPU104, GPU107, GPU108: is there code for the target."""

from __future__ import annotations

import builders as b
import pytest

from gpufix.checks.gpu.gpu101_torch_lacks_target import torch_lacks_target
from gpufix.checks.gpu.gpu102_torch_needs_jit import torch_needs_jit
from gpufix.checks.gpu.gpu103_extension_lacks_target import extension_lacks_target
from gpufix.checks.gpu.gpu104_ptx_too_new_for_driver import ptx_too_new_for_driver
from gpufix.checks.gpu.gpu107_gfx_unsupported import gfx_unsupported
from gpufix.checks.gpu.gpu108_arch_variant_only import arch_variant_only
from gpufix.model import CodeObject, Facts, Gap
from gpufix.model.payload import HsaOverride

RULES = {
    "GPU101": torch_lacks_target,
    "GPU102": torch_needs_jit,
    "GPU103": extension_lacks_target,
    "GPU104": ptx_too_new_for_driver,
    "GPU107": gfx_unsupported,
    "GPU108": arch_variant_only,
}


def said(facts: Facts, *named: str) -> dict[str, str]:
    """code -> severity of what the rules say."""
    found = [f for check in RULES.values() for f in b.run(check, facts, *named)]
    return {f.code: f.severity.value for f in found}


def torch_lib(*objects: CodeObject, name: str = "libtorch_cuda.so") -> b.Library:
    return b.library(f"torch/lib/{name}", list(objects), distribution="torch")


def extension(*objects: CodeObject, name: str = "rasterizer") -> b.Library:
    return b.library(f"{name}/_C.so", list(objects), distribution=name, links_torch=True)


BLACKWELL = [b.gpu("sm_120", name="NVIDIA GeForce RTX 5080")]
SILENT = {
    "healthy": (b.healthy(), ()),
    "healthy AMD": (b.healthy_amd(), ()),
    "no torch": (b.facts(gpus=BLACKWELL), ()),
    "no target": (b.healthy(gpus=[]), ()),
    "CPU torch is TCH201's": (b.healthy(torch=b.torch("2.13.0+cpu")), ("sm_120",)),
    "CUDA torch and an AMD target are TCH201's": (b.healthy(gpus=[]), ("gfx1101",)),
    "code of 8.6 runs on 8.9": (b.healthy(torch=b.torch("2.9.0+cu126")), ("sm_89",)),
    "2.9 cu128 serves Blackwell": (b.healthy(gpus=BLACKWELL), ()),
    "sm_120 serves 12.1": (b.healthy(gpus=[]), ("sm_121",)),
    "nightly that was not read": (
        b.healthy(torch=b.torch("2.12.0.dev20260101+cu126", build="nightly"), gpus=BLACKWELL),
        (),
    ),
    "a row of the table that is a guess": (
        b.healthy(torch=b.torch("2.7.1+cu118"), gpus=BLACKWELL),
        (),
    ),
    "PTX not known": (b.healthy(torch=b.torch("2.6.0+cu126"), gpus=BLACKWELL), ()),
    "an iGPU of AMD beside a card": (
        b.healthy(gpus=[*b.healthy().gpus, b.gpu("gfx1036", 1, integrated=True)]),
        (),
    ),
    "an override to code that is there": (
        b.healthy_amd(
            gpus=[b.gpu("gfx1032")], environment=b.environment(HSA_OVERRIDE_GFX_VERSION="10.3.0")
        ),
        (),
    ),
    "one library of a distribution serves": (
        b.healthy(
            gpus=BLACKWELL,
            binaries=b.binaries(
                b.library("xf/fa3.so", b.code("sm_90a"), distribution="xformers"),
                b.library("xf/_C.so", b.code("sm_120"), distribution="xformers"),
            ),
        ),
        (),
    ),
    "sm_90a on Hopper": (
        b.healthy(gpus=[b.gpu("sm_90")], binaries=b.binaries(extension(*b.code("sm_90a")))),
        (),
    ),
    "family code on its family": (
        b.healthy(gpus=[], binaries=b.binaries(extension(*b.code("sm_120f")))),
        ("sm_121",),
    ),
    "NVIDIA's own libraries": (
        b.healthy(
            gpus=BLACKWELL,
            binaries=b.binaries(
                b.library("nvidia/x.so", b.code("sm_90"), distribution="nvidia-cudnn-cu12")
            ),
        ),
        (),
    ),
    "a generic code object": (
        b.healthy_amd(
            gpus=[b.gpu("gfx1103")],
            binaries=b.binaries(
                torch_lib(*b.code("gfx11-generic", kind="hip"), name="libtorch_hip.so")
            ),
        ),
        (),
    ),
    "torch's own code outranks the table": (
        b.healthy(
            torch=b.torch("2.9.0+cu126"),
            gpus=BLACKWELL,
            binaries=b.binaries(torch_lib(*b.code("sm_90", "sm_120"))),
        ),
        (),
    ),
}


@pytest.mark.parametrize("case", SILENT)
def test_silent(case: str) -> None:
    facts, named = SILENT[case]
    assert said(facts, *named) == {}


FIRING = {
    "an extension with PTX alone for the target": (
        b.healthy(
            gpus=BLACKWELL,
            binaries=b.binaries(extension(*b.code("sm_80"), *b.code("sm_80", kind="ptx"))),
        ),
        (),
        {"GPU102": "advice"},
    ),
    "an extension's PTX that the driver reads": (
        b.healthy(
            binaries=b.binaries(
                extension(*b.code("sm_90"), *b.code("sm_80", kind="ptx", ptx_version="9.0"))
            )
        ),
        (),
        {"GPU102": "advice"},
    ),
    "an extension without any torch": (
        b.facts(binaries=b.binaries(extension(*b.code("sm_90")))),
        ("sm_120",),
        {"GPU103": "error"},
    ),
    "torch cu126 on Blackwell": (
        b.healthy(torch=b.torch("2.9.0+cu126"), gpus=BLACKWELL),
        (),
        {"GPU101": "error"},
    ),
    "CUDA 13 dropped Volta": (
        b.healthy(torch=b.torch("2.13.0+cu130"), gpus=[b.gpu("sm_70")]),
        (),
        {"GPU101": "error"},
    ),
    "an old display card beside a served one": (
        b.healthy(gpus=[*BLACKWELL, b.gpu("sm_61", 1)]),
        (),
        {"GPU101": "advice"},
    ),
    "but a named one is wanted": (b.healthy(), ("sm_61", "sm_89"), {"GPU101": "error"}),
    "nightly that was read": (
        b.healthy(
            torch=b.torch("2.12.0.dev20260101+cu126", build="nightly"),
            gpus=BLACKWELL,
            binaries=b.binaries(torch_lib(*b.code("sm_80", "sm_90"))),
        ),
        (),
        {"GPU101": "error"},
    ),
    "a few kernels of the target are not torch": (
        b.healthy(
            gpus=BLACKWELL,
            binaries=b.binaries(
                torch_lib(
                    CodeObject(kind="cubin", arch="sm_90", count=3000),
                    CodeObject(kind="cubin", arch="sm_120a", count=12),
                )
            ),
        ),
        (),
        {"GPU101": "error"},
    ),
    "served by PTX": (
        b.healthy(
            gpus=BLACKWELL,
            binaries=b.binaries(
                torch_lib(*b.code("sm_90"), *b.code("sm_90", kind="ptx", ptx_version="8.4"))
            ),
        ),
        (),
        {"GPU102": "advice"},
    ),
    "PTX that a variable forbids": (
        b.healthy(
            gpus=BLACKWELL,
            binaries=b.binaries(torch_lib(*b.code("sm_90", kind="ptx", ptx_version="8.4"))),
            environment=b.environment(CUDA_DISABLE_PTX_JIT="1"),
        ),
        (),
        {"GPU102": "error"},
    ),
    "PTX that is compiled at every start": (
        b.healthy(
            gpus=BLACKWELL,
            binaries=b.binaries(torch_lib(*b.code("sm_90", kind="ptx", ptx_version="8.4"))),
            environment=b.environment(CUDA_CACHE_DISABLE="1"),
        ),
        (),
        {"GPU102": "warning"},
    ),
    "extension of other majors": (
        b.healthy(gpus=BLACKWELL, binaries=b.binaries(extension(*b.code("sm_86", "sm_90")))),
        (),
        {"GPU103": "error"},
    ),
    "extension of one of two GPUs": (
        b.healthy(
            gpus=[b.gpu("sm_89"), b.gpu("sm_75", 1)],
            binaries=b.binaries(extension(*b.code("sm_89"))),
        ),
        (),
        {"GPU103": "advice"},
    ),
    "extension for another gfx": (
        b.healthy_amd(binaries=b.binaries(extension(*b.code("gfx90a", kind="hip")))),
        (),
        {"GPU103": "error"},
    ),
    "PTX newer than the driver": (
        b.healthy(
            gpus=BLACKWELL,
            binaries=b.binaries(
                extension(*b.code("sm_90"), *b.code("sm_90", kind="ptx", ptx_version="9.2"))
            ),
        ),
        (),
        {"GPU104": "error"},
    ),
    "torch's PTX newer than the driver": (
        b.healthy(
            torch=b.torch("2.9.0+cu130"),
            gpus=BLACKWELL,
            drivers=[b.driver("575.57.08", "12.9")],
            binaries=b.binaries(torch_lib(*b.code("sm_120", kind="ptx", ptx_version="9.0"))),
        ),
        (),
        {"GPU104": "error"},
    ),
    "no code for this gfx": (
        b.healthy_amd(gpus=[b.gpu("gfx1151")]),
        (),
        {"GPU107": "error"},
    ),
    "an iGPU alone": (
        b.healthy_amd(gpus=[b.gpu("gfx1036", integrated=True)]),
        (),
        {"GPU107": "advice"},
    ),
    "xnack does not fit": (
        b.healthy_amd(
            gpus=[],
            binaries=b.binaries(
                torch_lib(*b.code("gfx90a:xnack+", kind="hip"), name="libtorch_hip.so")
            ),
        ),
        ("gfx90a:xnack-",),
        {"GPU107": "error"},
    ),
    "sm_90a alone": (
        b.healthy(gpus=BLACKWELL, binaries=b.binaries(extension(*b.code("sm_90a")))),
        (),
        {"GPU108": "error"},
    ),
    "a family alone": (
        b.healthy(gpus=[], binaries=b.binaries(extension(*b.code("sm_100f")))),
        ("sm_120",),
        {"GPU108": "error"},
    ),
}


@pytest.mark.parametrize("case", FIRING)
def test_firing(case: str) -> None:
    facts, named, expected = FIRING[case]
    assert said(facts, *named) == expected


def test_messages() -> None:
    facts = b.healthy(torch=b.torch("2.9.0+cu126"), gpus=BLACKWELL)
    (finding,) = b.run(torch_lacks_target, facts)
    assert finding.message == (
        "torch 2.9.0+cu126 holds machine code for sm_50, sm_60, sm_70, sm_75, sm_80, sm_86, "
        "sm_90; none of it runs on sm_120 (NVIDIA GeForce RTX 5080)."
    )
    facts = b.healthy(gpus=[], binaries=b.binaries(extension(*b.code("sm_90a"))))
    (finding,) = b.run(arch_variant_only, facts, "RTX 5080")
    assert finding.message == (
        "rasterizer holds only sm_90a, which runs on 9.0 alone, not on sm_120 "
        "(NVIDIA GeForce RTX 5080)."
    )
    (finding,) = b.run(gfx_unsupported, b.healthy_amd(gpus=[b.gpu("gfx1103")]))
    assert "HSA_OVERRIDE_GFX_VERSION=11.0.0 is in use for it, and hangs are reported" in (
        finding.message
    )
    assert finding.payload_as(HsaOverride).value is None


def test_unknown_build_is_a_gap() -> None:
    view = b.view(b.healthy(torch=b.torch("2.7.1+cu118"), gpus=BLACKWELL))
    (gap,) = torch_lacks_target(view)
    assert isinstance(gap, Gap) and "not known" in gap.reason
