"""GPU103: the one library that a package's dispatcher takes, as the published wheels hold it."""

from __future__ import annotations

import builders as b
from rows import Fires, rows

from gpufix.checks.gpu.gpu103_extension_lacks_target import extension_lacks_target
from gpufix.checks.registry import ADVICE, ERROR, Fault
from gpufix.evidence.coverage import matrix
from gpufix.evidence.gpu_code import Service
from gpufix.evidence.view import View
from gpufix.knowledge.dispatchers import dispatched
from gpufix.model import Library, Severity
from gpufix.model.payload import UnfitCode


def lib(path: str, *archs: str, ptx: tuple[str, ...] = (), owner: str = "xformers") -> Library:
    code = [*b.code(*archs), *b.code(*ptx, kind="ptx", ptx_version="8.5")]
    return b.library(path, code, distribution=owner)


# cuobjdump of the wheels 0.0.30, and 0.0.31.post1 to 0.0.34.
OLD_C = lib("xformers/_C.so", "sm_60", "sm_70", "sm_75", "sm_80", "sm_90a", ptx=("sm_60", "sm_80"))
FA3 = lib("xformers/_C_flashattention3.so", "sm_90a")
NEW_C = lib("xformers/_C.so", "sm_75", "sm_80", "sm_90a", ptx=("sm_80",))
BOTH = lib("xformers/flash_attn_3/_C.so", "sm_80", "sm_90a", ptx=("sm_80",))
SGL = ("sm_80", "sm_89", "sm_90", "sm_90a", "sm_100a", "sm_101a", "sm_120a")
SGL_90 = lib("sgl_kernel/sm90/common_ops.abi3.so", *SGL, owner="sgl-kernel")
SGL_100 = lib("sgl_kernel/sm100/common_ops.abi3.so", *SGL, owner="sgl-kernel")
HOPPER_ALONE = lib("sgl_kernel/sm90/common_ops.abi3.so", "sm_90a", owner="sgl-kernel")
FUSED = lib("sageattention/_fused.abi3.so", "sm_86", "sm_120", owner="sageattention")
SAGE_80 = lib("sageattention/_qattn_sm80.abi3.so", "sm_80", owner="sageattention")
SAGE_89 = lib("sageattention/_qattn_sm89.abi3.so", "sm_89", owner="sageattention")


def of(version: str, gpu: str, *libraries: Library, **sections: object) -> View:
    owner = libraries[0].distribution or ""
    known = {
        "gpus": [b.gpu(gpu)],
        "binaries": b.binaries(*libraries),
        "distributions": [b.dist(owner, version)],
    }
    return b.view(b.healthy(**(known | sections)))


def fault(
    subject: str,
    file: str,
    gpu: str,
    why: str,
    row: Library,
    version: str,
    level: Severity = ERROR,
) -> Fault:
    known = dispatched(row.path, subject, version)
    assert known is not None
    return Fault(
        level,
        subject,
        f"{subject} takes {file} on {gpu} (GPU of {gpu}){why}",
        evidence=(row.path, known.source),
        breaks=(f"code:{subject}",),
        payload=UnfitCode(subject, gpu),
    )


EXACT = ", which holds machine code for sm_90a; none of it runs there."
OUTGROWN = "; its kernels are for compute capability 9.0 and older."

SILENT = {
    "FlashAttention 3 on Hopper": of("0.0.30", "sm_90", OLD_C, FA3),
    "which xformers does not take on Ada": of("0.0.30", "sm_89", OLD_C, FA3),
    "of both, on Ampere": of("0.0.31.post1", "sm_80", NEW_C, BOTH),
    "of both, on Ada": of("0.0.32.post2", "sm_89", NEW_C, BOTH),
    "which has a maximum since 0.0.33": of("0.0.33.post2", "sm_120", NEW_C, BOTH),
    "and in 0.0.34": of("0.0.34", "sm_120", NEW_C, BOTH),
    "not asked before 0.0.29": of("0.0.28.post3", "sm_120", OLD_C, FA3),
    "a release that is not known": of("0.0.30", "sm_120", OLD_C, FA3, distributions=[]),
    "a library of that name in another package": of(
        "0.0.30", "sm_120", lib("xformers/_C.so", "sm_120", owner="y"), lib(FA3.path, owner="y")
    ),
    "each GPU its own folder": of("0.3.16", "sm_90", SGL_90, SGL_100),
    "and the rest the other": of("0.3.16", "sm_120", HOPPER_ALONE, SGL_100),
    "Triton's kernels on 8.6": of("2.2.0", "sm_86", FUSED, SAGE_80, SAGE_89),
    "only the library for another GPU was read": of("2.2.0", "sm_86", SAGE_80),
    "AMD's, of whose GPUs no row speaks": b.view(
        b.healthy_amd(
            binaries=b.binaries(
                b.library(
                    "xformers/_C_flashattention3.so",
                    b.code("gfx1100", kind="hip"),
                    distribution="xformers",
                )
            ),
            distributions=[b.dist("xformers", "0.0.30")],
        )
    ),
}
NAME = "xformers/_C_flashattention3.so"
FIRING = {
    "FlashAttention 3 on an RTX 50": Fires(
        of("0.0.30", "sm_120", OLD_C, FA3),
        fault("xformers", NAME, "sm_120", EXACT, FA3, "0.0.30"),
        offers=["install-fallback unsafe"],
    ),
    "and on a B200": Fires(
        of("0.0.29.post3", "sm_100", OLD_C, FA3),
        fault("xformers", NAME, "sm_100", EXACT, FA3, "0.0.29.post3"),
        offers=["install-fallback unsafe"],
    ),
    "PTX that compiles, of kernels that fail": Fires(
        of("0.0.32.post2", "sm_120", NEW_C, BOTH),
        fault("xformers", "flash_attn_3/_C.so", "sm_120", OUTGROWN, BOTH, "0.0.32.post2"),
        offers=["install-fallback unsafe"],
    ),
    "beside a GPU that is served": Fires(
        of("0.0.30", "sm_120", OLD_C, FA3, gpus=[b.gpu("sm_120"), b.gpu("sm_89", 1)]),
        fault("xformers", NAME, "sm_120", EXACT, FA3, "0.0.30", ADVICE),
    ),
    "the folder for a GPU of which it has no code": Fires(
        of("0.3.16", "sm_121", SGL_90, SGL_100),
        fault(
            "sgl-kernel",
            "sm100/common_ops.abi3.so",
            "sm_121",
            ", which holds machine code for sm_80, sm_89, sm_90, sm_90a, sm_100a, sm_101a, sm_120a; "
            "none of it runs there.",
            SGL_100,
            "0.3.16",
        ),
    ),
    "the module for the GPU, compiled for another": Fires(
        of("2.2.0", "sm_120", FUSED, SAGE_89),
        fault(
            "sageattention",
            "sageattention/_qattn_sm89.abi3.so",
            "sm_120",
            ", which holds machine code for sm_89; none of it runs there.",
            SAGE_89,
            "2.2.0",
        ),
    ),
}
test_silent, test_firing = rows(extension_lacks_target, SILENT, FIRING)


def test_the_table_says_the_same() -> None:
    """What GPU103 says, and that GPU102 and the matrix do not say another thing beside it."""
    unfit, fit = of("0.0.30", "sm_120", OLD_C, FA3), of("0.0.34", "sm_120", NEW_C, BOTH)
    assert [row.served["sm_120"] for row in matrix(unfit) if row.subject == "xformers"] == [
        Service.none
    ]
    assert [row.served["sm_120"] for row in matrix(fit) if row.subject == "xformers"] == [
        Service.jit
    ]
