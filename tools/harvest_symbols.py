"""Adds a torch release to the symbol history from its wheel, then rebuilds the hashed table.

    python tools/harvest_symbols.py torch-2.16.0-cp311-cp311-manylinux_2_28_x86_64.whl

Take PyPI's x86-64 wheel for CPython 3.11, as for the releases before: other builds export other
names. `--compare` changes nothing and shows how a wheel's exports differ from the recorded ones.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import zipfile
from pathlib import Path, PurePosixPath

from packaging.utils import parse_wheel_filename
from packaging.version import Version

sys.path.insert(0, str(Path(__file__).parent.parent / "src"))
sys.path.insert(0, str(Path(__file__).parent))

from build_symbol_table import build
from gpufix.binary.elf import ElfFile
from gpufix.knowledge.symbols.history import DATA, NAMES
from gpufix.knowledge.symbols.releases import harvested
from gpufix.knowledge.symbols.symbol_names import SymbolNames
from gpufix.knowledge.symbols.symbol_table import Masks

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


def exports(wheel: Path) -> dict[str, set[str]]:
    """The harvested names of each kind of library in a wheel; one library is unpacked at a time."""
    found: dict[str, set[str]] = {"core": set(), "python": set(), "cuda": set()}
    with zipfile.ZipFile(wheel) as archive:
        for member in archive.namelist():
            path = PurePosixPath(member)
            kind = KINDS.get(path.name)
            if kind is None or path.parent != PurePosixPath("torch/lib"):
                continue
            with tempfile.TemporaryDirectory() as folder:
                unpacked = Path(folder, path.name)
                with archive.open(member) as source, unpacked.open("wb") as target:
                    shutil.copyfileobj(source, target, 1 << 20)
                found[kind] |= library_exports(unpacked)
    return found


def library_exports(path: Path) -> set[str]:
    """The harvested names that one library exports; weak ones too, for they satisfy as well."""
    library = ElfFile(str(path))
    try:
        return {export.name for export in library.exports() if harvested(export.name)}
    finally:
        library.release()


def add(names: SymbolNames, version: str, found: dict[str, set[str]]) -> SymbolNames:
    """`names` with release `version`, put in its place by version; a known one is replaced."""
    kept = [release for release in names.releases if release != version]
    releases = sorted([*kept, version], key=Version)
    order = [names.releases.index(r) if r != version else None for r in releases]
    bit = 1 << releases.index(version)
    rows = {}
    for name in {*names.rows, *found["core"], *found["python"], *found["cuda"]}:
        old = names.rows.get(name, Masks(0, 0, 0))
        new = [_moved(mask, order) for mask in old]
        for i, kind in enumerate(Masks._fields):
            new[i] |= bit * (name in found[kind])
        if any(new):
            rows[name] = Masks(*new)
    return SymbolNames(tuple(releases), rows)


def _moved(mask: int, order: list[int | None]) -> int:
    return sum(1 << i for i, old in enumerate(order) if old is not None and mask >> old & 1)


def compare(names: SymbolNames, version: str, found: dict[str, set[str]]) -> None:
    bit = names.releases.index(version)
    for i, kind in enumerate(Masks._fields):
        recorded = {name for name, masks in names.rows.items() if masks[i] >> bit & 1}
        both = len(recorded & found[kind])
        print(
            f"{kind}: {both:,} in both, {len(recorded - found[kind]):,} only recorded,"
            f" {len(found[kind] - recorded):,} only in the wheel"
        )
        for name in sorted(recorded ^ found[kind])[:20]:
            print("  ", "recorded" if name in recorded else "wheel", name)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("wheel", type=Path)
    parser.add_argument("--compare", action="store_true", help="compare only")
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the tables")
    options = parser.parse_args()
    distribution, version, _, _ = parse_wheel_filename(options.wheel.name)
    if distribution != "torch" or version.pre or version.dev:
        raise SystemExit(f"{options.wheel.name}: not the wheel of a torch release")
    names, release = SymbolNames.read(options.data / NAMES), version.public
    found = exports(options.wheel)
    if not found["core"]:
        raise SystemExit(f"{options.wheel.name}: no libtorch in torch/lib")
    if options.compare:
        return compare(names, release, found)
    if not found["cuda"]:
        raise SystemExit(f"{options.wheel.name}: no CUDA libraries; take PyPI's default build")
    add(names, release, found).write(options.data / NAMES)
    build(options.data)


if __name__ == "__main__":
    main()
