"""CPU seconds and peak memory of gpufix beside `import torch` and other tools, in one run.

    python benchmarks/doctor_speed.py [--runs 7] [--no-others] [--patient PYTHON] [--against CHECKOUT]

Builds a venv with torch 2.13 CPU, scipy, pandas and opencv-python-headless, and one with the
other tools (env-doctor, cuda-doctor), measures every command in turn, round by round, and prints
medians and ratios. With --against, gpufix of another checkout is measured as well. Wall time is shown but not judged: machines are shared.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

PATIENT = ["torch==2.13.0", "scipy", "pandas", "opencv-python-headless"]
OTHERS = ["env-doctor", "cuda-doctor"]
SOURCE = Path(__file__).parent.parent


@dataclass(frozen=True)
class Sample:
    """One run: CPU seconds (children included), wall seconds, peak resident MiB of one process."""

    cpu: float
    wall: float
    peak: float


def venv(folder: Path, *requirements: str) -> Path:
    """Create a venv; returns its python."""
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    python = folder / "bin" / "python"
    subprocess.run([str(python), "-m", "pip", "install", "-q", *requirements], check=True)
    return python


def measure(command: Sequence[str], folder: Path) -> Sample:
    """Run a command once and read its resource usage."""
    env = {"PATH": os.environ["PATH"], "HOME": str(folder), "LANG": "C.UTF-8"}
    start, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder, env=env
    )
    _, _, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = (after.ru_utime - before.ru_utime) + (after.ru_stime - before.ru_stime)
    return Sample(cpu, wall, usage.ru_maxrss / 1024)


def commands(
    patient: Path, tools: Path | None, gpufix: str, against: str | None
) -> dict[str, list[str]]:
    """What is measured; the first one is what the others are compared with."""
    found = {
        "import torch": [str(patient), "-c", "import torch"],
        "gpufix doctor": [gpufix, "doctor", "--python", str(patient)],
        "gpufix doctor --gpu sm_120": [
            gpufix,
            "doctor",
            "--python",
            str(patient),
            "--gpu",
            "sm_120",
        ],
        **(
            {"gpufix doctor, --against": [against, "doctor", "--python", str(patient)]}
            if against
            else {}
        ),
        "gpufix --version": [gpufix, "--version"],
        "torch.utils.collect_env": [str(patient), "-m", "torch.utils.collect_env"],
    }
    if tools is not None:
        found["env-doctor check"] = [str(tools.parent / "env-doctor"), "check"]
        found["cuda-doctor doctor"] = [str(tools.parent / "cuda-doctor"), "doctor"]
    return {name: c for name, c in found.items() if Path(c[0]).exists()}


def main() -> None:
    """Build, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--no-others", action="store_true")
    parser.add_argument("--patient", type=Path, help="use this environment's python")
    parser.add_argument("--against", type=Path, help="another checkout of gpufix")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        patient = options.patient or venv(folder / "patient", *PATIENT)
        own = venv(folder / "gpufix", str(SOURCE))
        other = venv(folder / "against", str(options.against)) if options.against else None
        tools = None if options.no_others else venv(folder / "others", *OTHERS)
        against = str(other.parent / "gpufix") if other else None
        todo = commands(patient, tools, str(own.parent / "gpufix"), against)
        samples: dict[str, list[Sample]] = {name: [] for name in todo}
        for turn in range(options.runs + 1):
            for name, command in todo.items():
                sample = measure(command, folder)
                if turn:  # the first turn warms the page cache
                    samples[name].append(sample)
    table(samples)


def table(samples: dict[str, list[Sample]]) -> None:
    """Medians, and ratios to the first row."""
    print("| command | CPU s | × import torch | peak MiB | × import torch | wall s |")
    print("| --- | --- | --- | --- | --- | --- |")
    cpu0 = peak0 = 0.0
    for name, rows in samples.items():
        cpu, peak, wall = (
            statistics.median(getattr(row, field) for row in rows)
            for field in ("cpu", "peak", "wall")
        )
        cpu0, peak0 = cpu0 or cpu, peak0 or peak
        print(
            f"| {name} | {cpu:.2f} | {cpu / cpu0:.2f} | {peak:.0f} | {peak / peak0:.2f} | {wall:.2f} |"
        )


if __name__ == "__main__":
    main()
