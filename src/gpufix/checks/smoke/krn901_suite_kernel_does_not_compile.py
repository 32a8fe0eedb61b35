"""KRN901."""

from __future__ import annotations

from gpufix.checks.registry import page

KRN901 = page(
    "KRN901",
    "suite-kernel-does-not-compile",
    """\
A kernel of gpufix's suite does not compile, or there is no compiler for it.

## What it does
`gpufix smoke` compiles its kernels with the compiler that the doctor finds: nvcc, hipcc, or a
clang that has HIP's headers and device libraries. `gpufix doctor` never reports this rule.

## Why it matters
The kernels are plain CUDA and HIP. What stops them stops every extension: no compiler, one
that knows neither the GPU nor the host compiler, missing headers, too little memory.

## Example
`No nvcc was found for sm_120.`

## Severity
Error.

## Fix
None is run: the report names the wheels and packages that bring a compiler. Unsafe: a fallback
(`gpufix fix --fallback`) in place of an installed extension that has no code for the GPU.

## Source
The compiler's own words.
""",
)
