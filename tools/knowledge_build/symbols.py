"""The symbol history: which names the libraries of a torch wheel export, and the hashed table."""

from __future__ import annotations

from pathlib import Path

from packaging.version import Version

from gpufix.binary.elf import ElfFile
from gpufix.binary.wheel import WheelZip
from gpufix.knowledge.symbols.history import NAMES, TABLE
from gpufix.knowledge.symbols.releases import harvested, listed
from gpufix.knowledge.symbols.symbol_names import SymbolNames
from gpufix.knowledge.symbols.symbol_table import Masks, pack

LIMIT = 500 * 1024  # bytes: what a table in every installation may weigh

# Libraries that every build of torch has; whatever else lies in torch/lib belongs to the CUDA
# build, or is a test's.
CORE = {"libc10.so", "libtorch.so", "libtorch_cpu.so", "libtorch_global_deps.so", "libshm.so"}
CUDA = {"libc10_cuda.so", "libtorch_cuda.so", "libtorch_cuda_linalg.so", "libcaffe2_nvrtc.so"}
KINDS = {
    "libtorch_python.so": "python",
    **dict.fromkeys(CORE, "core"),
    **dict.fromkeys(CUDA, "cuda"),
}
# 1.13 split its CUDA library in two.
KINDS.update({"libtorch_cuda_cpp.so": "cuda", "libtorch_cuda_cu.so": "cuda"})

Exports = dict[str, set[str]]


def packed(data: Path) -> bytes:
    """The hashed table of the names file in `data`."""
    names = SymbolNames.read(data / NAMES)
    rows = {name: masks for name, masks in names.rows.items() if listed(name, masks)}
    table = pack(names.releases, rows)
    if len(table) > LIMIT:
        raise ValueError(f"{TABLE} would have {len(table):,} bytes, over {LIMIT:,}")
    return table


def exports(wheel: WheelZip) -> Exports:
    """The harvested names of each kind of library in a wheel; one library is unpacked at a time."""
    found: Exports = {"core": set(), "python": set(), "cuda": set()}
    for member in wheel.members():
        folder, _, name = member.name.rpartition("/")
        if folder == "torch/lib" and name in KINDS:
            with wheel.unpacked(member.name) as path:
                found[KINDS[name]] |= library_exports(path)
    return found


def library_exports(path: str) -> set[str]:
    """The harvested names that one library exports; weak ones too, for they satisfy as well."""
    library = ElfFile(path)
    try:
        return {export.name for export in library.exports() if harvested(export.name)}
    finally:
        library.release()


def add(names: SymbolNames, version: str, found: Exports) -> SymbolNames:
    """`names` with release `version`, put in its place by version; a known one is replaced."""
    kept = without(names, version)
    releases = sorted([*kept.releases, version], key=Version)
    order = [kept.releases.index(r) if r != version else None for r in releases]
    bit = 1 << releases.index(version)
    rows = {}
    for name in {*kept.rows, *found["core"], *found["python"], *found["cuda"]}:
        old = kept.rows.get(name, Masks(0, 0, 0))
        new = [_moved(mask, order) for mask in old]
        for i, kind in enumerate(Masks._fields):
            new[i] |= bit * (name in found[kind])
        rows[name] = Masks(*new)
    return SymbolNames(tuple(releases), rows)


def without(names: SymbolNames, version: str) -> SymbolNames:
    """`names` without one release, and without the names that it alone had."""
    releases = tuple(release for release in names.releases if release != version)
    order: list[int | None] = [names.releases.index(release) for release in releases]
    rows = {
        name: Masks(*(_moved(mask, order) for mask in masks)) for name, masks in names.rows.items()
    }
    return SymbolNames(releases, {name: masks for name, masks in rows.items() if any(masks)})


def _moved(mask: int, order: list[int | None]) -> int:
    return sum(1 << i for i, old in enumerate(order) if old is not None and mask >> old & 1)


def differences(names: SymbolNames, version: str, found: Exports) -> list[str]:
    """How a wheel's exports differ from those recorded for its release, a line each."""
    bit = names.releases.index(version)
    lines = []
    for i, kind in enumerate(Masks._fields):
        recorded = {name for name, masks in names.rows.items() if masks[i] >> bit & 1}
        lines += [f"symbols, {kind}: only recorded: {n}" for n in sorted(recorded - found[kind])]
        lines += [
            f"symbols, {kind}: only in the wheel: {n}" for n in sorted(found[kind] - recorded)
        ]
    return lines
