"""SRC608: barriers of the block under conditions that differ between its threads."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import source_tree as t
from cxx_sources import SETUP, rocm
from rows import Fires, Given, rows

from gpufix.checks.registry import WARNING, Fault
from gpufix.checks.source.src608_divergent_barrier import divergent_barrier
from gpufix.model.source_payload import ProjectFile

KERNEL = "__global__ void k(int n) {{\n  if ({0}) {{\n    {1}\n  }}\n}}\n"
DIFFERS = KERNEL.format("threadIdx.x < n", "__syncthreads();")


def of(text: str, *named: str, path: str = "ext.cu", **sections: Any) -> Given:
    return t.project({"setup.py": SETUP, "ext.cu": "", path: text}, *named, **sections)


def under(
    line: int = 3, at: int = 2, name: str = "__syncthreads", path: str = "ext.cu", n: str = "n"
) -> Fault:
    condition = f"threadIdx.x < {n}"
    return Fault(
        WARNING,
        f"{path}:{line}",
        f'{path} calls {name}() at line {line} under "{condition}" (line {at}), which differs '
        "between the threads of a block.",
        evidence=(t.at(path, line, name), t.at(path, at, condition)),
        payload=ProjectFile(path),
    )


CUDA_ALONE = f"#ifndef USE_ROCM\n{DIFFERS}#endif\n"
HIP_ALONE = f"#ifdef USE_ROCM\n{DIFFERS}#endif\n"

SILENT = {
    "the same for all": of(KERNEL.format("blockIdx.x < n", "__syncthreads();")),
    "the same for all, declared beside what differs": of(
        KERNEL.replace("  if", "  int b = f(blockIdx.x), t = threadIdx.x;\n  if").format(
            "b == 0", "__syncthreads();"
        )
    ),
    "counted beside what differs": of(
        "__global__ void k(int n) {\n"
        "  for (int left = n, at = threadIdx.x; left > 0; left -= 8, at += 8, ++n)\n"
        "    { __syncthreads(); }\n}\n"
    ),
    "up to the size of a thread's part of a CuTe layout": of(
        KERNEL.replace(
            "  if",
            "  auto part = mma.get_slice(threadIdx.x).partition(n);\n"
            "  auto most = size<2>(part);\n  if",
        ).format("n == most - 1", "__syncthreads();")
    ),
    "what differs afterwards": of(
        "__global__ void k(int n) {\n  while (n > 1) {\n    __syncthreads();\n    n /= 2;\n  }\n"
        "  n = threadIdx.x;\n}\n"
    ),
    "by the size of a type": of(KERNEL.format("sizeof(f(threadIdx.x)) < 4", "__syncthreads();")),
    "no barrier": of(KERNEL.format("threadIdx.x < n", "n += 1;")),
    "of a warp": of(KERNEL.format("threadIdx.x < n", "__syncwarp();")),
    "carried along": of(DIFFERS, path="third_party/x/a.cu"),
    "not compiled": of(f"#ifdef _WIN32\n{DIFFERS}#endif\n"),
    "perhaps compiled": of(f"#ifdef WITH_IT\n{DIFFERS}#endif\n"),
    "compiled for HIP only": of(HIP_ALONE),
    "a source for HIP, a CUDA build": of(DIFFERS, path="a.hip"),
    "compiled for CUDA only, a HIP build": of(CUDA_ALONE, "gfx1101", **rocm("6.4")),
    "in host code": of(f"#ifdef __CUDACC__\n{DIFFERS}#endif\n", path="a.cpp"),
}

FIRING = {
    "a branch": Fires(of(DIFFERS), under()),
    "what was given a value in the round before": Fires(
        of(
            "__global__ void k(int n) {\n  for (int i = 0; i < 4; ++i) {\n    if (n < 4)\n"
            "      __syncthreads();\n    n = threadIdx.x;\n  }\n}\n"
        ),
        replace(
            under(4, 3),
            message='ext.cu calls __syncthreads() at line 4 under "n < 4" (line 3), which differs '
            "between the threads of a block.",
            evidence=(t.at("ext.cu", 4, "__syncthreads"), t.at("ext.cu", 3, "n < 4")),
        ),
    ),
    "declared beside what is the same": Fires(
        of(
            KERNEL.replace("  if", "  int b = blockIdx.x, t = f(threadIdx.x, b);\n  if").format(
                "t < n", "__syncthreads();"
            )
        ),
        replace(
            under(4, 3),
            message='ext.cu calls __syncthreads() at line 4 under "t < n" (line 3), which differs '
            "between the threads of a block.",
            evidence=(t.at("ext.cu", 4, "__syncthreads"), t.at("ext.cu", 3, "t < n")),
        ),
    ),
    "counted on by what differs": Fires(
        of(
            "__global__ void k(int n) {\n"
            "  for (int i = 0, j = threadIdx.x; n > 0; ++i, n -= j)\n"
            "    { __syncthreads(); }\n}\n"
        ),
        Fault(
            severity=WARNING,
            subject="ext.cu:3",
            message='ext.cu calls __syncthreads() at line 3 under "n > 0" (line 2), which differs '
            "between the threads of a block.",
            evidence=(t.at("ext.cu", 3, "__syncthreads"), t.at("ext.cu", 2, "n > 0")),
            payload=ProjectFile("ext.cu"),
        ),
    ),
    "with a count": Fires(
        of(KERNEL.format("threadIdx.x < n", "__syncthreads_count(n);")),
        under(name="__syncthreads_count"),
    ),
    "compiled for CUDA only": Fires(of(CUDA_ALONE), under(4, 3)),
    "compiled for HIP only, a HIP build": Fires(
        of(HIP_ALONE, "gfx1101", **rocm("6.4")), under(4, 3)
    ),
    "a source for HIP, a HIP build": Fires(
        of(DIFFERS, "gfx1101", path="a.hip", **rocm("6.4")), under(path="a.hip")
    ),
    "two, the first not compiled": Fires(
        of(f"#ifdef _WIN32\n{DIFFERS}#endif\n{DIFFERS}{DIFFERS.replace('k(', 'l(')}"),
        [under(10, 9), under(15, 14)],
    ),
    "two of one kernel": Fires(
        of(KERNEL.format("threadIdx.x < n", "__syncthreads();\n    __syncthreads();")),
        replace(
            under(),
            message='ext.cu calls __syncthreads() at lines 3, 4 under "threadIdx.x < n" (line 2), '
            "which differs between the threads of a block.",
            evidence=(
                t.at("ext.cu", 3, "__syncthreads"),
                t.at("ext.cu", 2, "threadIdx.x < n"),
                t.at("ext.cu", 4, "__syncthreads"),
            ),
        ),
    ),
}

test_silent, test_firing = rows(divergent_barrier, SILENT, FIRING)
