"""FLT1352."""

from __future__ import annotations

from gpufix.checks.registry import page

FLT1352 = page(
    "FLT1352",
    "rank-slow",
    """\
A rank, or a whole node, exchanges slowly with every partner.

## What it does
`gpufix fleet smoke` lets ranks exchange in pairs: each pair once for a moment, then in
⌈log₂ n⌉ rounds, then what is suspected again. A rank is named when three quarters of its pairs
or more are slow each time, and those of its partners are not. Slow means 1.25 times the usual
time or more (3 times between ranks on CPUs), and beyond three times the noise.

Healthy links of one kind differ by a tenth at most; a link that lost lanes or a generation
takes twice as long. docs/fleet.md lists what cannot be separated.

## Why it matters
A collective is as fast as its slowest rank: one slow node slows down the whole job.

## Example
`With node03 GPU 2 every exchange takes 4.0 times as long as usual, whoever the partner is.`

## Severity
Warning.

## Fix
None: look at the node's network card, its PCIe slot, its clocks and what else runs there.

## Source
The measurement itself, of which the report shows the noise and the limit.
""",
)
