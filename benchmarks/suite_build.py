"""Wall and CPU seconds to compile the whole suite for one architecture, nothing cached.

python benchmarks/suite_build.py --kind nvcc --compiler /usr/local/cuda/bin/nvcc --target sm_90
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "src"))

from gpufix.kernels.compiler import build_all
from gpufix.kernels.manifest import suite
from gpufix.kernels.toolchain import KINDS, Toolchain, parse_target


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kind", choices=KINDS, default="nvcc")
    parser.add_argument("--compiler", type=Path, default=Path("/usr/local/cuda/bin/nvcc"))
    parser.add_argument("--target", type=parse_target, default=parse_target("sm_90"))
    parser.add_argument("--cores", type=int, default=2)
    args = parser.parse_args()
    cores = set(sorted(os.sched_getaffinity(0))[: args.cores])
    os.sched_setaffinity(0, cores)
    with tempfile.TemporaryDirectory() as cache:
        begin = time.monotonic()
        built = build_all(
            Toolchain(args.kind, args.compiler), suite(), [args.target], Path(cache), len(cores)
        )
        wall = time.monotonic() - begin
    for b in sorted(built, key=lambda b: -b.seconds):
        print(f"{b.kernel.name:10} {b.status:14} {b.seconds:5.1f} s  {b.log[:200]}")
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = spent.ru_utime + spent.ru_stime
    print(f"{args.target}: {wall:.1f} s on {len(cores)} cores, {cpu:.1f} CPU seconds")


if __name__ == "__main__":
    main()
