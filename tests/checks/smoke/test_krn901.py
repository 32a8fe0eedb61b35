"""KRN901: kernels that do not compile, and targets without a compiler."""

from __future__ import annotations

from dataclasses import replace

import builders as b
from rows import Fires, calling, rows

from gpufix.checks.registry import ERROR, Fault
from gpufix.checks.smoke.krn901_suite_kernel_does_not_compile import KRN901
from gpufix.kernels.compiler import Built
from gpufix.kernels.manifest import load
from gpufix.kernels.toolchain import KernelTarget, parse_target
from gpufix.model import Facts
from gpufix.smoke.compile import ToolchainChoice
from gpufix.smoke.smoke_findings import no_compiler, not_compiled, unusable_compiler

BLACKWELL, RDNA2 = KernelTarget("sm_120"), KernelTarget("gfx1030")
NOTHING = ToolchainChoice(None)
LOOKED_AT = (
    "looked at: CUDA_HOME, ROCM_HOME, PATH, /usr/local, /opt, conda and wheels of the patient, "
    "system packages"
)


def built(name: str, status: str, log: str = "", target: KernelTarget = BLACKWELL) -> Built:
    return Built(load(name), target, status, log=log, command=("nvcc", f"{name}.cu"))


def extension(*archs: str, name: str = "fused-ssim") -> Facts:
    """What is installed has code for these."""
    library = b.library("ssim.so", b.code(*archs), distribution=name)
    healthy = b.healthy(binaries=b.binaries(library))
    return replace(healthy, distributions=[*healthy.distributions, b.dist(name)])


def fault(subject: str, message: str, *evidence: str) -> Fault:
    return Fault(ERROR, subject, message, evidence)


MISSING = fault("sm_120", "No nvcc was found for sm_120.", LOOKED_AT)
LONG = [f"note {n}" for n in range(20)]

SILENT = {
    "nothing was to be compiled": (not_compiled, []),
    "built, with a warning": (not_compiled, [built("launch", "built", "warning: unused")]),
    "built before": (not_compiled, [built("launch", "cached")]),
    "no bf16 on this GPU": (
        not_compiled,
        [built("matmul", "not applicable", "no bf16 matrix units", KernelTarget("sm_75"))],
    ),
}

FIRING = {
    "no nvcc": Fires((no_compiler, b.healthy(), BLACKWELL, NOTHING), MISSING),
    "no nvcc, with PTX": Fires(
        (no_compiler, b.healthy(), parse_target("sm_120+PTX"), NOTHING),
        fault("sm_120+PTX", "No nvcc was found for sm_120+PTX.", LOOKED_AT),
    ),
    "no hipcc, and a clang without headers": Fires(
        (no_compiler, b.healthy_amd(), RDNA2, ToolchainChoice(None, ("clang++-19: no headers",))),
        fault(
            "gfx1030",
            "No hipcc, nor a clang++ that builds HIP programs, was found for gfx1030.",
            "clang++-19: no headers",
        ),
    ),
    "an extension without code for the GPU": Fires(
        (no_compiler, extension("sm_90"), BLACKWELL, NOTHING),
        MISSING,
        offers=["install-fallback unsafe"],
    ),
    "an extension with code for the GPU": Fires(
        (no_compiler, extension("sm_90", "sm_120"), BLACKWELL, NOTHING), MISSING
    ),
    "an extension that gpufix has nothing for": Fires(
        (no_compiler, extension("sm_90", name="rasterizer"), BLACKWELL, NOTHING), MISSING
    ),
    "a compiler that does not start": Fires(
        (unusable_compiler, "broken installation\n\n  no cicc \n", [BLACKWELL, KernelTarget("sm_90")]),
        fault(
            "sm_120, sm_90",
            "The compiler for sm_120, sm_90 cannot be asked for its version.",
            "broken installation",
            "  no cicc",
        ),
    ),
    "one kernel": Fires(
        (not_compiled, [built("warp", "built"), built("launch", "failed", "note\nerror: no luck")]),
        fault(
            "launch",
            "launch does not compile for sm_120: error: no luck",
            "note",
            "error: no luck",
            "$ nvcc launch.cu",
        ),
    ),
    "one cause in two files": Fires(
        (
            not_compiled,
            [
                built("launch", "failed", "/a/launch.cu(3): error: identifier is undefined"),
                built("warp", "failed", "/a/warp.cu:17:4: error: identifier is undefined"),
            ],
        ),
        fault(
            "launch, warp",
            "launch, warp do not compile for sm_120: /a/launch.cu(3): error: identifier is undefined",
            "/a/launch.cu(3): error: identifier is undefined",
            "$ nvcc launch.cu",
        ),
    ),
    "one cause in other paths and lines": Fires(
        (
            not_compiled,
            [
                built("launch", "failed", "fatal error: cannot read  /a/launch.h, line 3"),
                built("warp", "failed", "fatal error: cannot read /b/warp.h, line 17"),
            ],
        ),
        fault(
            "launch, warp",
            "launch, warp do not compile for sm_120: fatal error: cannot read  /a/launch.h, line 3",
            "fatal error: cannot read  /a/launch.h, line 3",
            "$ nvcc launch.cu",
        ),
    ),
    "a long line is cut": Fires(
        (not_compiled, [built("launch", "failed", f"error: {'x' * 600}")]),
        fault(
            "launch",
            f"launch does not compile for sm_120: error: {'x' * 493}",
            f"error: {'x' * 293}",
            "$ nvcc launch.cu",
        ),
    ),
    "two causes, two targets, two ends": Fires(
        (
            not_compiled,
            [
                built("launch", "failed", "error: a"),
                built("warp", "failed", "error: b"),
                built("launch", "failed", "error: a", RDNA2),
                built("sort", "timeout", "error: a"),
            ],
        ),
        [
            fault("launch", "launch does not compile for sm_120: error: a", "error: a",
                  "$ nvcc launch.cu"),
            fault("warp", "warp does not compile for sm_120: error: b", "error: b", "$ nvcc warp.cu"),
            fault("launch", "launch does not compile for gfx1030: error: a", "error: a",
                  "$ nvcc launch.cu"),
            fault("sort", "sort does not compile for sm_120: error: a", "error: a", "$ nvcc sort.cu"),
        ],
    ),
    "a compiler that says nothing": Fires(
        (not_compiled, [built("launch", "failed")]),
        fault(
            "launch",
            "launch does not compile for sm_120: the compiler says nothing",
            "$ nvcc launch.cu",
        ),
    ),
    "a long log: the error and what follows": Fires(
        (not_compiled, [built("launch", "failed", "\n".join([*LONG[:4], "fatal error: x", *LONG]))]),
        fault(
            "launch",
            "launch does not compile for sm_120: fatal error: x",
            "fatal error: x",
            *LONG[:11],
            "... 13 more lines",
            "$ nvcc launch.cu",
        ),
    ),
    "twelve lines are shown whole": Fires(
        (not_compiled, [built("launch", "failed", "\n".join([*LONG[:11], "error: x"]))]),
        fault(
            "launch",
            "launch does not compile for sm_120: error: x",
            *LONG[:11],
            "error: x",
            "$ nvcc launch.cu",
        ),
    ),
}  # fmt: skip

test_silent, test_firing = rows(calling(KRN901), SILENT, FIRING)
