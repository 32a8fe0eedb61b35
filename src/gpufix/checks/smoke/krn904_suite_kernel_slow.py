"""KRN904."""

from __future__ import annotations

from gpufix.checks.registry import page

KRN904 = page(
    "KRN904",
    "suite-kernel-slow",
    """\
A kernel of gpufix's suite stays far under what this GPU, or its siblings, can do.

## What it does
`gpufix smoke` compares times with the device's own bandwidth and arithmetic rate. A case that
any healthy GPU brings near its roof, and that is under half of it, is run twice more. It is
reported when all three medians are under half, while the device is whole (not divided by
MIG), not throttled, and idle before and after. Where the driver does not tell that (AMD, or
no NVML), nothing is reported. `gpufix doctor` never reports this rule.

With several GPUs of one kind, the judged cases and the matrix product of
`gpufix smoke --quick` are compared. One that takes over 5% longer on a GPU than the median of
the others is run twice more there, and reported under the same conditions.

## Why it matters
Something takes half of the GPU away: a broken memory channel, a virtual machine's share,
clocks locked by an administrator's tool that the driver does not call throttling.

## Example
`stream on sm_90: case copy reaches at most 31% of the bandwidth roof in 3 medians.`

`stream on sm_90 GPU 2: case copy takes at least 7.0% longer than on the median of 3 others, in
3 medians.`

## Severity
Advice.

## Fix
None.

## Source
The driver's clocks and bus width; NVML for the device's state; docs/kernels.md for the roofs.
""",
)
