"""C++ and CUDA sources of projects, and the compilers that would build them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import builders as b
import source_tree as t

SETUP = t.setup()
# <cstdint> is missing in a header that a unit includes.
HEADER = '#pragma once\n#include <vector>\n#include "other.h"\nstruct S { uint32_t* p; };\n'
UNIT = '#include "impl.h"\n#include <cuda.h>\n__global__ void k() {}\n'
WARP = "__global__ void k(float* p) {\n  p[0] += __shfl_down_sync({mask}, p[0], 1);\n}\n"
# A kernel counts, the host sums up, a kernel fills; %s stands where the filling may pass on.
PIPELINE = """\
__global__ void pre(uint32_t* touched, int n) {
  touched[threadIdx.x] = (b.y - a.y) * (b.x - a.x);
}
__global__ void fill(const uint32_t* offsets, uint64_t* keys, uint32_t* values) {
  uint32_t off = (idx == 0) ? 0 : offsets[idx - 1];
  for (int y = 0; y < 4; y++) {
    %s
    keys[off] = y;
    values[off] = y;
    off++;
  }
}
void run() {
  cub::DeviceScan::InclusiveSum(tmp, size, g.touched, g.offsets, P);
  fill<<<1, 256>>>(g.offsets, b.keys, b.values);
  cub::DeviceRadixSort::SortPairs(
      tmp, size, b.keys, b.sorted_keys, b.values, b.sorted_values, total, 0, 32);
}
"""


def gcc(version: str | None) -> dict[str, Any]:
    """The host compiler is this GCC."""
    return {"tools": [b.tool("g++", version)]}


def cuda(version: str, torch: str = "2.13.0") -> dict[str, Any]:
    """The toolkit and torch's build are of this CUDA."""
    variant = version.replace(".", "")
    return {"toolkits": [b.toolkit(version)], "torch": b.torch(f"{torch}+cu{variant}")}


def rocm(version: str, torch: str = "2.9.1") -> dict[str, Any]:
    """torch's build is of this ROCm; no toolkit is here."""
    return {"torch": b.torch(f"{torch}+rocm{version}"), "toolkits": []}


def named(files: dict[str, str]) -> dict[str, str]:
    """A setup.py that builds ext.cu, and files: {"impl__h": …} is impl.h."""
    return {"setup.py": SETUP} | {name.replace("__", "."): text for name, text in files.items()}


def tree(root: Path, **files: str) -> Path:
    """Such a project on disk."""
    return t.write(root, named(files))
