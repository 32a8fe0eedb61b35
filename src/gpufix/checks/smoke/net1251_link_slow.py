"""NET1251."""

from __future__ import annotations

from gpufix.checks.registry import page

NET1251 = page(
    "NET1251",
    "link-slow",
    """\
Two ranks exchange slowly with each other, and well with all others.

## What it does
`gpufix fleet smoke` measures every pair of ranks inside a node, and every pair of nodes. A link
is named when it is slow in the short measurement of all pairs and in two long ones at least, and
neither of its ends is slow by itself (FLT1352 says what slow means).

## Why it matters
Rings and trees of a collective lead over such links, and run at the speed of the slowest.

## Example
`Between node02 – node05 an exchange takes 10.3 times as long as usual; with others both are well.`

## Severity
Warning.

## Fix
None: look at the cable, the switch port and the route between the two.

## Source
The measurement itself, of which the report shows the noise and the limit.
""",
)
