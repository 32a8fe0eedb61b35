"""Kernels and databases of ROCm's libraries that lie in files beside them: for which GPUs, by name.

Tensile writes the architecture into a file's name, or into that of a folder; MIOpen the number of
compute units behind it, without a separator: gfx942130.db.txt, gfx1030_36.HIP.fdb.txt; AOTriton has a
folder for each, or for a family: amd-gfx11xx. From ROCm/rocm-systems, shared/kpack:
python/rocm_kpack/database_handlers.py.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from posixpath import basename, dirname, normpath

from gpufix.facts.context import CollectContext
from gpufix.facts.reading import text, why
from gpufix.knowledge import rocm_wheels
from gpufix.knowledge.data_table import table
from gpufix.knowledge.rocm_wheels import KernelFolder
from gpufix.model import KernelFiles

_GFX = re.compile(r"gfx[0-9a-f]{3,4}(?![0-9a-f])")
_MERGED = re.compile(r"TensileLibrary\.(?:dat|yaml)")
_TENSILE = (".co", ".dat", ".hsaco", ".yaml")
_MIOPEN = (".kdb", ".model", ".db.txt", ".fdb.txt", ".db", ".kdb.bz2")
_UNITS = re.compile(r"_?(\d{1,3})(?=\.)")
_LIMIT = 200_000  # files


def collect(
    ctx: CollectContext, paths: Iterable[str], belongs: Mapping[str, str]
) -> list[KernelFiles]:
    """What lies beside each of these libraries; one without its folder has no files."""
    rows = rocm_wheels.kernel_folders()
    pairs = ((path, row) for path in paths for row in rows)
    return [
        _beside(ctx, path, row, belongs.get(path))
        for path, row in pairs
        if basename(path).startswith(row.library)
    ]


def _beside(ctx: CollectContext, path: str, row: KernelFolder, owner: str | None) -> KernelFiles:
    folder = normpath(f"{dirname(path)}/{row.folder}")
    files: Counter[str] = Counter()
    units: dict[str, set[int]] = {}
    try:
        for arch, count in _read(row.kind, Path(folder)):
            files[arch] += 1
            units.setdefault(arch, set()).update([count] if count else [])
    except FileNotFoundError:
        pass
    except OSError as error:
        ctx.gap("binaries", text(folder), why(error))
    return KernelFiles(
        kind=row.kind,
        library=text(path),
        distribution=owner,
        folder=text(folder),
        files=dict(sorted(files.items())),
        units={arch: sorted(found) for arch, found in sorted(units.items()) if found},
    )


def _read(kind: str, folder: Path) -> Iterator[tuple[str, int]]:
    """Architecture ("" = any) and compute units (0 = not told) of each file."""
    if kind == "miopen":
        names = _names(folder)
        known = sorted(table("gpus")["amd"], key=len, reverse=True)
        return (_of_miopen(name, known) for name in names if name.endswith(_MIOPEN))
    if kind == "aotriton":
        dirs = (name.removeprefix("amd-") for name in _names(folder))
        return ((name, 0) for name in dirs if name.startswith("gfx"))
    return ((arch, 0) for name in _tensile(folder) if (arch := _of_tensile(name)) is not None)


def _tensile(folder: Path) -> Iterator[str]:
    for name in _names(folder):
        if _GFX.fullmatch(name):
            yield from (f"{name}/{inner}" for inner in _names(folder / name))
        elif name.endswith(_TENSILE):
            yield name


def _of_tensile(name: str) -> str | None:
    if _MERGED.fullmatch(name):
        return ""
    found = _GFX.search(name)
    return found[0] if found else None


def _of_miopen(name: str, known: Collection[str]) -> tuple[str, int]:
    """gfx90878 is gfx908 with 78 compute units: the longest name that is known stands."""
    arch = next((gfx for gfx in known if name.startswith(gfx)), "")
    units = _UNITS.match(name, len(arch)) if arch else None
    return arch, int(units[1]) if units else 0


def _names(folder: Path) -> list[str]:
    names = []
    for entry in folder.iterdir():
        names.append(entry.name)
        if len(names) >= _LIMIT:
            break
    return sorted(names)
