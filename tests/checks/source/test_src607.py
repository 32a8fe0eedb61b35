"""SRC607: what HIP lacks, or means differently, in the sources that a HIP build takes."""

from __future__ import annotations

from typing import Any

import builders as b
import source_tree as t
from cxx_sources import SETUP, WARP, rocm
from rows import Fires, Given, rows

from gpufix.checks.registry import ERROR, WARNING, Fault
from gpufix.checks.source.src607_hip_intrinsics import hip_intrinsics
from gpufix.model import Severity
from gpufix.model.source_payload import ProjectFile

ADAPTED = ["adapt-to-hip safe"]
SPLIT = "void f() { k << <1, 2 >> >(); }\n"
CHEVRONS = "launch chevrons with a space"
JOINED = "the launch of k: clang and hipify read <<< as one token"
CHOSEN = """\
from setuptools import setup
from torch.utils.cpp_extension import CUDAExtension
import torch
{before}
extensions = []
if {test}:
    extensions.append(CUDAExtension("ext._C", ["ext.cu"]))
setup(name="ext", ext_modules=extensions)
"""


def of(
    text: str = SPLIT,
    version: str = "6.4",
    release: str = "2.9.1",
    *named: str,
    files: dict[str, str] | None = None,
    **sections: Any,
) -> Given:
    """ext.cu, which setup.py builds, a ROCm, a torch, and AMD GPUs."""
    sources = {"setup.py": SETUP, "ext.cu": text, **(files or {})}
    return t.project(sources, *(named or ("gfx1101",)), **(rocm(version, release) | sections))


def chosen(test: str, before: str = "") -> Given:
    return of(files={"setup.py": CHOSEN.format(before=before, test=test)})


def lacks(
    *blocks: tuple[str, int, str],
    what: str = "one construct that HIP does not compile for gfx1101",
    names: str = "",
    known: str = " (ROCm 6.4)",
    path: str = "ext.cu",
    severity: Severity = ERROR,
) -> Fault:
    """blocks: name, line, reason."""
    return Fault(
        severity,
        path,
        f"{path} has {what}: {names or blocks[0][0]}{known}.",
        evidence=tuple(t.at(path, line, f"{name}: {why}") for name, line, why in blocks),
        payload=ProjectFile(path),
    )


FILTERED = """\
import glob, os, torch
from setuptools import setup
from torch.utils.cpp_extension import BuildExtension, CUDAExtension
hip = torch.version.hip is not None
FORCED = os.getenv("FORCE_CUDA", "0") == "1"
sources = []
for path in glob.glob("*.cu"):
    if hip and any(name in path for name in ["mma"]):
        continue
    sources.append(path)
setup(name="x", ext_modules=[CUDAExtension("x", sources)], cmdclass={"build_ext": BuildExtension})
"""
CHEVRON = "void f() { k<< <1, 2>> >(); }\n"
WEAK = "__global__ void k() { __syncwarp(); }\n"


def weaker(name: str, line: int, lost: str, path: str = "ext.cu") -> Fault:
    return lacks(
        (f"#define {name}", line, lost),
        what="one construct that HIP may refuse or read otherwise for gfx1101",
        path=path,
        severity=WARNING,
    )


def split(path: str = "ext.cu", severity: Severity = ERROR, line: int = 1, **more: Any) -> Fault:
    return lacks((CHEVRONS, line, JOINED), path=path, severity=severity, **more)


def masked(mask: str) -> str:
    return WARP.replace("{mask}", mask)


def narrow(mask: str) -> tuple[str, int, str]:
    return "__shfl_down_sync", 2, f"mask {mask} has 32 bits, HIP asks for 64 (static_assert)"


BALLOT = "__global__ void k(int* p) { p[0] = __ballot_sync(m, 1); }"
OWN = "#define __shfl_down_sync(m, v, d) __shfl_down(v, d)\n"
MAY = "one construct that HIP may refuse or read otherwise for {}"

TRAP = "__global__ void k() { __trap(); }\n"
OWN_TRAP = "static __device__ void __trap() {\n  __builtin_trap();\n}\n"
DECLARED = "HIP has no such header; instead: hip_runtime.h, which declares threadIdx"
REDUCE_H = "HIP has no such header; instead: hip/hip_cooperative_groups.h, which has what there is"
UNKNOWN = "unknown ROCm version; from 6.2 on"
KEPT = "__global__ void k(int* p) { unsigned int b = __ballot(p[0]); p[1] = b; }\n"

ROWS_OF = """\
#include <hip/hip_cooperative_groups.h>
namespace cg = cooperative_groups;
__global__ void k(float* p) {{
    auto tile = cg::tiled_partition<32>(cg::this_thread_block());
    p[{at}] = cg::reduce(tile, p[0], cg::plus<float>());
}}
"""
OR_SYNC = "__global__ void k(unsigned* p) {{ p[0] = __reduce_or_sync({mask}, p[0]); }}\n"
HOLES = "is not bitwise for a mask with holes before ROCm 7.13"
STREAMED = "__global__ void k(float* p) { p[0] = __ldcs(p + 1); }\n"


def otherwise(name: str, line: int, why: str, rocm: str) -> Fault:
    return lacks(
        (name, line, why),
        what=MAY.format("gfx1101"),
        known=f" (ROCm {rocm})",
        severity=WARNING,
    )


SILENT = {
    "a reduction over blocks of one row": of(ROWS_OF.format(at="threadIdx.x"), "7.14"),
    "a reduction over blocks of rows, since it is mended": of(
        ROWS_OF.format(at="threadIdx.y"), "10.0"
    ),
    "bits reduced over all lanes": of(OR_SYNC.format(mask="0xffffffffffffffffull"), "7.1"),
    "bits reduced over some lanes, since it is mended": of(OR_SYNC.format(mask="lanes"), "7.13"),
    "a ballot in 32 bits, on 32 lanes": of(KEPT, "7.0", "2.10.0"),
    "a function of its own": of(OWN_TRAP + TRAP, "7.1", "2.10.0"),
    "sources filtered in Python, and a torch for CUDA": t.project(
        {"setup.py": FILTERED, "ext.cu": "", "gemm_mma.cu": CHEVRON}, "gfx1101"
    ),
    "nothing": of("__global__ void k() {}\nvoid f() { k<<<1, 2>>>(); }\n"),
    "NVIDIA's targets": t.project({"setup.py": SETUP, "ext.cu": masked("~0u")}, "sm_90"),
    "a mask of 64 bits": of(masked("0xffffffffffffffffull")),
    "left to CUDA": of(f"#ifndef USE_ROCM\n{masked('~0u')}#endif\n"),
    "a macro of its own": of(OWN + masked("~0u")),
    "sources filtered in Python": t.project(
        {"setup.py": FILTERED, "ext.cu": "", "gemm_mma.cu": CHEVRON},
        "gfx1101",
        **rocm("6.4", "2.9.1"),
    ),
    "a macro with the fences that HIP's own has": of(
        "#define __syncwarp(...) __builtin_amdgcn_wave_barrier()\n"
        "__global__ void k() { __syncwarp(); }\n"
    ),
    "a weaker macro for CUDA": of(
        "#ifdef __CUDACC__\n#define __syncwarp() do {} while (0)\n#endif\n"
        "#ifndef __HIPCC__\n#define __syncwarp() do {} while (0)\n#endif\n"
    ),
    "__syncwarp of 7.0": of("__global__ void k() { __syncwarp(); }\n", "7.0", "2.10.0"),
    "a ballot in a macro is none yet": of(
        "#define BALLOT(mask, value) __ballot_sync((mask), value)\n", "7.0", "2.10.0", "gfx942"
    ),
    "a ballot of 32 lanes is whole": of(BALLOT, "7.0", "2.10.0"),
    "a HIP source of the same name": of(files={"hip/ext.hip": ""}),
    "carried along": of(
        "",
        files={
            "setup.py": SETUP.replace("ext.cu", "third_party/x/t.cu"),
            "third_party/x/t.cu": SPLIT,
        },
    ),
    "in a test that is carried along": of("", files={"third_party/gtest/t.cu": SPLIT}),
    "a build that leaves it to CUDA": chosen("torch.version.hip is None"),
    "a build that leaves it to CUDA, by a name": chosen(
        "not SKIP and not IS_ROCM", "IS_ROCM = find()"
    ),
    "a build that leaves it to CUDA, by a name's value": chosen(
        'target != "rocm"', "target = find()"
    ),
    "an option of a build that knows of HIP": chosen('"--ext" in sys.argv', "IS_ROCM = find()"),
    "not named by a build that names others": of(
        files={"setup.py": SETUP.replace("ext.cu", "other.cu"), "other.cu": ""}
    ),
    "CMake that knows of HIP": of(
        files={"setup.py": "", "CMakeLists.txt": "enable_language(HIP)\nadd_library(ext ext.cu)\n"}
    ),
    "for NVIDIA's tensor cores": of(f"#include <cutlass/gemm.h>\n{SPLIT}"),
    "for NVIDIA's tensor cores, by a header": of(
        f'#include "gemm.h"\n{SPLIT}', files={"gemm.h": "#include <cute/tensor.hpp>\n"}
    ),
    "in a header of the CUDA build only": of(
        '#ifndef USE_ROCM\n#include "split.h"\n#endif\n', files={"split.h": SPLIT}
    ),
}

FIRING = {
    "a reduction over blocks of rows": Fires(
        of(ROWS_OF.format(at="threadIdx.y"), "7.14"),
        otherwise(
            "cooperative_groups::reduce",
            5,
            "gives wrong results, or fails to launch, for a block with more than one row (block.y or "
            "block.z is not 1) before ROCm 10.0",
            "7.14",
        ),
    ),
    "bits reduced over some lanes": Fires(
        of(OR_SYNC.format(mask="lanes"), "7.1"), otherwise("__reduce_or_sync", 1, HOLES, "7.1")
    ),
    "a load that streams": Fires(
        of(STREAMED, "6.4"),
        otherwise("__ldcs", 1, "HIP has it for __half and __half2 only", "6.4"),
    ),
    "SIMD within a word": Fires(
        of("__global__ void k(int* p) { p[0] = __vsub4(p[0], p[1]); }\n"),
        lacks(
            (
                "__vadd4",
                1,
                "not in ROCm up to 7.1; instead: the bytes one by one: HIP has none of the "
                "SIMD-within-a-word functions",
            )
        ),
    ),
    "headers that hipify leaves": Fires(
        of('#include <cooperative_groups/scan.h>\n#include "cuda_fp8.h"\n'),
        lacks(
            ("<cooperative_groups/scan.h>", 1, REDUCE_H),
            ("<cuda_fp8.h>", 2, "HIP has no such header; instead: hip/hip_fp8.h, from ROCm 6.2 on"),
            what="2 constructs that HIP does not compile for gfx1101",
            names="<cooperative_groups/scan.h>, <cuda_fp8.h>",
        ),
    ),
    "chevrons": Fires(of(f"\n{SPLIT}"), split(line=2), offers=ADAPTED),
    "a mask of 32 bits": Fires(
        of(masked("0xffffffff"), "7.0", "2.10.0"),
        lacks(narrow("0xffffffff"), known=" (ROCm 7.0)"),
        offers=ADAPTED,
    ),
    "not in an older ROCm": Fires(
        of(masked("0xffffull << 48"), "6.1", "2.6.0"),
        lacks(
            ("__shfl_down_sync", 2, "ROCm 6.1 does not have it; from 6.2 on"), known=" (ROCm 6.1)"
        ),
        offers=ADAPTED,
    ),
    "not opted in": Fires(
        of(masked("m"), "6.2", "2.7.0"),
        lacks(
            ("__shfl_down_sync", 2, "ROCm 6.2 does not have it; from 6.2 on"), known=" (ROCm 6.2)"
        ),
        offers=ADAPTED,
    ),
    "a macro that waits for no lane": Fires(
        of(f"#define __syncwarp(...) __threadfence_block()\n{WEAK}"),
        weaker("__syncwarp", 1, "orders memory and waits for no lane"),
    ),
    "a macro that does nothing, in a header": Fires(
        of(
            f'#include "a.inl"\n{WEAK}',
            files={"a.inl": "#ifndef __syncwarp\n#define __syncwarp(m) do {} while (0)\n#endif\n"},
        ),
        weaker("__syncwarp", 2, "neither waits for lanes nor orders memory", path="a.inl"),
    ),
    "a macro that compares nothing, in a HIP source": Fires(
        t.project(
            {
                "setup.py": SETUP.replace("ext.cu", "ext.hip"),
                "ext.hip": "#define __match_any_sync(m, v) __ballot(1)\n",
                "ext.cu": "",
            },
            "gfx1101",
            **rocm("6.4", "2.9.1"),
        ),
        weaker("__match_any_sync", 1, "compares no values: every lane matches", path="ext.hip"),
    ),
    "__syncwarp": Fires(
        of("\n\n__global__ void k() { __syncwarp(); }"),
        lacks(("__syncwarp", 3, "ROCm 6.4 does not have it; from 7.0 on")),
        offers=ADAPTED,
    ),
    "PTX": Fires(
        of('__global__ void k() { asm("mov.u32 %0, %laneid;" : "=r"(a)); }'),
        lacks(
            ("inline PTX", 1, 'mov.u32 %0, %laneid;" : "=r"(a): AMD GPUs have other instructions')
        ),
    ),
    "a mask of 32 bits, on 32 lanes and on 64": Fires(
        of(masked("0xffffffff"), "7.0", "2.10.0", "gfx1101", "gfx942"),
        lacks(
            (
                *narrow("0xffffffff")[:2],
                narrow("0xffffffff")[2] + "; it names half of gfx942's 64 lanes",
            ),
            what="one construct that HIP does not compile for gfx1101, gfx942",
            known=" (ROCm 7.0)",
        ),
        offers=ADAPTED,
    ),
    "a ballot of 64 lanes": Fires(
        of(BALLOT, "7.0", "2.10.0", "gfx942"),
        lacks(
            ("__ballot_sync", 1, "its value has 64 lanes on a target of 64"),
            what=MAY.format("gfx942"),
            known=" (ROCm 7.0)",
            severity=WARNING,
        ),
        offers=ADAPTED,
    ),
    "reductions of groups": Fires(
        of("#include <cooperative_groups/reduce.h>\n", "7.0", "2.10.0", "gfx942"),
        lacks(
            ("<cooperative_groups/reduce.h>", 1, REDUCE_H),
            what="one construct that HIP does not compile for gfx942",
            known=" (ROCm 7.0)",
        ),
        offers=ADAPTED,
    ),
    "ROCm is not known": Fires(
        of("#include <cooperative_groups/reduce.h>\n", torch=None),
        lacks(("<cooperative_groups/reduce.h>", 1, REDUCE_H), known=""),
        offers=ADAPTED,
    ),
    "headers and functions that no HIP has": Fires(
        of(f"#include <device_launch_parameters.h>\n{TRAP}", "7.1", "2.10.0"),
        lacks(
            ("<device_launch_parameters.h>", 1, DECLARED),
            ("__trap", 2, "not in ROCm up to 7.1"),
            what="2 constructs that HIP does not compile for gfx1101",
            names="<device_launch_parameters.h>, __trap",
            known=" (ROCm 7.1)",
        ),
        offers=ADAPTED,
    ),
    "a function that a newer ROCm may have": Fires(
        of(TRAP, "7.2", "2.10.0"),
        lacks(
            ("__trap", 1, "not in ROCm up to 7.1"),
            what=MAY.format("gfx1101"),
            known=" (ROCm 7.2)",
            severity=WARNING,
        ),
        offers=ADAPTED,
    ),
    "ROCm is not known, on 32 lanes": Fires(
        of(masked("0xffffffff"), torch=None),
        lacks(
            ("__shfl_down_sync", 2, f"{UNKNOWN}, which refuses the 32 bits of 0xffffffff"),
            what=MAY.format("gfx1101"),
            known="",
            severity=WARNING,
        ),
        offers=ADAPTED,
    ),
    "ROCm is not known, on 64 lanes": Fires(
        t.project({"setup.py": SETUP, "ext.cu": masked("0xffffffff")}, "gfx90a", torch=None),
        lacks(
            (
                "__shfl_down_sync",
                2,
                f"{UNKNOWN}, which refuses the 32 bits of 0xffffffff, and names half of gfx90a's "
                "64 lanes",
            ),
            what=MAY.format("gfx90a"),
            known="",
            severity=WARNING,
        ),
        offers=ADAPTED,
    ),
    "a ballot in 32 bits, on 64 lanes": Fires(
        of(KEPT, "7.0", "2.10.0", "gfx90a"),
        lacks(
            ("a ballot in 32 bits", 1, "__ballot has a bit for each lane, and gfx90a has 64"),
            what=MAY.format("gfx90a"),
            known=" (ROCm 7.0)",
            severity=WARNING,
        ),
    ),
    "several, of which one may differ": Fires(
        of(f"{BALLOT}\n{SPLIT}{SPLIT}", "7.0", "2.10.0", "gfx942", "gfx1101"),
        lacks(
            ("__ballot_sync", 1, "its value has 64 lanes on a target of 64"),
            (CHEVRONS, 2, JOINED),
            (CHEVRONS, 3, JOINED),
            what="2 constructs that HIP does not compile for gfx942, gfx1101",
            names=CHEVRONS,
            known=" (ROCm 7.0)",
        ),
        offers=ADAPTED,
    ),
    "two kinds": Fires(
        of(f"{masked('0xffffffff')}{SPLIT}", "7.0", "2.10.0"),
        lacks(
            narrow("0xffffffff"),
            (CHEVRONS, 4, JOINED),
            what="2 constructs that HIP does not compile for gfx1101",
            names=f"__shfl_down_sync, {CHEVRONS}",
            known=" (ROCm 7.0)",
        ),
        offers=ADAPTED,
    ),
    "in a header": Fires(
        of('#include "split.h"\n', files={"split.h": SPLIT}), split("split.h"), offers=ADAPTED
    ),
    "the build knows of HIP": Fires(
        of(files={"setup.py": t.setup(before="if torch.version.hip:\n    pass")}),
        split(severity=WARNING),
        offers=ADAPTED,
    ),
    "the build knows of HIP by a name": Fires(
        of(files={"setup.py": t.setup(before="IS_ROCM = False")}),
        split(severity=WARNING),
        offers=ADAPTED,
    ),
    "no build file names a source": Fires(
        t.project({"ext.cu": SPLIT}, "gfx1101", **rocm("6.4")),
        split(severity=WARNING),
        offers=ADAPTED,
    ),
    "under an option": Fires(chosen('"--ext" in sys.argv'), split(), offers=ADAPTED),
    "by CMake": Fires(
        of(files={"setup.py": "", "CMakeLists.txt": "add_library(ext ext.cu)\n"}),
        split(),
        offers=ADAPTED,
    ),
    "by its ending": Fires(
        of(files={"setup.py": SETUP.replace('["ext.cu"]', '[f for f in a if f.endswith(".cu")]')}),
        split(),
        offers=ADAPTED,
    ),
    "by a pattern": Fires(
        of(files={"setup.py": SETUP.replace('["ext.cu"]', 'glob("*.cu")')}),
        split(),
        offers=ADAPTED,
    ),
    "a toolkit tells the ROCm": Fires(
        of(toolkits=[b.rocm("7.0.1")]), split(known=" (ROCm 7.0)"), offers=ADAPTED
    ),
    "between two that are left out": Fires(
        of(
            "",
            files={
                "setup.py": SETUP.replace('"ext.cu"', '"a.cu", "b.cu", "c.cu"'),
                "a.cu": SPLIT,
                "a.hip": "",
                "b.cu": "",
                "c.cu": SPLIT,
            },
        ),
        split("c.cu"),
        offers=ADAPTED,
    ),
}

test_silent, test_firing = rows(hip_intrinsics, SILENT, FIRING)
