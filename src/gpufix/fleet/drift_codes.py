"""Which rule stands behind a difference between nodes, for those that concern the machines."""

from __future__ import annotations

_OF_SECTIONS = {
    "driver": "FLT1303",
    "system": "FLT1304",
    "libc": "FLT1304",
    "network": "FLT1305",
    "node": "FLT1306",
}
_COUNTS = {("gpus", "count"), ("driver", "NVIDIA GPUs on PCI"), ("driver", "AMD GPUs on PCI")}


def drift_code(section: str, name: str) -> str | None:
    """The code whose page `gpufix explain` shows; None for what is the environment's."""
    if (section, name) in _COUNTS:
        return "FLT1301"
    return "FLT1302" if section == "gpus" else _OF_SECTIONS.get(section)
