"""How often the diff_gaussian_rasterization fallback differs from the original, at real sizes.

    python benchmarks/fallbacks/splat_agreement.py --original FOLDER

Needs a torch that sees a GPU and nvcc on PATH. FOLDER holds the original's package with its built
extension. Each side runs in processes of its own: two versions of one rasteriser in a process mix up their
compiled modules. Images and gradients differ by their norms; pixels are those that differ by over 1/255.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

import splat

SCENES = (
    "200k",
    "1M",
    "3M",
    "1M, scales × 1e4",
    "1M, an opacity NaN, one -inf",
    "1M, harmonics NaN",
)
SEEDS = 3
COLUMNS = {
    "scene": "", "radii": "", "visible": "", "image": ".1e", "pixels": "", "gradient": ".1e", "not_finite": "",
}  # fmt: skip


def rows(original: Path | None = None) -> Iterator[dict[str, Any]]:
    """One row a scene: sums over the seeds, and the greatest differences."""
    import torch

    if original is None:
        raise RuntimeError("there is nothing to compare with: --original")

    with tempfile.TemporaryDirectory() as folder:
        site = Path(folder, "site")
        site.mkdir()
        splat.install(site)
        for scene in SCENES:
            row: dict[str, Any] = dict.fromkeys(COLUMNS, 0) | {"scene": scene, "not_finite": "0/0"}
            for seed in range(SEEDS):
                ours, theirs = (
                    _result(torch, Path(folder, f"{side}.pt"), at, scene, seed)
                    for side, at in (("ours", site), ("theirs", original))
                )
                _compare(torch, row, ours, theirs)
            yield row


def _result(torch: Any, file: Path, site: Path, scene: str, seed: int) -> dict[str, Any]:
    env = {**os.environ, "PYTHONPATH": str(site)}
    command = [
        sys.executable,
        __file__,
        "--measure",
        scene,
        "--seed",
        str(seed),
        "--into",
        str(file),
    ]
    subprocess.run(command, env=env, check=True)
    found: dict[str, Any] = torch.load(file, map_location="cuda")
    return found


def _compare(torch: Any, row: dict[str, Any], ours: Any, theirs: Any) -> None:
    def off(key: str) -> float:
        a, b = ours[key].double(), theirs[key].double()
        both = a.isfinite() & b.isfinite()
        return float((a - b)[both].norm() / b[both].norm().clamp(min=1e-30))

    row["radii"] += int((ours["radii"] != theirs["radii"]).sum())
    row["visible"] += int((theirs["radii"] > 0).sum())
    row["image"] = max(row["image"], off("image"))
    row["pixels"] += int(((ours["image"] - theirs["image"]).abs().amax(0) > 1 / 255).sum())
    gradients = [key for key in ours if key.startswith("by ")]
    row["gradient"] = max(row["gradient"], *map(off, gradients))
    counts = [int((~side["image"].isfinite()).sum()) for side in (ours, theirs)]
    before = map(int, row["not_finite"].split("/"))
    row["not_finite"] = "/".join(str(a + b) for a, b in zip(before, counts, strict=True))


# ---- one side, in its own process ----------------------------------------------------------------
def measure(scene: str, seed: int, into: Path) -> None:
    """The image, the radii and the gradients of one scene."""
    import diff_gaussian_rasterization as package
    import torch

    n = {"200k": 200_000, "1M": 1_000_000, "3M": 3_000_000}[scene.partition(",")[0]]
    leaves = splat.scene(torch, n, seed + 1)
    with torch.no_grad():
        if "scales" in scene:
            leaves["scales"].mul_(
                torch.where(torch.arange(n, device="cuda") % 97 == 0, 1e4, 1.0)[:, None]
            )
        if "opacity" in scene:
            leaves["opacities"][:2, 0] = torch.tensor([float("nan"), -float("inf")])
        if "harmonics" in scene:
            leaves["shs"][:5, 1:] = float("nan")
    kind = package.GaussianRasterizationSettings
    image, radii = package.GaussianRasterizer(splat.settings(torch, kind, False))(**leaves)[:2]
    draw = torch.Generator("cuda").manual_seed(7)
    image.backward(2 * torch.rand(image.shape, device="cuda", generator=draw) - 1)
    found = {f"by {name}": leaf.grad for name, leaf in leaves.items()}
    torch.save({"image": image.detach(), "radii": radii, **found}, into)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--original", type=Path)
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    parser.add_argument("--seed", type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument("--into", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        measure(arguments.measure, arguments.seed, arguments.into)
        return 0
    print("| " + " | ".join(COLUMNS) + " |\n|" + " --- |" * len(COLUMNS), flush=True)
    for row in rows(arguments.original):
        cells = (format(row[name], form) for name, form in COLUMNS.items())
        print("| " + " | ".join(cells) + " |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
