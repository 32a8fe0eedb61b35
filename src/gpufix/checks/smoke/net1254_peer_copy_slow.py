"""NET1254."""

from __future__ import annotations

from gpufix.checks.registry import page

NET1254 = page(
    "NET1254",
    "peer-copy-slow",
    """\
A copy between two GPUs of a node is slow for what lies between them.

## What it does
`gpufix fleet smoke` times a copy of 256 MiB for each ordered pair of GPUs in a node. Pairs with
the same way between them (NVLinks and their number, or the common ancestor on PCIe) are compared
over the whole fleet. One under 0.8 of their median is reported.

## Why it matters
NVLinks that are down, a PCIe link of fewer lanes and a slot behind another socket show here.

## Example
`node01 GPU 2 to GPU 5 copies 51.0 GB/s over NVLink × 18; the median of such pairs is 390.2 GB/s.`

## Severity
Warning.

## Fix
None: `nvidia-smi nvlink --status` and `nvidia-smi topo -m` on the node show the links.

## Source
The measurement itself; NVML for the way.
""",
)
