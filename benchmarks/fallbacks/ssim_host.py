"""Where the host's time of a fused_ssim step goes: the fallback, the original and an empty function in turn.

    python benchmarks/fallbacks/ssim_host.py --original FOLDER

Needs a torch that sees a GPU. FOLDER holds the original's fused_ssim and its built extension. One
process, one step of each after the other, so that all three meet the same host: microseconds until the
forward call returns, until the backward call returns, and until the GPU is done. The empty function is
an autograd function in Python whose backward pass returns a tensor that is there: what no fallback in
Python can go below. Medians of 200 steps, with the tenth and the ninetieth percentile.
"""

from __future__ import annotations

import argparse
import importlib
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

ROOT = Path(__file__).resolve().parent.parent.parent
SHAPES = (1, 3, 545, 980), (1, 3, 1080, 1920), (1, 3, 2160, 3840)
WARM, STEPS = 40, 200
PARTS = "forward", "backward", "step"

Forward = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


class Empty(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, mean: torch.Tensor, kept: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(kept)
        ctx.mark_dirty(mean)
        return mean

    @staticmethod
    def backward(ctx: Any, _: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        return ctx.saved_tensors[0], None, None


def empty(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    mean: torch.Tensor = Empty.apply(x, x.new_zeros(()), y)
    return mean


def loaded(site: Path) -> Forward:
    """The folder's fused_ssim, which forgets that another one was imported."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "fused_ssim"]:
        del sys.modules[name]
    sys.path.insert(0, str(site))
    try:
        function: Forward = importlib.import_module("fused_ssim").fused_ssim
    finally:
        sys.path.remove(str(site))
    return function


def step(forward: Forward, x: torch.Tensor, y: torch.Tensor) -> tuple[float, float, float]:
    x.grad = None
    torch.cuda.synchronize()
    begin = time.perf_counter()
    value = forward(x, y)
    computed = time.perf_counter()
    value.backward()
    returned = time.perf_counter()
    torch.cuda.synchronize()
    end = time.perf_counter()
    return 1e6 * (computed - begin), 1e6 * (returned - computed), 1e6 * (end - begin)


def measured(
    sides: dict[str, Forward], shape: tuple[int, ...]
) -> dict[str, list[tuple[float, ...]]]:
    y = torch.rand(shape, device="cuda")
    x = (0.7 * y + 0.3 * torch.rand_like(y)).requires_grad_()
    found: dict[str, list[tuple[float, ...]]] = {side: [] for side in sides}
    for _ in range(WARM + STEPS):
        for side, forward in sides.items():
            found[side].append(step(forward, x, y))
    return {side: rows[WARM:] for side, rows in found.items()}


def _told(values: tuple[float, ...]) -> str:
    tenths = statistics.quantiles(values, n=10)
    return f"{statistics.median(values):.0f} ({tenths[0]:.0f} – {tenths[-1]:.0f})"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--original", type=Path, required=True, help="folder with the original, built"
    )
    original = parser.parse_args().original
    os.environ.setdefault("GPUFIX_FALLBACK_NATIVE", "1")  # timed when it is compiled
    sys.path.insert(0, str(ROOT / "src"))
    from gpufix.fallbacks.pack import tree

    print("| shape | side | " + " | ".join(f"{part} µs" for part in PARTS) + " |")
    print("|" + " --- |" * (2 + len(PARTS)))
    with tempfile.TemporaryDirectory() as folder:
        for name, content in tree("fused_ssim").items():
            path = Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        sides = {"original": loaded(original), "fallback": loaded(Path(folder)), "empty": empty}
        for shape in SHAPES:
            for side, rows in measured(sides, shape).items():
                cells = " | ".join(_told(column) for column in zip(*rows, strict=True))
                print(f"| {'×'.join(map(str, shape))} | {side} | {cells} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
