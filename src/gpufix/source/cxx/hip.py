"""CUDA constructs that HIP lacks or means differently, and the edits that serve both."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from itertools import islice

from gpufix.knowledge import hip_api
from gpufix.source.cxx.code import CxxCode
from gpufix.source.cxx.cxx_edits import below_includes, newline
from gpufix.source.cxx.functions import arguments, launches
from gpufix.source.edits import Edit
from gpufix.source.source_facts import HipUse
from gpufix.source.source_text import word_filter

_ASM = re.compile(r"(?<!\w)(?:asm|__asm__|__asm)\b(?:\s+(?:volatile|__volatile__))?\s*\(")
# An operand type after a dot, or a special register: PTX. AMD's assembly has neither.
_PTX = re.compile(r"\.(?:[busf](?:8|16|32|64)|f16x2|pred|sync|global|shared)\b|%%?\w*(?:lane|smid)")
_WIDE = re.compile(r"0[xX]([0-9a-fA-F']+)([uUlL]*)|\d+([uUlL]*)|-\s*1")
_NARROW_MASK = re.compile(r"0[xX][fF]{8}[uU]?|-\s*1|~\s*0[uU]?|UINT_MAX")
_SPACED_OPENER, _SPACED_CLOSER = re.compile(r"<<\s+<"), re.compile(r">(?:>\s+>|\s+>>)")
_NAMED = [(c, re.compile(c.pattern)) for c in hip_api.CONSTRUCTS.values() if c.pattern]
_MACRO = re.compile(r"(\w+)\([^()]*\)(.*)", re.S)
# A kernel that asks for a second dimension is launched with blocks of several rows.
ROWS = "rows"
_ROW = re.compile(
    r"\b(?:threadIdx|blockDim|thread_index\(\)|group_dim\(\)|dim_threads\(\))\s*\.\s*[yz]\b"
)
_LIMIT = 40
# __ballot as HIP has it gives 64 bits; a variable or a count of 32 keeps the lower ones.
_BALLOT = re.compile(
    r"(?<!\w)(?:(?:(?:unsigned|int|uint|uint32_t|int32_t|u32|U32|S32)\s+)+\w+\s*=\s*(?:\((?:unsigned|int|uint32_t|U32)"
    r"(?:\s+int)?\)\s*)?|__(?:popc|ffs|clz|brev)\s*\(\s*)((?:__ballot|__ballot_sync|__activemask))\s*\("
)
_HOLDS = word_filter({"asm", "__ballot", *(construct.trigger for construct, _ in _NAMED)})


def concerns(text: str) -> bool:
    """Whether a source may hold one."""
    return _HOLDS(text) or _spaced(text)


def _spaced(text: str) -> bool:
    """Whether something that may be a launch has white space in its chevrons."""
    if _SPACED_OPENER.search(text):
        return True
    return "<<<" in text and _SPACED_CLOSER.search(text) is not None


def constructs(code: CxxCode) -> tuple[HipUse, ...]:
    """The constructs of a source, by line."""
    rows = [*_named(code), *_assembly(code), *_chevrons(code), *_weakened(code), *_ballots(code)]
    rows.sort(key=lambda row: row.line)
    return tuple(rows[: 10 * _LIMIT])


def _row(code: CxxCode, name: str, offset: int, detail: str = "") -> HipUse:
    return HipUse(name, code.line(offset), code.conditions.at(offset), detail)


def _named(code: CxxCode) -> Iterator[HipUse]:
    for construct, pattern in _NAMED:
        if construct.trigger not in code.text:
            continue
        for match in islice(pattern.finditer(code.masked), _LIMIT):
            detail = ""
            if construct.name in hip_api.MASKED:
                detail = _mask(code, match.end() - 1)
            elif construct.only_if == ROWS and _ROW.search(code.masked):
                detail = ROWS
            yield _row(code, construct.name, match.start(1), detail)


def _mask(code: CxxCode, opening: int) -> str:
    """The first argument of a call whose bracket opens at `opening`; in a macro, constants alone."""
    closing = code.brackets.get(opening)
    if closing is not None:
        pieces = arguments(code, (opening + 1, closing))
        return pieces[0][:80] if pieces else ""
    found = re.compile(r"\(\s*([^,()]*)").match(code.masked, opening)
    mask = found[1].strip()[:80] if found else ""
    return mask if narrow(mask, code.definitions) else ""


def narrow(mask: str, macros: Mapping[str, str]) -> bool | None:
    """Whether a mask is a 32-bit constant; None = cannot be told."""
    text = mask
    for _ in range(4):
        if text not in macros:
            break
        text = macros[text].strip("() ")
    if _NARROW_MASK.fullmatch(text):
        return True
    found = _WIDE.fullmatch(text)
    if found is None:
        return None
    digits, suffix = (found[1] or "").replace("'", ""), (found[2] or found[3] or "").lower()
    return "l" not in suffix and len(digits.lstrip("0")) <= 8


def _assembly(code: CxxCode) -> Iterator[HipUse]:
    if "asm" not in code.text:
        return
    for match in _ASM.finditer(code.structure):
        closing = code.brackets.get(match.end() - 1)
        text = code.text[match.end() : closing] if closing is not None else ""
        if found := _PTX.search(text[:4_000]):
            first = text.strip().strip('"').split("\n")[0][:60]
            yield _row(code, hip_api.PTX, match.start(), first or found[0])


def _chevrons(code: CxxCode) -> Iterator[HipUse]:
    if not _spaced(code.text):
        return
    for launch in launches(code):
        if launch.split(code.structure):
            yield _row(code, hip_api.CHEVRONS, launch.start, launch.name)


def _weakened(code: CxxCode) -> Iterator[HipUse]:
    """Macros in the place of a warp function that do less than it does."""
    for line in code.directives:
        found = _MACRO.match(line.text) if line.name == "define" else None
        if found is None or found[1] not in hip_api.WEAKER:
            continue
        body = "".join(found[2].split())
        for pattern, lost in hip_api.WEAKER[found[1]]:
            if re.fullmatch(pattern, body):
                guards = code.conditions.at(line.start)
                own = tuple(guard for guard in guards if found[1] not in guard)
                yield HipUse(f"#define {found[1]}", code.line(line.start), own, lost)
                break


def _ballots(code: CxxCode) -> Iterator[HipUse]:
    """Ballots that are kept, or counted, in 32 bits."""
    if "__ballot" not in code.text and "__activemask" not in code.text:
        return
    for match in islice(_BALLOT.finditer(code.masked), _LIMIT):
        yield _row(code, hip_api.BALLOT, match.start(1), match[1])


def own_functions(code: CxxCode) -> set[str]:
    """Constructs that the source defines itself, as a function."""
    found = set()
    for construct, pattern in _NAMED:
        if construct.without and construct.trigger in code.text:
            for match in islice(pattern.finditer(code.masked), _LIMIT):
                closing = code.brackets.get(match.end() - 1)
                rest = code.masked[closing + 1 : closing + 80].lstrip() if closing else ""
                if rest.startswith("{"):
                    found.add(construct.name)
    return found


COMPAT = "gpufix_hip_compat.h"


def chevrons(code: CxxCode) -> list[Edit]:
    """`<< <` and `>> >` joined: nvcc reads both, hipify and clang only `<<<`."""
    found = []
    for launch in launches(code):
        if launch.split(code.structure):
            found += [Edit(*launch.opener, "<<<"), Edit(*launch.closer, ">>>")]
    return found


def guard_headers(code: CxxCode, names: Collection[str]) -> list[Edit]:
    """Leaves headers that ROCm lacks to CUDA."""
    end = newline(code.text)
    found = []
    for line, name, _ in code.includes:
        if name in names and not code.conditions.at(line.start):
            text = code.text[line.start : line.end].rstrip("\r")
            lines = ["#if !defined(__HIP_PLATFORM_AMD__)", text, "#endif"]
            found.append(Edit(line.start, line.start + len(text), end.join(lines)))
    return found


def include_compat(code: CxxCode, first_use: int) -> list[Edit]:
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
// Include this last: the macros below are meant for this project's own code only.
#pragma once

#if defined(__HIP_PLATFORM_AMD__)

#include <cassert>
#include <hip/hip_runtime.h>
#if __has_include(<hip/hip_cooperative_groups.h>)  // HIP 5's uses assert and does not include it
#include <hip/hip_cooperative_groups.h>
#endif

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

// The value of a lane of the caller's half. HIP's __shfl before 7.0 leaves the group for a lane
// that is out of range; here every lane is in range before it is called.
template <typename T>
__device__ inline T gpufix_from_lane(T value, unsigned int lane)
{
    return __shfl(value, static_cast<int>(lane), 32);
}

// The first lane of the caller's group of `width` lanes, and its last.
__device__ inline unsigned int gpufix_first_lane(int width)
{
    return __lane_id() & 31u & ~(static_cast<unsigned int>(width) - 1u);
}

__device__ inline unsigned int gpufix_last_lane(int width)
{
    return gpufix_first_lane(width) + static_cast<unsigned int>(width) - 1u;
}

// As CUDA's (PTX ISA, shfl.sync): lanes and distances count modulo 32, a lane modulo the width, and
// what would leave the group gives the caller's own value.
template <typename T>
__device__ inline T gpufix_shfl_sync(unsigned int, T value, int lane, int width = 32)
{
    const unsigned int within = static_cast<unsigned int>(lane) & (static_cast<unsigned int>(width) - 1u);
    return gpufix_from_lane(value, gpufix_first_lane(width) + within);
}

template <typename T>
__device__ inline T gpufix_shfl_up_sync(unsigned int, T value, unsigned int delta, int width = 32)
{
    const unsigned int own = __lane_id() & 31u, by = delta & 31u;
    return gpufix_from_lane(value, own < gpufix_first_lane(width) + by ? own : own - by);
}

template <typename T>
__device__ inline T gpufix_shfl_down_sync(unsigned int, T value, unsigned int delta, int width = 32)
{
    const unsigned int own = __lane_id() & 31u, other = own + (delta & 31u);
    return gpufix_from_lane(value, other > gpufix_last_lane(width) ? own : other);
}

template <typename T>
__device__ inline T gpufix_shfl_xor_sync(unsigned int, T value, int lane_mask, int width = 32)
{
    const unsigned int own = __lane_id() & 31u, other = own ^ (static_cast<unsigned int>(lane_mask) & 31u);
    return gpufix_from_lane(value, other > gpufix_last_lane(width) ? own : other);
}

#define __ballot_sync gpufix_ballot_sync
#define __activemask gpufix_activemask
#define __any_sync gpufix_any_sync
#define __all_sync gpufix_all_sync
#define __shfl_sync gpufix_shfl_sync
#define __shfl_up_sync gpufix_shfl_up_sync
#define __shfl_down_sync gpufix_shfl_down_sync
#define __shfl_xor_sync gpufix_shfl_xor_sync

// It orders memory and holds the lanes together; a memory fence only would only do the first.
__device__ inline void gpufix_syncwarp(unsigned int = 0xffffffffu)
{
    __builtin_amdgcn_fence(__ATOMIC_RELEASE, "wavefront");
    __builtin_amdgcn_wave_barrier();
    __builtin_amdgcn_fence(__ATOMIC_ACQUIRE, "wavefront");
}
#define __syncwarp gpufix_syncwarp

// What HIP has under other names. A __nanosleep may be shorter than it is asked for.
__device__ inline void gpufix_trap()
{
    __builtin_trap();
}

__device__ inline void gpufix_brkpt()
{
    __builtin_debugtrap();
}

__device__ inline void gpufix_nanosleep(unsigned int)
{
    __builtin_amdgcn_s_sleep(1);
}

#define GPUFIX_BLOCK_ATOMIC(name, operation)                                                       \\
    template <typename T>                                                                          \\
    __device__ inline T gpufix_##name(T* address, T value)                                         \\
    {                                                                                              \\
        return operation(address, value, __ATOMIC_RELAXED, __HIP_MEMORY_SCOPE_WORKGROUP);          \\
    }
GPUFIX_BLOCK_ATOMIC(atomicAdd_block, __hip_atomic_fetch_add)
GPUFIX_BLOCK_ATOMIC(atomicExch_block, __hip_atomic_exchange)
GPUFIX_BLOCK_ATOMIC(atomicMin_block, __hip_atomic_fetch_min)
GPUFIX_BLOCK_ATOMIC(atomicMax_block, __hip_atomic_fetch_max)
GPUFIX_BLOCK_ATOMIC(atomicAnd_block, __hip_atomic_fetch_and)
GPUFIX_BLOCK_ATOMIC(atomicOr_block, __hip_atomic_fetch_or)
GPUFIX_BLOCK_ATOMIC(atomicXor_block, __hip_atomic_fetch_xor)
#undef GPUFIX_BLOCK_ATOMIC

#define __trap gpufix_trap
#define __brkpt gpufix_brkpt
#define __nanosleep gpufix_nanosleep
#define atomicAdd_block gpufix_atomicAdd_block
#define atomicExch_block gpufix_atomicExch_block
#define atomicMin_block gpufix_atomicMin_block
#define atomicMax_block gpufix_atomicMax_block
#define atomicAnd_block gpufix_atomicAnd_block
#define atomicOr_block gpufix_atomicOr_block
#define atomicXor_block gpufix_atomicXor_block

#endif  // defined(__HIP_PLATFORM_AMD__)
"""
