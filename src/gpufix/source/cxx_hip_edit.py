"""Edits that let one CUDA source be built for HIP as well, without another meaning for CUDA."""

from __future__ import annotations

from gpufix.source.cxx_code import Code
from gpufix.source.cxx_edit import Edit, below_includes, newline
from gpufix.source.cxx_functions import launches

COMPAT = "gpufix_hip_compat.h"
_REDUCE = "cooperative_groups/reduce.h"


def chevrons(code: Code) -> list[Edit]:
    """`<< <` and `>> >` joined: nvcc reads both, hipify and clang only `<<<`."""
    found = []
    for launch in launches(code):
        if launch.split(code.structure):
            found += [Edit(*launch.opener, "<<<"), Edit(*launch.closer, ">>>")]
    return found


def guard_reduce(code: Code) -> list[Edit]:
    """Leaves <cooperative_groups/reduce.h>, which ROCm lacks, to CUDA."""
    end = newline(code.text)
    found = []
    for line, name, _ in code.includes:
        if name == _REDUCE and not code.conditions.at(line.start):
            text = code.text[line.start : line.end].rstrip("\r")
            lines = ["#if !defined(__HIP_PLATFORM_AMD__)", text, "#endif"]
            found.append(Edit(line.start, line.start + len(text), end.join(lines)))
    return found


def include_compat(code: Code, first_use: int) -> list[Edit]:
    """Includes the compatibility header last, so that no other header sees its macros."""
    line = f'#include "{COMPAT}"'
    return (
        []
        if any(n == COMPAT for _, n, _ in code.includes)
        else below_includes(code, line, first_use)
    )


COMPAT_TEXT = """\
// CUDA's warp operations on AMD GPUs. Empty in a CUDA build.
//
// A CUDA warp has 32 lanes and so have its masks. An AMD wavefront has 32 lanes (RDNA) or 64 (GCN,
// CDNA). Here each half of a 64-lane wavefront stands for one warp: masks stay 32 bits wide, bit i
// is lane i of the caller's own half, and shuffles do not leave it. HIP's own __*_sync functions
// take 64-bit masks and span the whole wavefront, so they are not used, whatever the ROCm version.
//
// Include this last: the macros below are meant for this project's own code alone.
#pragma once

#if defined(__HIP_PLATFORM_AMD__)

#include <hip/hip_runtime.h>
#include <hip/hip_cooperative_groups.h>
#include <hip/hip_version.h>

__device__ inline unsigned int gpufix_ballot_sync(unsigned int mask, int predicate)
{
    const unsigned long long wavefront = __ballot(predicate);
    return static_cast<unsigned int>(wavefront >> (__lane_id() & 32u)) & mask;
}

__device__ inline unsigned int gpufix_activemask()
{
    return gpufix_ballot_sync(0xffffffffu, 1);
}

__device__ inline int gpufix_any_sync(unsigned int mask, int predicate)
{
    return gpufix_ballot_sync(mask, predicate) != 0u;
}

__device__ inline int gpufix_all_sync(unsigned int mask, int predicate)
{
    return gpufix_ballot_sync(mask, !predicate) == 0u;
}

template <typename T>
__device__ inline T gpufix_shfl_sync(unsigned int, T value, int lane, int width = 32)
{
    return __shfl(value, lane, width);
}

template <typename T>
__device__ inline T gpufix_shfl_up_sync(unsigned int, T value, unsigned int delta, int width = 32)
{
    return __shfl_up(value, delta, width);
}

template <typename T>
__device__ inline T gpufix_shfl_down_sync(unsigned int, T value, unsigned int delta, int width = 32)
{
    return __shfl_down(value, delta, width);
}

template <typename T>
__device__ inline T gpufix_shfl_xor_sync(unsigned int, T value, int lane_mask, int width = 32)
{
    return __shfl_xor(value, lane_mask, width);
}

#define __ballot_sync gpufix_ballot_sync
#define __activemask gpufix_activemask
#define __any_sync gpufix_any_sync
#define __all_sync gpufix_all_sync
#define __shfl_sync gpufix_shfl_sync
#define __shfl_up_sync gpufix_shfl_up_sync
#define __shfl_down_sync gpufix_shfl_down_sync
#define __shfl_xor_sync gpufix_shfl_xor_sync

// ROCm 7.0 has __syncwarp. It orders memory and holds the lanes together; a memory fence alone
// would only do the first.
#if HIP_VERSION < 70000000
__device__ inline void gpufix_syncwarp(unsigned int = 0xffffffffu)
{
    __builtin_amdgcn_fence(__ATOMIC_RELEASE, "wavefront");
    __builtin_amdgcn_wave_barrier();
    __builtin_amdgcn_fence(__ATOMIC_ACQUIRE, "wavefront");
}
#define __syncwarp gpufix_syncwarp
#else
template <typename... Mask>
__device__ inline void gpufix_syncwarp(Mask...)
{
    __syncwarp();
}
#define __syncwarp gpufix_syncwarp
#endif

#endif  // defined(__HIP_PLATFORM_AMD__)
"""
