"""The fused_ssim fallback: time, memory and error of its tiers, beside the original where it is here.

    python benchmarks/fallbacks/ssim.py [--original FOLDER]

Needs a torch that sees a GPU; nothing else. FOLDER holds the original's fused_ssim and its built
extension. Times are medians of 20 runs, forward and backward of the mean, on a cold cache and with
Python's part; peaks are what the run takes beyond both images; errors are of the value, and relative
of the gradient, against float64. Each tier runs in a process of its own.

With --steps: the original and the fallback's CUDA kernels in turn, three processes a side, as benchmarks/gpu_timing.py times.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from gpu_timing import cold_ms
from gpu_timing import measure as timed

ROOT = Path(__file__).resolve().parent.parent.parent

SHAPES = ((1, 3, 1080, 1920), (5, 3, 1080, 1920), (1, 3, 2160, 3840), (1, 3, 545, 980))
TIERS = ("cuda", "triton", "compile", "eager")
REPS = 20
COLUMNS = {
    "shape": "",
    "tier": "",
    "ms": ".3f",
    "peak_mib": ".1f",
    "value_error": ".1e",
    "gradient_error": ".1e",
    "first_call_s": ".2f",
    "import_ms": ".1f",
}
STEP_SHAPES = SHAPES[3], SHAPES[0], SHAPES[2]
STEP_COLUMNS = {
    "side": "", "shape": "", "gpu_ms": ".3f", "step_ms": ".3f", "host_us": ".0f", "spread": ".2f",
}  # fmt: skip


def rows(original: Path | None = None) -> Iterator[dict[str, Any]]:
    """One row per shape and tier: the keys of COLUMNS. The original's tier is "original"."""
    sys.path.insert(0, str(ROOT / "src"))
    from gpufix.fallbacks.pack import tree

    with tempfile.TemporaryDirectory() as folder:
        for name, content in tree("fused_ssim").items():
            path = Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        if original is not None:
            yield from _measured("original", original)
        for tier in TIERS:
            yield from _measured(tier, Path(folder))


def step_rows(original: Path | None, turns: int = 3) -> Iterator[dict[str, Any]]:
    """One row per side and shape: medians over the turns of the keys of STEP_COLUMNS."""
    sys.path.insert(0, str(ROOT / "src"))
    from gpufix.fallbacks.pack import tree

    with tempfile.TemporaryDirectory() as folder:
        for name, content in tree("fused_ssim").items():
            path = Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        sides = {"cuda": Path(folder)} | ({"original": original} if original else {})
        found = [
            row
            for _ in range(turns)
            for side, site in sides.items()
            for row in _measured(side, site, "--steps")
        ]
    for side in sides:
        for shape in STEP_SHAPES:
            runs = [r for r in found if r["side"] == side and r["shape"] == _named(shape)]
            numbers = [key for key, form in STEP_COLUMNS.items() if form]
            medians = {key: statistics.median(r[key] for r in runs) for key in numbers}
            yield {"side": side, "shape": _named(shape), **medians}


def _named(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape))


def _measured(tier: str, site: Path, *more: str) -> Iterator[dict[str, Any]]:
    env = {"GPUFIX_FALLBACK_NATIVE": "1" if more else "0", **os.environ}  # a first call is short
    env |= {"PYTHONPATH": str(site), "GPUFIX_FALLBACK_TIER": tier}
    if tier == "original":
        del env["GPUFIX_FALLBACK_TIER"]
    with tempfile.TemporaryDirectory() as caches:  # so that the first call compiles
        env |= {
            "TRITON_CACHE_DIR": f"{caches}/triton",
            "TORCHINDUCTOR_CACHE_DIR": f"{caches}/inductor",
        }
        command = [sys.executable, __file__, "--measure", tier, *more]
        done = subprocess.run(command, env=env, stdout=subprocess.PIPE, text=True, check=True)
    yield from map(json.loads, done.stdout.splitlines())


# ---- one tier, in its own process ----------------------------------------------------------------
def measure(tier: str) -> Iterator[dict[str, Any]]:
    """The rows of the fused_ssim that this process imports."""
    import torch

    torch.zeros(1, device="cuda")
    start = time.perf_counter()
    import fused_ssim

    import_ms = 1e3 * (time.perf_counter() - start)
    small = torch.rand(1, 1, 32, 32, device="cuda", requires_grad=True)
    start = time.perf_counter()
    fused_ssim.fused_ssim(small, small.detach() * 0.9).backward()
    torch.cuda.synchronize()
    first_call_s = time.perf_counter() - start
    name = fused_ssim.tier().name if hasattr(fused_ssim, "tier") else tier
    for shape in SHAPES:
        y = torch.rand(shape, device="cuda")
        x = (0.7 * y + 0.3 * torch.rand_like(y)).requires_grad_()

        def step(x: torch.Tensor = x, y: torch.Tensor = y) -> torch.Tensor:
            x.grad = None
            value: torch.Tensor = fused_ssim.fused_ssim(x, y)
            value.backward()
            return value.detach()

        value = step()
        wanted, gradient = _reference(x.detach(), y)
        error = float((x.grad.double() - gradient).norm() / gradient.norm())
        yield {
            "shape": _named(shape),
            "tier": name,
            "ms": cold_ms(step),
            "peak_mib": _peak_mib(torch, step, x),
            "value_error": abs(float(value) - wanted),
            "gradient_error": error,
            "first_call_s": first_call_s,
            "import_ms": import_ms,
        }


def measure_steps(side: str) -> Iterator[dict[str, Any]]:
    """Each shape's times, of the fused_ssim that this process imports."""
    import fused_ssim
    import torch

    for shape in STEP_SHAPES:
        y = torch.rand(shape, device="cuda")
        x = (0.7 * y + 0.3 * torch.rand_like(y)).requires_grad_()

        def step(x: torch.Tensor = x, y: torch.Tensor = y) -> None:
            x.grad = None
            fused_ssim.fused_ssim(x, y).backward()

        times = timed(step)
        yield {"side": side, "shape": _named(shape), **times._asdict()}


def _peak_mib(torch: Any, work: Callable[[], object], x: Any) -> float:
    work()
    x.grad = None
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    held = torch.cuda.memory_allocated()
    work()
    return float(torch.cuda.max_memory_allocated() - held) / 2**20


def _reference(x: Any, y: Any) -> tuple[float, Any]:
    """Mean and gradient in float64 by two convolutions and autograd, a plane at a time."""
    import torch
    import torch.nn.functional as F

    line = torch.exp(-((torch.arange(11, dtype=torch.float64, device=x.device) - 5) ** 2) / 4.5)
    line = (line / line.sum())[None, None, None]
    count, total, gradient = x.numel(), 0.0, torch.empty_like(x, dtype=torch.float64)
    for b in range(x.shape[0]):
        for c in range(x.shape[1]):
            p = x[b, c][None, None].double().requires_grad_()
            q = y[b, c][None, None].double()
            ux, uy, xx, yy, xy = (
                F.conv2d(F.conv2d(t, line, padding=(0, 5)), line.mT, padding=(5, 0))
                for t in (p, q, p * p, q * q, p * q)
            )
            upper = (2 * ux * uy + 1e-4) * (2 * (xy - ux * uy) + 9e-4)
            map_ = upper / ((ux**2 + uy**2 + 1e-4) * (xx - ux**2 + yy - uy**2 + 9e-4))
            mean = map_.sum() / count
            mean.backward()
            total += float(mean.detach())
            gradient[b, c] = p.grad[0, 0]
    return total, gradient


def main() -> int:
    """Prints the table; with --measure, one tier's rows as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--original", type=Path, help="folder with the original, built")
    parser.add_argument("--steps", action="store_true", help="host and GPU apart")
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        run = measure_steps if arguments.steps else measure
        for row in run(arguments.measure):
            print(json.dumps(row))
        return 0
    columns = STEP_COLUMNS if arguments.steps else COLUMNS
    print("| " + " | ".join(columns) + " |\n" + "| --- " * len(columns) + "|")
    for row in (step_rows if arguments.steps else rows)(arguments.original):
        cells = (format(row[name], form) for name, form in columns.items())
        print("| " + " | ".join(cells) + " |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
