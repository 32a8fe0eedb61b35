"""KRN903."""

from __future__ import annotations

from gpufix.checks.registry import page

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
`sort on gfx1031: case sort: error 12 where 0 is allowed.`

## Severity
Error.

## Fix
None.

## Source
The program's own comparison; see docs/kernels.md for what each case checks.
""",
)
