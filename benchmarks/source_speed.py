"""CPU seconds of the source pass: the walk over a project, and each reader of its files.

    python benchmarks/source_speed.py [FOLDER ...] [--files 5000] [--runs 5] [--limit 0.5]

Without folders, writes a project of its own: half Python, half C++ and CUDA, one in ten of them
with device code, a build file that names them; and one of half that size, for the ratio. Prints
medians over the runs, each of which reads everything anew. Exit 1 when the project written takes
longer than the limit, or more than 2.5 times as long as the half.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from gpufix.facts.context import CollectContext
from gpufix.facts.project.project import collect
from gpufix.facts.project.source_files import ProjectSources

NVIDIA: dict[str, Callable[[ProjectSources], object]] = {
    "python": lambda sources: sources.python,
    "cmake": lambda sources: sources.cmake,
    "shell": ProjectSources.shell,
    "toml": ProjectSources.toml,
    "cxx": ProjectSources.cxx,
}
QUESTIONS: dict[str, Callable[[ProjectSources], object]] = {**NVIDIA, "hip": ProjectSources.hip}
MODULE = '''\
"""Module {n}."""

import os
import torch
import numpy as np

SETTINGS = {{"size": {n}, "name": os.environ.get("NAME_{n}", "none")}}


class Layer{n}(torch.nn.Module):
    def __init__(self, width, depth=2):
        super().__init__()
        self.layers = torch.nn.ModuleList(torch.nn.Linear(width, width) for _ in range(depth))

    def forward(self, x):
        for layer in self.layers:
            x = torch.relu(layer(x)) + np.float32({n}) * x
        return x.to(torch.float32)
'''
HEADER = """\
#pragma once
#include <vector>
#include <torch/extension.h>
/* Declarations of unit {n}. */
#ifdef USE_DOUBLE
using real{n} = double;
#else
using real{n} = float;
#endif
torch::Tensor run{n}(const torch::Tensor& input, std::vector<int64_t> sizes);
"""
UNIT = """\
#include "unit{n}.h"
#include <algorithm>
// Sums and products, on the host.
torch::Tensor run{n}(const torch::Tensor& input, std::vector<int64_t> sizes)
{{
    TORCH_CHECK(input.dim() == 2, "expected a matrix");
    for (auto size : sizes) {{ std::max<int64_t>(size, {n}); }}
    return input * 2.0 + {n};
}}
"""
KERNEL = """\
#include "unit{n}.h"
#include <cuda_runtime.h>
#define BLOCK 256
__global__ void reduce{n}(const float* in, float* out, int n)
{{
    __shared__ float part[BLOCK];
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    part[threadIdx.x] = i < n ? in[i] : 0.0f;
    __syncthreads();
    for (int s = BLOCK / 2; s > 32; s >>= 1) {{
        if (threadIdx.x < s) part[threadIdx.x] += part[threadIdx.x + s];
        __syncthreads();
    }}
    float v = part[threadIdx.x & 31];
    v += __shfl_down_sync(0xffffffffu, v, 16);
    if (threadIdx.x == 0) out[blockIdx.x] = v;
}}
torch::Tensor run{n}(const torch::Tensor& input, std::vector<int64_t> sizes)
{{
    auto out = torch::empty({{1}}, input.options());
    reduce{n}<<<1, BLOCK>>>(input.data_ptr<float>(), out.data_ptr<float>(), input.numel());
    return out;
}}
"""
SETUP = """\
from glob import glob
from setuptools import setup
from torch.utils.cpp_extension import BuildExtension, CUDAExtension

setup(
    name="many",
    ext_modules=[CUDAExtension("many._C", glob("csrc/**/*.cu") + glob("csrc/**/*.cpp"))],
    cmdclass={"build_ext": BuildExtension},
)
"""


def write(root: Path, files: int) -> Path:
    """A project of so many files, in folders of fifty."""
    (root / "csrc").mkdir(parents=True)
    (root / "setup.py").write_text(SETUP)
    for n in range(files - 1):
        folder = root / ("many" if n % 2 else "csrc") / f"part{n // 50}"
        folder.mkdir(parents=True, exist_ok=True)
        if n % 2:
            (folder / f"module{n}.py").write_text(MODULE.format(n=n))
        elif n % 20 == 0:
            (folder / f"unit{n}.cu").write_text(KERNEL.format(n=n))
        elif n % 4:
            (folder / f"unit{n}.cpp").write_text(UNIT.format(n=n))
        else:
            (folder / f"unit{n}.h").write_text(HEADER.format(n=n))
    return root


def measure(root: Path, runs: int) -> dict[str, float]:
    """Step -> median of its CPU seconds."""
    samples: dict[str, list[float]] = {}
    for _ in range(runs):
        begin = time.process_time()
        project = collect(CollectContext(), root)
        assert project is not None
        samples.setdefault("walk", []).append(time.process_time() - begin)
        sources = ProjectSources(project)
        for question, ask in QUESTIONS.items():
            begin = time.process_time()
            ask(sources)
            samples.setdefault(question, []).append(time.process_time() - begin)
    return {step: statistics.median(found) for step, found in samples.items()}


def report(root: Path, runs: int) -> float:
    """Prints the steps of one project; returns what an NVIDIA target takes."""
    project = collect(CollectContext(), root)
    assert project is not None
    size = sum(source.size for source in project.sources) / 1e6
    print(f"\n{root.name}: {len(project.sources)} files, {size:.1f} MB")
    steps = measure(root, runs)
    for step, seconds in steps.items():
        print(f"  {step:<16} {seconds:7.3f}")
    total = sum(steps[step] for step in ("walk", *NVIDIA))
    print(f"  {'together':<16} {total:7.3f}   with a HIP target {total + steps['hip']:.3f}")
    return total


def main() -> int:
    """Parse, write, measure, judge."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folders", nargs="*", type=Path, metavar="FOLDER")
    parser.add_argument("--files", type=int, default=5000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--limit", type=float, default=0.5, help="CPU seconds")
    given = parser.parse_args()
    for folder in given.folders:
        report(folder.resolve(), given.runs)
    if given.folders:
        return 0
    with tempfile.TemporaryDirectory() as scratch:
        half = report(write(Path(scratch, "half"), given.files // 2), given.runs)
        whole = report(write(Path(scratch, "whole"), given.files), given.runs)
    print(f"\nwhole : half = {whole / half:.2f}")
    return int(whole > given.limit or whole > 2.5 * half)


if __name__ == "__main__":
    sys.exit(main())
