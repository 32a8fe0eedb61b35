"""Product names of AMD devices: the board's own, else libdrm's table where it is installed."""

from __future__ import annotations

from pathlib import Path

from gpufix.facts.context import Context
from gpufix.facts.files import read, text

_TABLES = ("/usr/share/libdrm/amdgpu.ids", "/opt/amdgpu/share/libdrm/amdgpu.ids")


def product_name(ctx: Context, minor: int, device: int) -> str | None:
    """The name of the device behind /dev/dri/renderD<minor>; `None` when nothing tells it."""
    folder = ctx.at(f"/sys/class/drm/renderD{minor}/device")
    own = _text(folder / "product_name")  # only boards with an FRU chip, mostly Instinct and PRO
    return own or _listed(ctx, device, _text(folder / "revision"))


def _listed(ctx: Context, device: int, revision: str) -> str | None:
    """Rows are "744C,\\tC8,\\tAMD Radeon RX 7900 XTX": device, revision and name."""
    for table in _TABLES:
        for line in _text(ctx.at(table)).splitlines():
            row = [part.strip() for part in line.split(",", 2)]
            if len(row) == 3 and _hex(row[0]) == device and _hex(row[1]) == _hex(revision):
                return row[2] or None
    return None


def _hex(word: str) -> int | None:
    try:
        return int(word, 16)
    except ValueError:
        return None


def _text(path: Path) -> str:
    try:
        return text(read(path, 1 << 20)).strip()
    except OSError:
        return ""
