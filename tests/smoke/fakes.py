"""A fake nvcc whose programs print what a file beside it says, and the pieces of a smoke run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from gpufix.kernels.manifest import Case, Kernel, load
from gpufix.kernels.toolchain import parse_target
from gpufix.model import Facts, Gpu, Host, Toolkit
from gpufix.smoke.request import SmokeRequest
from programs import HEAD, write_program

DEVICE = {
    "name": "Fake GPU", "arch": "sm_90", "bus_id": "0000:01:00.0", "units": 100,
    "clock_khz": 1_000_000, "memory_clock_khz": 1_000_000, "bus_bits": 4000, "integrated": False,
}  # fmt: skip
# The program that "nvcc" makes of launch.cu is the file programs/launch.py beside it.
SCRIPT = """\
import os, sys, time
here = {here!r}
if sys.argv[1:] == ["--version"]:
    print("fake: NVIDIA compiler\\nCuda compilation tools, release 13.0, V13.0.88")
    sys.exit(0)
source = os.path.basename([a for a in sys.argv if a.endswith(".cu")][0])
program = here + "/programs/" + source[:-3] + ".py"
if not os.path.exists(program):
    print(source + "(3): error: identifier is undefined", file=sys.stderr)
    sys.exit(2)
output = sys.argv[sys.argv.index("-o") + 1]
with open(output, "w") as file:
    file.write({head!r} + open(program).read())
os.chmod(output, 0o755)
"""


class Machine:
    """A folder with a fake toolkit; `program` says what a kernel's program does."""

    def __init__(self, folder: Path, arch: str = "sm_90") -> None:
        self.folder = folder
        self.nvcc = folder / "nvcc"
        write_program(self.nvcc, SCRIPT.format(head=HEAD, here=str(folder)))
        (folder / "programs").mkdir()
        toolkit = Toolkit(
            kind="cuda", root=str(folder), version="13.0", origin="PATH", compiler=str(self.nvcc)
        )
        self.facts = Facts(
            host=Host(os="Linux", kernel="6", machine="x86_64", cpus=2),
            toolkits=[toolkit],
            gpus=[
                Gpu(
                    vendor="nvidia",
                    index=0,
                    arch=arch,
                    name="Fake GPU",
                    source="nvml",
                    memory_total=24 << 30,
                    memory_free=1 << 29,
                )
            ],
        )

    def program(self, kernel: str, code: str) -> None:
        (self.folder / "programs" / f"{kernel}.py").write_text(code)

    def works(
        self, kernel: str, median: float = 1.0, sizes: dict[str, float] | None = None
    ) -> None:
        names = [case.name for case in load(kernel).cases]
        self.program(kernel, says(kernel, *(valid(kernel, n, median, sizes) for n in names)))

    def request(self, *kernels: str, **changes: Any) -> SmokeRequest:
        given: dict[str, Any] = {
            "targets": (parse_target("sm_90"),),
            "kernels": tuple(short(load(name)) for name in kernels),
            "with_torch_extension": False,
            "compile_only": False,
            "jobs": 2,
            "cache": self.folder / "cache",
            "env": {"PATH": "/usr/bin:/bin"},
        }
        return SmokeRequest(**{**given, **changes})


def short(kernel: Kernel) -> Kernel:
    """With a time limit that a test can wait for."""
    return Kernel(
        kernel.name, kernel.title, kernel.cases, kernel.needs, kernel.ptx_only, time_limit_s=2.0
    )


def valid(
    kernel: str, case: str, median: float, sizes: dict[str, float] | None = None, **changes: Any
) -> dict[str, Any]:
    time = {"median": median, "min": median * 0.9, "max": median * 1.1, "runs": 20}
    needed = sizes or _sizes(load(kernel).case(case))
    row = {"kernel": kernel, "case": case, "sizes": needed, "valid": True, "max_err": 0.0}
    return {**row, "rel_err": 0.0, "tolerance": 1e-6, "time_ms": time, **changes}


def _sizes(case: Case | None) -> dict[str, float]:
    assert case is not None
    names = ("n", "heads", "length", "dim", "width", "height", "triangles")
    return dict.fromkeys(names, 1000.0)


def says(kernel: str, *lines: dict[str, Any]) -> str:
    first = {"kernel": kernel, "device": DEVICE, "seed": "1"}
    return "\n".join(f"print({json.dumps(line)!r}, flush=True)" for line in (first, *lines)) + "\n"
