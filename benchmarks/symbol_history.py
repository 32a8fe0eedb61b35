"""How well symbols alone tell the torch that an extension wheel was built for.

    python benchmarks/symbol_history.py FOLDER

FOLDER holds wheels of torch extensions, for x86-64 Linux. Prints, as Markdown, for each wheel that
asks torch for symbols: the torch requirement it declares, the releases whose exports suffice and
the minor it was built for; then the cost of loading the table and of look-ups.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

sys.path.insert(0, str(Path(__file__).parent.parent / "src"))

from gpufix.binary.elf import ElfError, ElfFile
from gpufix.knowledge.symbols import LibrarySymbols, SymbolHistory, SymbolJudgement, judge


def libraries(wheel: Path) -> Iterator[LibrarySymbols]:
    with zipfile.ZipFile(wheel) as archive, tempfile.TemporaryDirectory() as folder:
        for member in archive.namelist():
            if ".so" not in Path(member).name:
                continue
            unpacked = Path(folder, "library.so")
            unpacked.write_bytes(archive.read(member))
            try:
                library = ElfFile(str(unpacked))
                undefined = {s.name for s in library.undefined() if not s.weak}
                yield LibrarySymbols(undefined, {s.name for s in library.exports()}, library.needed)
            except ElfError:
                continue


def declared(wheel: Path) -> SpecifierSet | None:
    """What the wheel's metadata asks of torch; None when it asks nothing."""
    with zipfile.ZipFile(wheel) as archive:
        name = next(n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
        lines = archive.read(name).decode("utf-8", "replace").split("\n\n")[0].splitlines()
    for line in lines:
        if line.startswith("Requires-Dist:"):
            requirement = Requirement(line.partition(":")[2].strip())
            if requirement.name == "torch" and requirement.marker is None:
                return requirement.specifier
    return None


def span(values: tuple[str, ...]) -> str:
    return "none" if not values else values[0] if len(values) == 1 else f"{values[0]}–{values[-1]}"


def verdict(history: SymbolHistory, wanted: SpecifierSet | None, found: SymbolJudgement) -> str:
    if wanted is None or not str(wanted):
        return "none declared"
    allowed = [release for release in history.releases if release in wanted]
    inside = set(allowed) & set(found.releases)
    return "contained" if inside else "MISSED"


def accuracy(history: SymbolHistory, wheels: list[Path]) -> None:
    print("| wheel | declares | symbols suffice in | built for | interface | ABI | declared |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    counts: dict[str, int] = {}
    single = 0
    for wheel in wheels:
        found = judge(history, libraries(wheel))
        if found.interface == "none":
            continue
        wanted = declared(wheel)
        outcome = verdict(history, wanted, found)
        counts[outcome] = counts.get(outcome, 0) + 1
        single += len(found.minors) == 1
        built = found.built_for or ("newer" if found.newer else "?")
        extra = "".join(f" +{kind}" for kind in sorted(found.accelerators))
        print(
            f"| {'-'.join(wheel.name.split('-')[:2])}{extra} | {wanted or ''} |"
            f" {span(found.minors)} | {built} | {found.interface} |"
            f" {'' if found.abi.abi is None else found.abi.abi} | {outcome} |"
        )
        for name in found.unseen[:5]:
            print("<!-- unseen", name, "-->", file=sys.stderr)
    print(f"\n{counts}; exactly one minor: {single} of {sum(counts.values())}")


def cost() -> None:
    def median(action, count: int = 15) -> float:  # type: ignore[no-untyped-def]
        spent = []
        for _ in range(count):
            start = time.process_time()
            action()
            spent.append(time.process_time() - start)
        return statistics.median(spent) * 1e3

    history = SymbolHistory.load()
    names = history.names.sorted[:: len(history.names.sorted) // 200][:200]
    print(f"\nload the table: {median(SymbolHistory.load):.2f} ms CPU")
    print(f"200 look-ups: {median(lambda: [history.table.get(n) for n in names]):.2f} ms CPU")
    print(f"open the names: {median(lambda: SymbolHistory.load().names, 3):.0f} ms CPU")


if __name__ == "__main__":
    shipped = SymbolHistory.load()
    accuracy(shipped, sorted(Path(sys.argv[1]).glob("*.whl")))
    cost()
