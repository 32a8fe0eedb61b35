"""FLT1353."""

from __future__ import annotations

from gpufix.checks.registry import page

FLT1353 = page(
    "FLT1353",
    "gpu-behind-the-fleet",
    """\
A GPU is slower than the others of its kind in the fleet.

## What it does
`gpufix fleet smoke` runs `gpufix smoke --quick` on every GPU and compares GPUs of equal name,
units, clocks and memory bus. One whose copy takes over 5% longer than the median of the others,
or whose matrix product takes over 10% longer, is run twice more while the other nodes rest. It
is reported when all three medians are.

## Why it matters
Data-parallel training waits for its slowest GPU in every step.

## Example
`node03 GPU 2: matmul takes at least 31.0% longer than the median of the other GPUs of its kind,
in 3 medians.`

## Severity
Advice.

## Fix
None: `nvidia-smi -q -d PERFORMANCE,POWER,TEMPERATURE` on the node shows what slows it down.

## Source
Memory's bandwidth is alike on GPUs of a kind. Their clocks under load are not: up to 9% between
healthy GPUs of one cluster (Sinha et al., Not All GPUs Are Created Equal, SC22).
""",
)
