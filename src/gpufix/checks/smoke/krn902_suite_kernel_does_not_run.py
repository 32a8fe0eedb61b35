"""KRN902."""

from __future__ import annotations

from gpufix.checks.registry import page

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
