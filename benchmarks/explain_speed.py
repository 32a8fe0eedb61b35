"""CPU seconds and peak memory of `gpufix explain` on large logs.

    python benchmarks/explain_speed.py [--mebibytes 50] [--runs 3]

Logs are made up here: a ninja build of nvcc commands, ptxas remarks and warnings (with and without
an error at its end), a flood of compiler errors, near misses of known messages, one single line,
random bytes. Medians of child processes, interpreter start included. Nothing is asserted.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

ERROR = b"nvcc fatal   : Unsupported gpu architecture 'compute_120'\n"


def build(rng: random.Random) -> Iterator[bytes]:
    """What ninja prints of a large CUDA extension."""
    for step in range(10**9):
        yield (
            f"[{step}/5000] /usr/local/cuda/bin/nvcc --generate-dependencies-with-compile "
            f"-I/tmp/pip-req-build-x/csrc -I/env/lib/python3.11/site-packages/torch/include -c "
            f"/tmp/x/{step}.cu -o /tmp/x/{step}.o -D__CUDA_NO_HALF_OPERATORS__ -O3 -std=c++17 "
            "--expt-relaxed-constexpr -gencode arch=compute_80,code=sm_80 -DTORCH_EXTENSION_H\n"
        ).encode()
        for _ in range(rng.randrange(1, 8)):
            yield (
                f"ptxas info    : Compiling entry function '_ZN3foo{step}BarE' for 'sm_80'\n"
                f"    0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads\n"
                f'/tmp/x/{step}.cu({step}): warning #177-D: variable "v{step}" was declared but '
                "never referenced\n"
            ).encode()


def flood(_: random.Random) -> Iterator[bytes]:
    """One broken header, a million errors."""
    for step in range(10**9):
        yield f'a{step}.cu({step}): error: identifier "thing{step}" is undefined\n'.encode()


def near_misses(_: random.Random) -> Iterator[bytes]:
    """Lines that hold the words of many known messages, and none of them."""
    for step in range(10**9):
        yield f"{step} cuda runtime error code undefined symbol cannot find shared object\n".encode()


def random_bytes(rng: random.Random) -> Iterator[bytes]:
    """No text at all."""
    while True:
        yield rng.randbytes(1 << 16)


def one_line(_: random.Random) -> Iterator[bytes]:
    """No end of line anywhere."""
    while True:
        yield b"undefined symbol cuda error " * 2000


def own_words(rng: random.Random) -> Iterator[bytes]:
    """The words of all known messages, shuffled: each line looks like some of them, and is none."""
    from gpufix.knowledge.messages import messages, whole_words

    words = sorted({word for m in messages() for text in m.texts for word in whole_words(text)})
    while True:
        yield " ".join(rng.choices(words, k=rng.randrange(4, 14))).encode() + b"\n"


LOGS: dict[str, tuple[Callable[[random.Random], Iterator[bytes]], bytes]] = {
    "ninja build, error at its end": (build, ERROR),
    "ninja build, nothing known": (build, b""),
    "flood of compiler errors": (flood, b""),
    "near misses": (near_misses, b""),
    "our own words": (own_words, b""),
    "one line": (one_line, b""),
    "random bytes": (random_bytes, b""),
}


def write(path: Path, name: str, size: int) -> None:
    """Make up one log of about `size` bytes."""
    make, end = LOGS[name]
    left = size
    with path.open("wb") as file:
        for part in make(random.Random(1)):
            file.write(part)
            left -= len(part)
            if left <= 0:
                break
        file.write(end)


def measure(log: Path) -> tuple[float, float, float]:
    """CPU seconds, wall seconds, peak resident MiB of one run."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    command = [sys.executable, "-m", "gpufix", "explain", str(log), "--no-patient"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, _, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return cpu, wall, usage.ru_maxrss / 1024


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--mebibytes", type=int, default=50)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    print("| log | MiB | CPU s | wall s | peak MiB |\n| --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder, "log")
        for name, mebibytes in [("nothing to read", 0), *((n, options.mebibytes) for n in LOGS)]:
            if mebibytes:
                write(log, name, mebibytes << 20)
            else:
                log.write_bytes(b"")
            runs = [measure(log) for _ in range(options.runs)]
            cpu, wall, peak = (statistics.median(column) for column in zip(*runs, strict=True))
            print(f"| {name} | {mebibytes} | {cpu:.2f} | {wall:.2f} | {peak:.0f} |", flush=True)


if __name__ == "__main__":
    main()
