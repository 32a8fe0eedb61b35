"""How long judging all libraries of an environment takes, and how that grows.

usage: python benchmarks/elf_speed.py VENV
Best of several runs, CPU milliseconds, page cache warm; other readers (pyelftools, LIEF) are
measured in the same run when they are installed. "other" reads what judging needs at the least:
the needed libraries and the names of the undefined symbols.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from gpufix.binary.elf import ElfFile
from gpufix.binary.loader.model import Process
from gpufix.binary.loader.scan import scan
from loader_corpus import libraries, site_of

SIZES = (10, 100, 1000, 10000)


def cpu(work: Callable[[], object], runs: int) -> tuple[float, float]:
    """(best, median) CPU milliseconds of `runs` runs."""
    spent = []
    for _ in range(runs):
        started = time.process_time()
        work()
        spent.append((time.process_time() - started) * 1e3)
    return min(spent), statistics.median(spent)


def other_readers() -> Iterator[tuple[str, Callable[[str], object]]]:
    try:
        from elftools.elf.elffile import ELFFile
    except ImportError:
        print("pyelftools is not installed")
    else:

        def with_pyelftools(path: str) -> object:
            with Path(path).open("rb") as file:
                elf = ELFFile(file)
                dynamic = elf.get_section_by_name(".dynamic")
                symbols = elf.get_section_by_name(".dynsym")
                needed = [tag.needed for tag in dynamic.iter_tags("DT_NEEDED")]
                rows = symbols.iter_symbols()
                return needed, [s.name for s in rows if s["st_shndx"] == "SHN_UNDEF"]

        yield "pyelftools", with_pyelftools
    try:
        import lief
    except ImportError:
        print("LIEF is not installed")
    else:

        def with_lief(path: str) -> object:
            elf = lief.ELF.parse(path)
            return list(elf.libraries), [symbol.name for symbol in elf.imported_symbols]

        yield "LIEF", with_lief


def judge(python: Path, site: Path, paths: list[str], runs: int = 9) -> float:
    process = Process(str(python), (str(site),))
    best, median = cpu(lambda: scan(process, paths), runs)
    print(f"  {len(paths):6} libraries: best {best:8.1f} ms, median {median:8.1f} ms,"
          f" {best / len(paths) * 1e3:6.0f} us each")  # fmt: skip
    return best


def look_ups(library: Path) -> None:
    elf = ElfFile(str(library))
    names = [export.name for export in elf.exports()]
    some = names[:: max(1, len(names) // 500)][:500]
    best, median = cpu(lambda: [elf.lookup(name) for name in some], 9)
    print(
        f"500 look-ups in {library.name} ({len(names)} exports): best {best:.2f} ms, median {median:.2f} ms"
    )


def growth(python: Path, site: Path, paths: list[str]) -> None:
    """Copies of the environment's own small extensions, so that each is a file of its own."""
    small = [Path(p) for p in paths if Path(p).stat().st_size < 200_000 and "/torch/" not in p]
    with tempfile.TemporaryDirectory() as folder:
        for count in SIZES:
            target = Path(folder) / str(count)
            target.mkdir()
            for at in range(count):
                shutil.copyfile(small[at % len(small)], target / f"{at}.so")
            judge(python, site, libraries(target), 3)
            shutil.rmtree(target)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("venv", type=Path)
    options = parser.parse_args()
    site, python = site_of(options.venv), options.venv / "bin/python"
    paths = libraries(site)
    print("judged in full (searched, versions checked, every symbol resolved):")
    mine = judge(python, site, paths)
    for name, read in other_readers():
        best, _ = cpu(lambda read=read: [read(path) for path in paths], 1)  # type: ignore[misc]
        print(f"  {name} only reads them: {best:8.1f} ms, {best / mine:.1f} times as long")
    look_ups(site / "torch/lib/libtorch_cpu.so")
    print("growth:")
    growth(python, site, paths)


if __name__ == "__main__":
    main()
