"""Adds a torch release to every table from its wheels, then builds the tables.

    python tools/add_torch_release.py torch-2.16.0-cp311-cp311-manylinux_2_28_x86_64.whl

The first wheel is PyPI's for x86-64 and CPython 3.11, as for the releases before: other builds
export other names. Further wheels may follow: other variants and the aarch64 one of the same
release, and those of companions (torchvision-….whl). The date, the Python tags and the companions'
requirements are asked from the index; what nobody tells is left out and named. `--compare` writes
nothing and shows how the wheels differ from what is recorded.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent / "src"))
sys.path.insert(0, str(Path(__file__).parent))

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename
from packaging.version import Version

from build_knowledge import DATA, ROWS
from gpufix.knowledge.symbols.history import NAMES
from gpufix.knowledge.symbols.symbol_names import SymbolNames
from knowledge_build import release_toml, symbols
from knowledge_build.index import Index, python_tags, released
from knowledge_build.read import load_toml
from knowledge_build.torch_wheel import TorchWheel, metadata

ALL_LINUX_BUILDS_NEW_ABI = Version("2.7")  # https://pytorch.org/blog/pytorch2-6/


@dataclass
class Release:
    """What was found out, and what was not: key -> where to look."""

    version: str
    row: dict[str, Any] = field(default_factory=dict)
    unknown: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def describe(wheels: list[TorchWheel], index: Index, known: dict[str, dict[str, Any]]) -> Release:
    """The file of a release. known: the files of the other releases."""
    main = wheels[0]
    release = Release(main.release)
    files = index.files("torch", main.release)
    pypi = f"https://pypi.org/project/torch/{main.release}/#files"
    requires_python, pins = main.declared()
    extension = main.cpp_extension()
    others = main.other_builds()
    table = f"torch/cuda/__init__.py (PYTORCH_RELEASES_CODE_CC) in {main.name}"
    found = {
        "date": released(files),
        "wheel": main.name,
        "requires_python": requires_python,
        "cxx_std": extension.standard(),
        "numpy2": main.numpy2(),
        "variants_source": table if others else ", ".join(wheel.name for wheel in wheels),
        "python": python_tags(files),
        "default": {wheel.platform: wheel.variant for wheel in reversed(wheels)},
        "pins": pins,
        "cpp_extension": _extension(main.release, extension.tables(), known),
        "variants": _variants(release, wheels, others, table),
    }
    for platform in found["python"]:
        if platform not in found["default"]:
            release.unknown[f"default.{platform}"] = f"The variant of PyPI's wheel, see {pypi}"
    for key in ("date", "python"):
        if not found[key]:
            release.unknown[key] = pypi
            del found[key]
    release.row = found
    return release


def _extension(version: str, own: dict[str, Any], known: dict[str, dict[str, Any]]) -> Any:
    """The tables, or the earlier release that has the same."""
    older = [release for release in known if Version(release) < Version(version)]
    if older:
        before = max(older, key=Version)
        base = known[before]["cpp_extension"].get("same_as", before)
        if known[base]["cpp_extension"] == own:
            return {"same_as": base}
    return own


def _variants(
    release: Release, wheels: list[TorchWheel], others: dict[str, dict[str, str]], table: str
) -> dict[str, dict[str, Any]]:
    """Those whose wheels are here, as measured; then those that the wheel's own table names."""
    rows: dict[str, dict[str, Any]] = {}
    for wheel in wheels:
        if wheel.variant == "cpu":
            continue
        row = rows.setdefault(wheel.platform, {})[wheel.variant] = wheel.row()
        told = " ".join(arch for arch in wheel.told_archs().split() if "compute" not in arch)
        if told != row["archs"]:
            release.notes.append(
                f"{wheel.name}: its code is for {row['archs']}, torch.cuda.get_arch_list() says {told}"
            )
    new_abi = Version(release.version) >= ALL_LINUX_BUILDS_NEW_ABI
    for platform, builds in others.items():
        have = rows.setdefault(platform, {})
        unseen = [name for name in builds if name not in have]
        for name in unseen:
            abi = {"abi": 1} if new_abi else {}
            source = {"source": table, "confidence": "medium"}
            have[name] = {"archs": builds[name]} | abi | source
        if unseen:
            release.unknown[f"ptx of variants.{platform}: {', '.join(unseen)}"] = (
                "Their wheels tell, and https://download.pytorch.org/whl/torch/ whether they exist"
            )
    release.unknown["variants of ROCm"] = "https://pytorch.org/get-started/locally/"
    return {platform: dict(sorted(builds.items())) for platform, builds in rows.items() if builds}


def companions(
    folder: Path, release: Release, wheels: list[Path], index: Index
) -> Iterator[tuple[str, str, str]]:
    """Family, version and requirement of torch of those that came out with the release."""
    given: dict[str, dict[str, list[str]]] = {}
    for path in wheels:
        name, number, _, _ = parse_wheel_filename(path.name)
        given.setdefault(str(name), {})[number.public] = metadata(path).get("Requires-Dist", [])
    for path in sorted(folder.glob("*.toml")):
        recorded = load_toml(path).get("requires")
        if recorded is None:
            continue
        found = dict(given.get(path.stem, {}))
        date = release.row.get("date")
        for version in index.versions_since(path.stem, date) if date else ():
            if version not in recorded and version not in found:
                needs = index.requires(path.stem, version)
                if needs is None:
                    where = f"add its METADATA's requirement to companions/{path.name}"
                    release.unknown[f"{path.stem} {version}"] = where
                else:
                    found[version] = needs
        for version, needs in found.items():
            if version not in recorded:
                yield path.stem, version, _of_torch(needs)


def _of_torch(needs: list[str]) -> str:
    parsed = [Requirement(text) for text in needs]
    return next(
        (f"torch{n.specifier}" for n in parsed if canonicalize_name(n.name) == "torch"), "torch"
    )


def record_symbols(data: Path, wheel: TorchWheel, replace: bool) -> str:
    """Adds the wheel's exports to the names file; what became of it."""
    names = SymbolNames.read(data / NAMES)
    if wheel.release in names.releases and not replace:
        return f"{NAMES}: has {wheel.release} already (--replace reads it anew)"
    if wheel.platform != "linux_x86_64" or wheel.python != "cp311":
        return f"{NAMES}: not extended: that takes PyPI's x86-64 wheel for CPython 3.11"
    found = wheel.exports()
    if not found["core"] or not found["cuda"]:
        return f"{NAMES}: not extended: {wheel.name} is no CUDA build with torch/lib"
    symbols.add(names, wheel.release, found).write(data / NAMES)
    return f"{NAMES}: {sum(map(len, found.values())):,} names of {wheel.release}"


def compare(release: Release, recorded: dict[str, Any], wheel: TorchWheel, data: Path) -> None:
    """Prints what the wheels say differently, key by key."""
    new, old = _flat(release.row), _flat(recorded)
    for key in dict.fromkeys([*old, *new]):
        if old.get(key) != new.get(key):
            print(f"{key}\n  recorded: {old.get(key)}\n  found:    {new.get(key)}")
    names = SymbolNames.read(data / NAMES)
    if wheel.release in names.releases:
        print("\n".join(symbols.differences(names, wheel.release, wheel.exports())))


def _flat(row: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in row.items():
        flat |= (
            _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value}
        )
    return flat


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("wheels", type=Path, nargs="+", metavar="WHEEL")
    parser.add_argument("--replace", action="store_true", help="a release that is there already")
    parser.add_argument("--compare", action="store_true", help="write nothing, show differences")
    parser.add_argument("--offline", action="store_true", help="ask no index")
    parser.add_argument("--index", default="https://pypi.org", help="instead of PyPI")
    parser.add_argument("--rows", type=Path, default=ROWS, help="instead of knowledge/")
    parser.add_argument("--data", type=Path, default=DATA, help="instead of gpufix's own folder")
    return parser.parse_args()


def _opened(paths: list[Path]) -> tuple[list[TorchWheel], list[Path]]:
    """torch's wheels, all of one release, the x86-64 one first; and the others."""
    wheels = [TorchWheel(path) for path in paths if path.name.startswith("torch-")]
    if not wheels or len({wheel.release for wheel in wheels}) > 1:
        raise ValueError("give the wheels of one torch release")
    if wheels[0].platform != "linux_x86_64":
        raise ValueError("the first wheel must be PyPI's for x86-64")
    return wheels, [path for path in paths if not path.name.startswith("torch-")]


def main() -> int:
    options = _arguments()
    try:
        wheels, others = _opened(options.wheels)
    except ValueError as refused:
        print(refused, file=sys.stderr)
        return 2
    main_wheel = wheels[0]
    target = options.rows / "torch" / f"{main_wheel.release}.toml"
    if target.exists() and not (options.replace or options.compare):
        print(f"{target} is there already: --compare, or --replace", file=sys.stderr)
        return 2
    known = {p.stem: load_toml(p) for p in target.parent.glob("*.toml")}
    recorded = known.pop(main_wheel.release, {})
    index = Index(None if options.offline else options.index)
    try:
        release = describe(wheels, index, known)
    except ValueError as unread:
        print(f"{main_wheel.name}: {unread}", file=sys.stderr)
        return 2
    if options.compare:
        compare(release, recorded, main_wheel, options.data)
        return 0
    for family, version, requires in companions(
        options.rows / "companions", release, others, index
    ):
        path = options.rows / "companions" / f"{family}.toml"
        text = release_toml.with_companion(
            path.read_text("utf-8"), version, requires, main_wheel.release
        )
        path.write_text(text, "utf-8")
        print(f"{path}: {version} requires {requires}")
    target.write_text(release_toml.text(release.version, release.row, release.unknown), "utf-8")
    print(target)
    print(record_symbols(options.data, main_wheel, options.replace))
    for line in (*release.notes, *(f"unknown: {key}. {w}" for key, w in release.unknown.items())):
        print(line)
    build = [sys.executable, str(Path(__file__).parent / "build_knowledge.py")]
    return subprocess.run([*build, "--rows", options.rows, "--data", options.data]).returncode


if __name__ == "__main__":
    sys.exit(main())
