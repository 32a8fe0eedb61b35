"""KRN9xx: what `gpufix smoke` finds by compiling and running its kernels."""

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
None is run: the report names the wheels and packages that bring a compiler, and the fallbacks
(`gpufix fix --fallback`) of installed extensions that have no code for the GPU.

## Source
The compiler's own words.
""",
)

KRN902 = page(
    "KRN902",
    "suite-kernel-does-not-run",
    """\
A compiled kernel of gpufix's suite does not load, launch or end.

## What it does
`gpufix smoke` runs each kernel in a process of its own with a time limit. A runtime error, a
crash, a hang or output that is no result is reported; the other kernels still run.
`gpufix doctor` never reports this rule.

## Why it matters
The driver, not your code, is what fails: a driver too old for the toolkit, a device in
exclusive mode or without free memory, no code for the GPU.

## Example
`splat on sm_90: device busy`

## Severity
Error.

## Fix
None: the runtime's words name the cause.

## Source
The CUDA or HIP runtime's own words, or how the process ended.
""",
)

KRN903 = page(
    "KRN903",
    "suite-kernel-wrong-result",
    """\
A kernel of gpufix's suite computes something wrong on this GPU.

## What it does
`gpufix smoke` checks every kernel on fresh random data against a float64 or exact integer
reference, before anything is timed. `gpufix doctor` never reports this rule.

## Why it matters
The same source passes elsewhere. A wrong result here points at the hardware, the driver, the
compiler, or an architecture that a variable makes this GPU pose as.

## Example
`sort on gfx1031: case sort is wrong: error 12 where 0 is allowed.`

## Severity
Error.

## Fix
None.

## Source
The program's own comparison; see docs/kernels.md for what each case checks.
""",
)

KRN904 = page(
    "KRN904",
    "suite-kernel-slow",
    """\
A kernel of gpufix's suite stays far under what this GPU can do.

## What it does
`gpufix smoke` compares times with the device's own bandwidth and arithmetic rate. A case that
any healthy GPU brings near its roof, and that is under half of it, is run twice more. It is
reported when all three medians are under half, while the device is whole (not divided by
MIG), not throttled, and idle before and after. Where the driver does not tell that (AMD, or
no NVML), nothing is reported. `gpufix doctor` never reports this rule.

## Why it matters
Something takes half of the GPU away: a broken memory channel, a virtual machine's share,
clocks locked by an administrator's tool that the driver does not call throttling.

## Example
`stream on sm_90: case copy reaches 31% of the bandwidth, in three medians.`

## Severity
Advice.

## Fix
None.

## Source
The driver's clocks and bus width; NVML for the device's state; docs/kernels.md for the roofs.
""",
)

KRN905 = page(
    "KRN905",
    "torch-extension-build-fails",
    """\
torch's own extension builder gives no working module in this environment.

## What it does
`gpufix smoke` has the patient's torch.utils.cpp_extension build a small operator, imports it,
and checks its result and its gradient, on the CPU and, where torch sees a GPU and a compiler,
on the GPU. `gpufix doctor` never reports this rule.

## Why it matters
Extensions are built this way. What stops this one, of a few lines, stops them: ninja or a
compiler missing, torch and toolkit of different CUDA majors, headers missing.

## Example
`torch_extension does not build: RuntimeError: Ninja is required to load C++ extensions.`

## Severity
Error.

## Fix
None of its own: `gpufix doctor` in a project that builds extensions names the cause.

## Source
torch's own words.
""",
)
