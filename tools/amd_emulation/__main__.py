"""Runs the kernel suite's HIP programs in an emulator of AMD's machine code, without a GPU.

    git clone https://github.com/tinygrad/tinygrad
    python tools/amd_emulation --emulator tinygrad
    python tools/amd_emulation --emulator tinygrad --arch gfx942 --program warp --program header
    python tools/amd_emulation --emulator tinygrad --faults      # are seeded faults caught?
    python tools/amd_emulation --emulator tinygrad --probes      # what the emulator itself gets wrong

What it shows and what it cannot: docs/kernels.md, "Emulated". Exit status: 0 all valid, 1 something is
not, 2 something is missing here.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from amd_emulation import faults, probe
from amd_emulation.build import Builder, Missing, absent, program
from amd_emulation.run import Runner, show

PROGRAMS = (
    "header", "warp", "atomics", "launch", "stream", "sort", "knn", "ssim", "raster", "splat", "matmul", "attention",
)  # fmt: skip
_EMULATOR = Path("test") / "mockgpu" / "amd" / "emu.py"
_CACHE = Path.home() / ".cache" / "gpufix-amd-emulation"


def main() -> int:
    """The exit status."""
    options = arguments()
    try:
        return carry_out(options)
    except Missing as error:
        print(error, file=sys.stderr)
        return 2


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--emulator", type=Path, required=True, help="a checkout of tinygrad's repository")
    add("--program", action="append", choices=PROGRAMS, help="default: all")
    add(
        "--arch",
        default="gfx1100",
        help="gfx1100 (wave32) or gfx942 (wave64); default: %(default)s",
    )
    add("--case", help="one case of a program")
    add("--size", type=int, help="instead of the small sizes of --check-only")
    add("--seed", type=int, help="of the data; default: fresh each run")
    add(
        "--reverse",
        action="store_true",
        help="waves of a block take turns from the last to the first",
    )
    add(
        "--hip", type=Path, help="a folder with hip/hip_runtime.h; default: triton's, else Debian's"
    )
    add("--rocprim", type=Path, help="a folder with rocprim/rocprim.hpp; default: beside HIP's")
    add(
        "--work",
        type=Path,
        default=_CACHE,
        help="what is compiled is kept here; default: %(default)s",
    )
    add("--limit", type=float, default=3600.0, help="seconds for one program")
    add("--faults", action="store_true", help="seed faults into copies of the programs")
    add("--probes", action="store_true", help="run the programs of one instruction")
    return parser.parse_args()


def carry_out(options: argparse.Namespace) -> int:
    """The exit status. Raises Missing."""
    if not (options.emulator / _EMULATOR).is_file():
        raise Missing(
            f"no emulator in {options.emulator}: {_EMULATOR} is not there (a checkout of tinygrad)"
        )
    if sys.version_info < (3, 11):
        raise Missing("the emulator needs Python 3.11 or newer")
    commit = revision(options.emulator)
    work = options.work / commit[:12]
    print(f"tinygrad {commit[:12]}, {options.arch}", flush=True)
    os.environ["CC"] = program("clang")  # tinygrad's name for the compiler of its functions
    if options.probes:
        return probe.main(options.emulator)
    builder = Builder(options.arch, options.work / options.arch, options.hip, options.rocprim)
    runner = Runner(options.emulator, work / "instructions", options.arch, options.limit)
    if options.faults:
        return faults.main(builder, runner, options.program)
    return run_programs(options, builder, runner)


def run_programs(options: argparse.Namespace, builder: Builder, runner: Runner) -> int:
    """The exit status."""
    extra = ["--size", str(options.size)] if options.size else []
    extra += ["--case", options.case] if options.case else []
    extra += ["--seed", str(options.seed)] if options.seed is not None else []
    status = 0
    for name in options.program or PROGRAMS:
        found = builder.headers(name)
        if found is None:
            print(f"{name}: skipped, {absent(name)}", flush=True)
            continue
        print(f"{name}: HIP {found.version} from {found.hip}", flush=True)
        paths = builder.runtime(found), builder.program(name, found)
        outcome = runner.run(*paths, extra, options.reverse)
        show(name, outcome)
        status |= not outcome.valid
    return status


def revision(checkout: Path) -> str:
    """The commit of a checkout; "unknown" without git."""
    command = ["git", "-C", str(checkout), "rev-parse", "HEAD"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    return ended.stdout.strip() or "unknown"


if __name__ == "__main__":
    sys.exit(main())
