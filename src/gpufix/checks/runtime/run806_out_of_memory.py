"""RUN806."""

from __future__ import annotations

from gpufix.checks.registry import page

RUN806 = page(
    "RUN806",
    "out-of-memory",
    """\
A program asked the GPU for more memory than was free.

## What it does
Speaks of a run: `gpufix smoke` reports it of its own kernels, and a log that holds the error is
explained by it. `gpufix doctor` never reports this rule: files do not show what a run will need.

## Why it matters
`torch.OutOfMemoryError`, `cudaErrorMemoryAllocation`, `std::bad_alloc: cudaErrorMemoryAllocation`,
`cudaMalloc … error: 2`. Other processes may hold the memory (RUN803), the allocator may have
fragmented it (RUN804), or an extension allocates for all of its input at once.

A size that no GPU has (`Tried to allocate 66846724.00 GiB`) is no lack of memory. A kernel
without code for this GPU was launched, its results were left unwritten, and one of them was
taken for a size. That is GPU103.

## Example
`splat on sm_86: out of memory; 0.3 of 24.0 GiB were free before.`

## Severity
Error.

## Fix
Unsafe: a fallback that bounds its memory, in place of the extension that a log names
(`gpufix fix --fallback simple_knn`; for nvdiffrast, `nvdiffrast_chunked`).

## Source
CUDA runtime API, cudaError; PyTorch's notes on CUDA memory management.
""",
)
