"""Health of AMD's GPUs by the files of amdgpu: nothing is asked that a read would reset."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gpufix.facts.context import CollectContext
from gpufix.facts.machine import amd
from gpufix.facts.reading import read, text, text_of, why
from gpufix.model import NodeGpu

_LIMIT = 1 << 20
# Aldebaran's counters of errors start at 0 again when they are read (amdgpu_ras.c, "query and reset").
_RESET_BY_A_READ = {"gfx90a"}
_ERRORS = re.compile(r"^ue: (\d+)$", re.M)
_PAGE = re.compile(r"^0x[0-9a-f]+ : 0x[0-9a-f]+ : ([RPF])\s*$", re.M)


def collect(ctx: CollectContext) -> list[NodeGpu]:
    """One record for each GPU of the KFD's topology."""
    found = amd.nodes(ctx)
    gpus = amd.collect(ctx, found)
    return [
        _gpu(ctx, node, gpu.index, gpu.name, gpu.arch, len(gpu.processes))
        for node, gpu in zip(found, gpus, strict=True)
    ]


def _gpu(
    ctx: CollectContext, node: amd.Node, index: int, name: str | None, arch: str | None, held: int
) -> NodeGpu:
    folder = ctx.at(f"/sys/class/drm/renderD{node.minor}/device")
    readings = _Readings(folder)
    readings.ras(arch)
    readings.bad_pages()
    readings.link()
    readings.temperatures()
    readings.number("memory_used", "mem_info_vram_used")
    return NodeGpu(
        index=index,
        vendor="amd",
        address=Path(os.path.realpath(folder)).name,
        name=name,
        processes=held,
        unsupported=readings.unsupported,
        unread=readings.unread,
        **readings.values,
    )


class _Readings:
    """What the files of one GPU say."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.values: dict[str, Any] = {}
        self.unsupported: list[str] = []
        self.unread: dict[str, str] = {}

    def ras(self, arch: str | None) -> None:
        """Uncorrectable errors, by block."""
        if not (self.folder / "ras").is_dir():
            self.unsupported.append("ras_uncorrected")
        elif arch in _RESET_BY_A_READ:
            self.unread["ras_uncorrected"] = "a read would reset the counters of this GPU"
        else:
            self._ras()

    def _ras(self) -> None:
        found: dict[str, int] = {}
        for path in sorted((self.folder / "ras").glob("*_err_count")):
            try:
                errors = _ERRORS.search(text(read(path, 4096)))
            except OSError as error:
                self.unread["ras_uncorrected"] = f"{path.name}: {why(error)}"
                return
            if errors:
                found[path.name.removesuffix("_err_count")] = int(errors[1])
        self.values["ras_uncorrected"] = found

    def bad_pages(self) -> None:
        """Pages of memory that are no longer used, and those that should not be and are."""
        path = self.folder / "ras" / "gpu_vram_bad_pages"
        names = ("bad_pages", "bad_pages_failed")
        if not path.exists():
            self.unsupported += names
            return
        try:
            kinds = _PAGE.findall(text(read(path, _LIMIT)))
        except OSError as error:
            self.unread.update(dict.fromkeys(names, why(error)))
            return
        self.values.update(zip(names, (len(kinds), kinds.count("F")), strict=True))

    def link(self) -> None:
        """The narrowest of the links from the GPU to the root: its own switch stands between."""
        found = list(_links(Path(os.path.realpath(self.folder))))
        names = ("pcie_width", "pcie_width_max")
        if not found:
            self.unread.update(dict.fromkeys(names, "no link is listed"))
            return
        narrow = min(found, key=lambda link: link[0] / link[1])
        self.values.update(zip(names, narrow, strict=True))

    def temperatures(self) -> None:
        """Of the edge, and at which the card protects itself."""
        for name, file in (("temperature", "temp1_input"), ("temperature_slowdown", "temp1_crit")):
            found = [_number(path) for path in sorted(self.folder.glob(f"hwmon/hwmon*/{file}"))[:1]]
            if not found:
                self.unsupported.append(name)
            elif found[0] is None:
                self.unread[name] = f"{file} cannot be read"
            else:
                self.values[name] = found[0] // 1000

    def number(self, name: str, file: str) -> None:
        """A file that holds a number."""
        found = _number(self.folder / file)
        if found is None:
            self.unread[name] = f"{file} cannot be read"
        else:
            self.values[name] = found


def _links(device: Path) -> Iterator[tuple[int, int]]:
    """(width, width that both ends have) of each link upwards."""
    while (above := device.parent) != device:
        here, there = _widths(device), _widths(above)
        if here is None or there is None:
            return
        if here[0] and min(here[1], there[1]):
            yield here[0], min(here[1], there[1])
        device = above


def _widths(device: Path) -> tuple[int, int] | None:
    width, most = _number(device / "current_link_width"), _number(device / "max_link_width")
    return None if width is None or most is None else (width, most)


def _number(path: Path) -> int | None:
    word = text_of(path, 64).strip()
    return int(word) if re.fullmatch(r"-?[0-9]{1,20}", word) else None
