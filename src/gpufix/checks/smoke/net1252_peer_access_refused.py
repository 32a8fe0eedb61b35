"""NET1252."""

from __future__ import annotations

from gpufix.checks.registry import page

NET1252 = page(
    "NET1252",
    "peer-access-refused",
    """\
One GPU may not read the memory of another, though the topology allows it; or a copy fails.

## What it does
`gpufix fleet smoke` asks the runtime of each pair of GPUs in a node for peer access, copies in
both directions and compares the bytes. NVML says what lies between them: NVLinks, or the common
ancestor on PCIe, and whether peer access is supported. GPUs that cannot have it are no finding.

## Why it matters
Without peer access every byte goes through the host's memory, at a fraction of the speed. Causes
are an IOMMU that translates, PCIe's access control (ACS), a container or virtual machine that
hides the topology, and a driver setting.

## Example
`No peer access from node01 GPU 0 to GPU 1, though 18 NVLinks are up between them.`

## Severity
Warning; error where a copy fails, or other bytes arrive.

## Fix
None.

## Source
NVML: nvmlDeviceGetP2PStatus, nvmlDeviceGetTopologyCommonAncestor, nvmlDeviceGetNvLinkState; CUDA:
cudaDeviceCanAccessPeer.
""",
)
