"""Display devices on the PCI bus, from /sys. It shows GPUs that no driver serves."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gpufix.facts.context import Context
from gpufix.facts.files import read

NVIDIA, AMD = 0x10DE, 0x1002

# Classes 0x0300 (VGA), 0x0302 (3D), 0x0380 (other display); Instinct cards since MI300 are
# processing accelerators (0x1200). PCI Code and ID Assignment, base classes 03h and 12h.
_DISPLAY = {0x0300, 0x0302, 0x0380, 0x1200}


@dataclass(frozen=True)
class PciDevice:
    """One function on the bus. `driver` is the kernel module bound to it."""

    address: str
    vendor: int
    device: int
    driver: str | None


def display_devices(ctx: Context) -> list[PciDevice]:
    """GPUs of NVIDIA and AMD on the bus, by address; empty without /sys."""
    base = ctx.at("/sys/bus/pci/devices")
    try:
        folders = sorted(base.iterdir())
    except OSError:
        return []
    found = (_device(folder) for folder in folders)
    return [device for device in found if device]


def _device(folder: Path) -> PciDevice | None:
    try:
        if _number(folder / "class") >> 8 not in _DISPLAY:
            return None
        vendor = _number(folder / "vendor")
        device = _number(folder / "device")
    except (OSError, ValueError):  # a device may leave the bus while it is read
        return None
    if vendor not in (NVIDIA, AMD):
        return None
    try:
        driver = (folder / "driver").readlink().name
    except OSError:
        driver = None
    return PciDevice(folder.name, vendor, device, driver)


def _number(path: Path) -> int:
    return int(read(path, 64), 16)
