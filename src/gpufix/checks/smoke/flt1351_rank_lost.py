"""FLT1351."""

from __future__ import annotations

from gpufix.checks.registry import page

FLT1351 = page(
    "FLT1351",
    "rank-lost",
    """\
A rank of the fleet's smoke test did not come to the end.

## What it does
`gpufix fleet smoke` starts one process for each GPU of every node. They meet at a store of
torch.distributed, and each step has a time limit. A rank that never arrives, dies, stops or
hangs is named with what it was about to do. Ranks that only waited for it are not.

## Why it matters
A training hangs on it in the same way, until NCCL's timeout of ten minutes or more, and then
every rank reports an error.

## Example
`node03 GPU 2 did not come to the end: it was ended by SIGKILL at: all-reduce, all, 1048576 bytes`

`node07 GPU 0 did not come to the end: does not reach the store on node01: 10.0.0.1:40123 no
answer: the port is closed by a firewall, or the address is another host's`

## Severity
Error.

## Fix
None: the reason names what to look at. NCCL_SOCKET_IFNAME and GLOO_SOCKET_IFNAME choose the
interface on a node with several networks.

## Source
How the process ended; the operating system's word for a connection.
""",
)
