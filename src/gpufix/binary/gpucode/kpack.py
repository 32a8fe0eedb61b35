"""GPU code that was taken out of a library and put into archives beside it: AMD's kpack.

The library keeps a section that names its archives, one for each architecture ("../.kpack/
torch_@GFXARCH@.kpack"), and itself among what they hold. From ROCm/rocm-systems, shared/kpack:
python/rocm_kpack/elf/kpack_transform.py, python/rocm_kpack/kpack.py, runtime/src/loader.cpp.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from posixpath import dirname, isabs, join, normpath
from struct import Struct

from gpufix.binary.elf import ElfFile
from gpufix.binary.gpucode.file_bytes import FileBytes
from gpufix.binary.gpucode.images import CodeError, GpuCode, GpuImage, Tally
from gpufix.binary.gpucode.messagepack import unpack
from gpufix.frozen import Frozen

SECTION, _RUNTIME = ".rocm_kpack_ref", "libamdhip64.so"
ARCHITECTURE = "@GFXARCH@"
_MAGIC, _VERSION, _HEADER = b"KPAK", 1, Struct("<4sIQ")
_MAX_MARKER, _MAX_CONTENTS, _MAX_ARCHIVES = 64 * 1024, 32 << 20, 64
# Archive of an architecture, and of one of its variants: torch_gfx942.kpack, torch_gfx942:xnack+.
_ARCH = r"gfx[0-9a-f]{3,5}(?:-strict)?(?:[:-](?:xnack|sramecc)[+-]){0,2}"

Contents = Mapping[str, frozenset[str]]  # "lib/libtorch_hip.so#0" -> for which architectures


class Marker(Frozen):
    """Where a library's code lies. `patterns`: relative to the library; `name`: its name there."""

    name: str
    patterns: tuple[str, ...]


def marker(section: bytes) -> Marker:
    """What a library's section says. Raises CodeError."""
    value = unpack(section[:_MAX_MARKER])
    row = value if isinstance(value, dict) else {}
    name, paths = row.get("kernel_name"), row.get("kpack_search_paths")
    patterns = tuple(p for p in paths if isinstance(p, str)) if isinstance(paths, list) else ()
    if not isinstance(name, str) or not patterns:
        raise CodeError(f"{SECTION} names no archive")
    return Marker(name, patterns)


def marker_of(elf: ElfFile) -> Marker | None:
    """Where a library's GPU code lies that was taken out of it. Raises CodeError, ElfError."""
    if not any(name.startswith(_RUNTIME) for name in elf.needed):
        return None  # all of them need HIP's run time: no other section table is read
    section = elf.section(SECTION)
    return marker(bytes(section)) if section is not None else None


class Archives:
    """Reads archives, each once for all libraries that point to it."""

    def __init__(self) -> None:
        self._read: dict[str, Contents | CodeError] = {}

    def code(self, found: Marker, library: str) -> GpuCode:
        """The GPU code of a library at this path: empty where none of its archives is there."""
        tally, units = Tally(), dict[str, set[str]]()
        for pattern in found.patterns:
            for path in archives(pattern, library):
                self._collect(path, f"{found.name}#", units, tally)
        for archs in units.values():
            images = (GpuImage("hip", arch, SECTION) for arch in sorted(archs))
            tally.group({tally.add(image, image, 0) for image in images})
        return tally.result()

    def _collect(self, path: str, prefix: str, units: dict[str, set[str]], tally: Tally) -> None:
        held = self._contents(path)
        if isinstance(held, CodeError):
            tally.gap(f"{path}: {held}")
            return
        for unit, archs in held.items():
            if unit.startswith(prefix):
                units.setdefault(unit, set()).update(archs)

    def _contents(self, path: str) -> Contents | CodeError:
        if path not in self._read:
            try:
                self._read[path] = contents(path)
            except CodeError as error:
                self._read[path] = error
        return self._read[path]


def place(pattern: str, library: str) -> str:
    """Where the archives of a library at this path lie, with the variable in the name."""
    return normpath(join(dirname(library), pattern))


def archives(pattern: str, library: str) -> Iterator[str]:
    """The archives that are there, of all architectures, by name."""
    folder, _, name = place(pattern, library).rpartition("/")
    before, variable, behind = name.partition(ARCHITECTURE)
    wanted = re.compile(re.escape(before) + (_ARCH if variable else "") + re.escape(behind))
    if isabs(pattern):  # of the machine that it was built on
        return
    try:
        names = sorted(entry.name for entry in Path(folder).iterdir())
    except OSError:
        return
    yield from [f"{folder}/{n}" for n in names if wanted.fullmatch(n)][:_MAX_ARCHIVES]


def contents(path: str) -> Contents:
    """What an archive holds for which architectures, by its table. Raises CodeError."""
    with FileBytes(path) as file:
        head = file[: _HEADER.size]
        magic, version, at = _HEADER.unpack(head) if len(head) == _HEADER.size else (b"", 0, 0)
        if magic != _MAGIC:
            raise CodeError("no kpack archive")
        if version != _VERSION:
            raise CodeError(f"a kpack archive of unknown version {version}")
        if not _HEADER.size <= at < len(file) or len(file) - at > _MAX_CONTENTS:
            raise CodeError("its table of contents lies nowhere")
        value = unpack(file[at : len(file)])
    table = value.get("toc") if isinstance(value, dict) else None
    if not isinstance(table, dict):
        raise CodeError("it has no table of contents")
    return {unit: _archs(row) for unit, row in table.items() if isinstance(row, dict)}


def _archs(row: Mapping[str, object]) -> frozenset[str]:
    return frozenset(arch for arch in row if re.fullmatch(_ARCH, arch))
