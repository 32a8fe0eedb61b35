"""NET1216."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from gpufix.checks.registry import ADVICE, Fault, rule
from gpufix.evidence.node_readings import port_gap, ports
from gpufix.evidence.view import View
from gpufix.model import Gap
from gpufix.model.payload import NodeFault


@rule("NET1216", "port-firmware-differs")
def port_firmware_differs(view: View) -> Iterator[Fault | Gap]:
    """RDMA devices of one model have different firmware.

    ## What it does
    Compares the firmware versions of devices with the same board.

    ## Why it matters
    They can differ in congestion control and bug fixes. One was replaced, or an update has missed
    it.

    ## Example
    `mlx5_6 has firmware 28.39.1002; 7 others of its model have 28.40.1000.`

    ## Severity
    Advice.

    ## Fix
    Manual: the vendor's update.

    ## Source
    facebookresearch/gcm check_iblink (FIRMWARE_MISMATCH, a warning).
    """
    models: dict[str, dict[str, str]] = {}
    for port in ports(view):
        if port.board is None or port.firmware is None:
            yield port_gap(port, "firmware")
        else:
            models.setdefault(port.board, {})[port.device] = port.firmware
    for devices in models.values():
        versions = Counter(devices.values()).most_common()
        for version, number in versions[1:]:
            odd = ", ".join(sorted(name for name, own in devices.items() if own == version))
            who = (
                f"{versions[0][1]} others of its model have"
                if versions[0][1] > 1
                else "another has"
            )
            yield Fault(
                severity=ADVICE,
                subject=odd,
                message=f"{odd} {'has' if number == 1 else 'have'} firmware {version}; {who} "
                f"{versions[0][0]}.",
                payload=NodeFault("update"),
            )
