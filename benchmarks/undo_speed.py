"""CPU seconds to keep and to compare an environment of 25,000 files: what a run pays besides its programs.

    python benchmarks/undo_speed.py [--files 25000] [--runs 5] [SOURCE...]

SOURCE: folders with a `src/gpufix` to be measured in turn, round by round (default: this checkout's).
Prints medians. Asked: 1.2 s in all.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ASKED = 1.2  # CPU seconds
HERE = Path(__file__).parent.parent
_PER_FOLDER = 25
# Run with the measured source first on the path: prints the seconds of both parts.
_MEASURE = """
import sys, time
from pathlib import Path
from gpufix.engine.journal.guard import Guard
from gpufix.engine.journal.journal import Journal
from gpufix.engine.journal.listing import Scope

prefix, folder = sys.argv[1], Path(sys.argv[2])
folder.mkdir(parents=True)
with Journal(folder / "journal") as journal:
    guard = Guard(journal, folder, 0)
    start = time.process_time()
    guard.open([Scope(prefix, near=prefix)])
    kept = time.process_time()
    guard.close()
    print(kept - start, time.process_time() - kept)
"""


def environment(prefix: Path, files: int) -> None:
    """So many files, in folders as packages have them."""
    for number in range(files):
        folder = prefix / f"lib/site-packages/pkg{number // 500}/part{number // _PER_FOLDER}"
        if number % _PER_FOLDER == 0:
            folder.mkdir(parents=True)
        (folder / f"module{number}.py").write_bytes(b"x = 1\n")


def measure(source: Path, prefix: Path, state: Path) -> tuple[float, float]:
    """(keep, compare) in CPU seconds, in a process of its own."""
    shutil.rmtree(state, ignore_errors=True)
    command = [sys.executable, "-c", _MEASURE, str(prefix), str(state / "runs/one")]
    env = {**os.environ, "PYTHONPATH": str(source / "src")}
    said = subprocess.run(command, env=env, check=True, capture_output=True, text=True).stdout
    keep, compare = map(float, said.split())
    return keep, compare


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sources", nargs="*", type=Path, default=[HERE])
    parser.add_argument("--files", type=int, default=25_000)
    parser.add_argument("--runs", type=int, default=5)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="gpufix-undo-speed-") as above:
        prefix = Path(above) / "env"
        environment(prefix, chosen.files)
        found: dict[Path, list[tuple[float, float]]] = {source: [] for source in chosen.sources}
        for _ in range(chosen.runs):
            for source in chosen.sources:
                found[source].append(measure(source, prefix, Path(above) / "state"))
    total = 0.0
    for source, times in found.items():
        keep, compare = (statistics.median(part) for part in zip(*times, strict=True))
        total = keep + compare
        print(f"{total:6.2f} s  keep {keep:.2f}  compare {compare:.2f}  {source.resolve()}")
    return 0 if total <= ASKED else 1


if __name__ == "__main__":
    raise SystemExit(main())
