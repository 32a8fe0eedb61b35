"""NET1253."""

from __future__ import annotations

from gpufix.checks.registry import page

NET1253 = page(
    "NET1253",
    "collective-wrong",
    """\
An all-reduce gives a wrong sum, or other bytes arrive than were sent.

## What it does
`gpufix fleet smoke` sums whole numbers that every rank can compute, so that the sum is exact in
any order, and compares it at random places on each rank. In pairs, every byte that arrives is
compared.

## Why it matters
Wrong gradients do not stop a training; they ruin it. The causes are a broken link or memory,
a faulty driver or firmware, and two NCCL libraries in one job.

## Example
`node03 GPU 2 gets a wrong sum from an all-reduce of 1048576 bytes.`

## Severity
Error.

## Fix
None.

## Source
The comparison itself.
""",
)
