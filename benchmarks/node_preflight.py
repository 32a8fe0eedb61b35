"""What `gpufix doctor --node` costs on this machine: wall time and CPU of whole runs, children included.

    python benchmarks/node_preflight.py [RUNS]

Beside it, in the same runs: `gpufix --version`, the cost of starting, and `nvidia-smi -q` where it is there.
"""

from __future__ import annotations

import resource
import shutil
import subprocess
import sys
import time
from statistics import median

RUNS = int(sys.argv[1]) if len(sys.argv) > 1 else 9
COMMANDS = {
    "gpufix --version": [sys.executable, "-m", "gpufix", "--version"],
    "gpufix doctor --node": [sys.executable, "-m", "gpufix", "doctor", "--node"],
}
if shutil.which("nvidia-smi"):
    COMMANDS["nvidia-smi -q"] = ["nvidia-smi", "-q"]


def spent() -> float:
    """CPU seconds of all children so far."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def once(command: list[str]) -> tuple[float, float]:
    begin, before = time.monotonic(), spent()
    subprocess.run(command, capture_output=True, check=False)
    return time.monotonic() - begin, spent() - before


def main() -> None:
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in COMMANDS}
    for command in COMMANDS.values():
        once(command)  # files and bytecode are read once
    for _ in range(RUNS):
        for name, command in COMMANDS.items():
            taken[name].append(once(command))
    print(f"{'':22}  wall s: min median max   CPU s: min median max")
    for name, rows in taken.items():
        columns = "   ".join(
            f"{min(c):7.3f} {median(c):6.3f} {max(c):6.3f}" for c in zip(*rows, strict=True)
        )
        print(f"{name:22} {columns}")


if __name__ == "__main__":
    main()
