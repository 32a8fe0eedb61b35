"""How long it takes to list the GPU code of a library, beside cuobjdump and reading the file once.

    python benchmarks/fatbin_speed.py LIBRARY... [--cuobjdump PATH]

For each file: median CPU and wall milliseconds of code_objects (page cache warm, 21 runs), the same for
one pass over the file's bytes, and one run of `cuobjdump --list-elf --list-ptx`, whose list must agree.
"""

from __future__ import annotations

import argparse
import re
import shutil
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from gpufix.binary.gpucode.extract import GpuCode, code_objects

RUNS = 21


def measure(work: Callable[[], object], runs: int) -> tuple[float, float]:
    """Median CPU and wall milliseconds; the first run warms up and is dropped."""
    cpu, wall = [], []
    for _ in range(runs + 1):
        start_cpu, start = time.process_time(), time.perf_counter()
        work()
        cpu.append((time.process_time() - start_cpu) * 1e3)
        wall.append((time.perf_counter() - start) * 1e3)
    return statistics.median(cpu[1:]), statistics.median(wall[1:])


def read_through(path: str) -> None:
    with Path(path).open("rb", buffering=0) as file:
        buffer = bytearray(1 << 20)
        while file.readinto(buffer):
            pass


def cuobjdump_counts(tool: str, path: str) -> Counter[tuple[str, str]] | None:
    """(kind, architecture) -> how many; it prints sm_120f as sm_120. None when it gives up."""
    command = [tool, "--list-elf", "--list-ptx", path]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        return None
    text = done.stdout
    found = re.findall(r"^(?:PTX|ELF) file +\d+: .*\.(sm_\d+a?)\.(cubin|ptx)$", text, re.M)
    return Counter((kind, arch) for arch, kind in found)


def our_counts(code: GpuCode) -> Counter[tuple[str, str]]:
    """Beside linked code cuobjdump does not list the relocatable code that it was made from."""
    linked = any(not image.relocatable for image in (*code.images, *code.hollow))
    counts: Counter[tuple[str, str]] = Counter()
    for image in (*code.images, *code.hollow):
        if image.kind in ("cubin", "ptx") and not (linked and image.relocatable):
            counts[image.kind, image.arch.rstrip("f")] += image.count
    return counts


def report(path: str, tool: str | None) -> bool:
    """Print one row; whether cuobjdump agrees (True where it is not here)."""
    code = code_objects(path)
    cpu, wall = measure(lambda: code_objects(path), RUNS)
    _, pass_wall = measure(lambda: read_through(path), 3)
    images = sum(image.count for image in (*code.images, *code.hollow))
    row = f"{Path(path).name:34} {Path(path).stat().st_size / 1e6:8.1f} MB {images:6} images"
    row += f"  cpu {cpu:7.2f} ms  wall {wall:7.2f} ms  one pass {pass_wall:8.1f} ms"
    if not tool or not our_counts(code):
        print(row)
        return True
    start = time.perf_counter()
    theirs = cuobjdump_counts(tool, path)
    took = (time.perf_counter() - start) * 1e3
    if theirs is None:
        print(f"{row}  cuobjdump gives up after {took:.1f} ms")
        return True
    agree = theirs == our_counts(code)
    print(
        f"{row}  cuobjdump {took:9.1f} ms ({took / wall:.0f}x)  {'agrees' if agree else 'DIFFERS'}"
    )
    if not agree:
        print(
            "   ours  ",
            dict(our_counts(code) - theirs),
            "\n   theirs",
            dict(theirs - our_counts(code)),
        )
    return agree


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("library", nargs="+")
    parser.add_argument("--cuobjdump", default=shutil.which("cuobjdump"))
    options = parser.parse_args()
    results = [report(path, options.cuobjdump) for path in options.library]
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
