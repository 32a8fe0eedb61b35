"""A small Gaussian training, step by step: with the originals, and with the fallbacks.

    python benchmarks/fallbacks/training.py [--original FOLDER]

Needs a torch that sees a GPU and nvcc on PATH. FOLDER holds the originals' diff_gaussian_rasterization
and fused_ssim with their built extensions. 20,000 Gaussians at 512 x 512, Adam on all their
parameters, 0.8 L1 + 0.2 (1 - SSIM) against an image of other Gaussians. Each side runs in a process of
its own, three times in turn; figures are medians. ``gpu_ms``, ``step_ms`` and ``host_us`` are explained
in benchmarks/gpu_timing.py.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import splat

from gpu_timing import measure as timed

N, SIDE, TURNS = 20_000, 512, 3
COLUMNS = {"side": "", "gpu_ms": ".3f", "step_ms": ".3f", "host_us": ".0f", "loss": ".6f"}


def rows(original: Path | None = None) -> Iterator[dict[str, Any]]:
    """A row a side: the keys of COLUMNS."""
    with tempfile.TemporaryDirectory() as folder:
        splat.install(Path(folder))
        from gpufix.fallbacks.pack import tree

        for name, content in tree("fused_ssim").items():
            path = Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        sides = {"fallbacks": Path(folder)}
        if original is not None:
            sides = {"originals": original, **sides}
        runs: dict[str, list[dict[str, Any]]] = {side: [] for side in sides}
        for _ in range(TURNS):
            for side, site in sides.items():
                runs[side].append(_measured(site))
    for side, found in runs.items():
        yield {"side": side, **{key: statistics.median(r[key] for r in found) for key in found[0]}}


def _measured(site: Path) -> dict[str, Any]:
    env = {"GPUFIX_FALLBACK_NATIVE": "1", **os.environ, "PYTHONPATH": str(site)}
    command = [sys.executable, __file__, "--measure"]
    done = subprocess.run(command, env=env, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


# ---- one side, in its own process ----------------------------------------------------------------
def measure() -> dict[str, Any]:
    """The times of a step, and the loss after all of them."""
    import diff_gaussian_rasterization as package
    import fused_ssim
    import torch

    splat.WIDTH = splat.HEIGHT = SIDE
    kind = package.GaussianRasterizationSettings
    rasterizer = package.GaussianRasterizer(
        splat.settings(torch, kind, "antialiasing" in kind._fields)
    )
    with torch.no_grad():
        wanted = rasterizer(**splat.scene(torch, N))[0].clamp(0, 1)
    leaves = splat.scene(torch, N)
    with torch.no_grad():
        leaves["shs"].mul_(0.5)
        leaves["means3D"].add_(0.01)
    trained = [leaf for name, leaf in leaves.items() if name != "means2D"]
    optimizer = torch.optim.Adam(trained, lr=1e-3, eps=1e-15)
    last = [0.0]

    def step() -> None:
        image = rasterizer(**leaves)[0]
        similarity = fused_ssim.fused_ssim(image[None], wanted[None])
        loss = 0.8 * (image - wanted).abs().mean() + 0.2 * (1 - similarity)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        leaves["means2D"].grad = None
        last[0] = loss.detach()

    times = timed(step)
    return {**times._asdict(), "loss": float(last[0])}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--original", type=Path)
    parser.add_argument("--measure", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        print(json.dumps(measure()))
        return 0
    print("| " + " | ".join(COLUMNS) + " |\n|" + " --- |" * len(COLUMNS), flush=True)
    for row in rows(arguments.original):
        print("| " + " | ".join(format(row[name], form) for name, form in COLUMNS.items()) + " |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
