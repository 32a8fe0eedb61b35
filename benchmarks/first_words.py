"""How soon `gpufix doctor` says its first words on a terminal, beside `gpufix --version`.

    python benchmarks/first_words.py [RUNS]

Medians of the wall time from the start of the process to the first byte on a pseudo-terminal; exits
with 1 when the doctor needs more than 1.3 times as long. Runs alternate, so that a busy machine
slows both.
"""

from __future__ import annotations

import os
import pty
import statistics
import subprocess
import sys
import tempfile
import time

MOST = 1.3


def first_byte(arguments: list[str], cwd: str) -> float:
    """Seconds until something is printed."""
    ours, theirs = pty.openpty()
    begin = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "gpufix", *arguments],
        cwd=cwd,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    os.read(ours, 1)
    seconds = time.perf_counter() - begin
    process.kill()
    process.wait()
    os.close(ours)
    return seconds


def main() -> int:
    """Print both medians and their ratio."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    rows: dict[str, list[float]] = {"--version": [], "doctor": []}
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(runs):
            for command, seconds in rows.items():
                seconds.append(first_byte([command], folder))
    medians = {command: statistics.median(seconds) for command, seconds in rows.items()}
    ratio = medians["doctor"] / medians["--version"]
    for command, seconds_ in medians.items():
        print(f"gpufix {command}: {seconds_ * 1000:.0f} ms to the first byte (median of {runs})")
    print(f"ratio {ratio:.2f} (at most {MOST})")
    return 0 if ratio <= MOST else 1


if __name__ == "__main__":
    sys.exit(main())
