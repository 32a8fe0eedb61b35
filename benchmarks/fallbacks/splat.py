"""The diff_gaussian_rasterization fallback: time and memory, beside the original where it is.

    python benchmarks/fallbacks/splat.py [--original FOLDER]

Needs a torch that sees a GPU and nvcc on PATH. FOLDER holds the original's package with its built
extension. Times are medians of 20 runs with Python's part and torch's allocator; the memory is what
one forward and backward take beyond the Gaussians, gradients included. Each runs in its own process.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from gpu_timing import step_ms

ROOT = Path(__file__).resolve().parent.parent.parent

WIDTH, HEIGHT, REPS = 1920, 1080, 20
COLUMNS = {
    "gaussians": "",
    "tier": "",
    "forward_ms": ".2f",
    "both_ms": ".2f",
    "extra_mib": ".0f",
    "first_call_s": ".2f",
    "import_ms": ".1f",
}


def rows(original: Path | None = None) -> Iterator[dict[str, Any]]:
    """One row per scene: the keys of COLUMNS. The tier is "original" or ours, without and with depth."""
    with tempfile.TemporaryDirectory() as folder:
        install(Path(folder))
        if original is not None:
            yield from _measured("original", original)
        yield from _measured("compiled", Path(folder))
        yield from _measured("compiled, inverse depth", Path(folder))


def install(folder: Path) -> None:
    """The fallback as it is installed, for the GPU of this machine."""
    sys.path.insert(0, str(ROOT / "src"))
    import torch

    from gpufix.fallbacks.pack import tree
    from gpufix.kernels.manifest import COMMON, SUITE
    from gpufix.kernels.toolchain import Toolchain, parse_target

    for name, content in tree("diff_gaussian_rasterization").items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    target = parse_target("sm_{}{}".format(*torch.cuda.get_device_capability()))
    compiler = shutil.which("nvcc")
    if compiler is None:
        raise RuntimeError("nvcc is not on PATH")
    command = [compiler, *Toolchain("nvcc", Path(compiler)).arguments(target), "-shared"]
    source = SUITE / "splat" / "gaussians_c.cu"
    library = folder / "diff_gaussian_rasterization" / "_gaussians.so"
    pic = ["-Xcompiler", "-fPIC", f"-I{COMMON}"]
    subprocess.run([*command, *pic, str(source), "-o", str(library)], check=True)


def _measured(tier: str, site: Path) -> Iterator[dict[str, Any]]:
    env = {**os.environ, "PYTHONPATH": str(site)}
    command = [sys.executable, __file__, "--measure", tier]
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield from map(json.loads, process.stdout)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)


# ---- one implementation, in its own process ------------------------------------------------------
def scene(torch: Any, n: int, seed: int = 1) -> dict[str, Any]:
    """Uniform over the screen and over depths 2 to 12, 1.5 to 10.2 pixels, opacity uniform."""
    draw = torch.Generator("cuda").manual_seed(seed)

    def uniform(*shape: int) -> Any:
        return torch.rand(*shape, device="cuda", generator=draw)

    z = 2 + 10 * uniform(n, 1)
    focal = 0.6 * WIDTH
    corner = torch.tensor([WIDTH, HEIGHT], device="cuda")
    screen = (1.1 * uniform(n, 2) - 0.55) * corner
    rotations = torch.randn(n, 4, device="cuda", generator=draw)
    leaves = {
        "means3D": torch.cat([screen * z / focal, z], 1),
        "scales": 1.5 * (10.2 / 1.5) ** uniform(n, 3) * z / focal,
        "rotations": torch.nn.functional.normalize(rotations),
        "opacities": 0.02 + 0.97 * uniform(n, 1),
        "shs": 0.3 * torch.randn(n, 16, 3, device="cuda", generator=draw),
        "means2D": torch.zeros(n, 3, device="cuda"),
    }
    return {name: value.requires_grad_() for name, value in leaves.items()}


def settings(torch: Any, package: Any, depth: bool) -> Any:
    """Straight ahead along z, without antialiasing."""
    tan_x = 0.5 / 0.6
    tan_y = tan_x * HEIGHT / WIDTH
    flat = torch.zeros(4, 4)
    flat[0, 0], flat[1, 1], flat[2, 2], flat[3, 2] = 1 / tan_x, 1 / tan_y, 1, 1
    newer = {"antialiasing": False} if depth else {}
    return package(
        image_height=HEIGHT,
        image_width=WIDTH,
        tanfovx=tan_x,
        tanfovy=tan_y,
        bg=torch.tensor([0.2, 0.5, 0.1], device="cuda"),
        scale_modifier=1.0,
        viewmatrix=torch.eye(4, device="cuda"),
        projmatrix=flat.T.contiguous().cuda(),
        sh_degree=3,
        campos=torch.zeros(3, device="cuda"),
        prefiltered=False,
        debug=False,
        **newer,
    )


def measure(tier: str) -> Iterator[dict[str, Any]]:
    """The rows of the diff_gaussian_rasterization that this process imports."""
    import torch

    torch.zeros(1, device="cuda")
    start = time.perf_counter()
    import diff_gaussian_rasterization as package

    import_ms = 1e3 * (time.perf_counter() - start)
    first_call_s = 0.0
    for n in (200_000, 1_000_000, 3_000_000):
        leaves = scene(torch, n)
        kind = package.GaussianRasterizationSettings
        depth = "antialiasing" in kind._fields and tier != "compiled"
        rasterizer = package.GaussianRasterizer(settings(torch, kind, depth))
        weight = 2 * torch.rand(3, HEIGHT, WIDTH, device="cuda") - 1

        def both(render: Any = rasterizer, leaves: Any = leaves, weight: Any = weight) -> None:
            for leaf in leaves.values():
                leaf.grad = None
            render(**leaves)[0].backward(weight)

        torch.cuda.synchronize()
        start = time.perf_counter()
        both()
        torch.cuda.synchronize()
        first_call_s = first_call_s or time.perf_counter() - start
        yield {
            "gaussians": n,
            "tier": tier,
            "forward_ms": step_ms(lambda r=rasterizer, p=leaves: r(**p)),
            "both_ms": step_ms(both),
            "extra_mib": _extra_mib(torch, both, leaves),
            "first_call_s": first_call_s,
            "import_ms": import_ms,
        }


def _extra_mib(torch: Any, work: Callable[[], object], leaves: dict[str, Any]) -> float:
    for leaf in leaves.values():
        leaf.grad = None
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    held = torch.cuda.memory_allocated()
    work()
    return float(torch.cuda.max_memory_allocated() - held) / 2**20


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--original", type=Path)
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        for row in measure(arguments.measure):
            print(json.dumps(row), flush=True)
        return 0
    print("| " + " | ".join(COLUMNS) + " |\n|" + " --- |" * len(COLUMNS), flush=True)
    for row in rows(arguments.original):
        cells = (format(row[name], form) for name, form in COLUMNS.items())
        print("| " + " | ".join(cells) + " |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
