"""The gsplat fallback beside gsplat: how far apart they are, and how long a step takes.

    python benchmarks/fallbacks/rasterization.py [--original FOLDER] [--agreement]

Needs a torch that sees a GPU. FOLDER holds gsplat with its built extension (`gsplat/csrc*.so`). Each side
runs in processes of its own. Scenes: uniform over 1920 × 1080 and over depths 2 to 12, 1.5 to 10.2 pixels,
harmonics of degree 3.

Times: forward and backward of one picture; `benchmarks/gpu_timing.py` says what the columns are. MiB
beyond the Gaussians, gradients included. With --agreement, three scenes a row: radii that differ, of those
that are visible; greatest relative differences of pictures, alphas and gradients (‖ours − theirs‖ /
‖theirs‖) and which input's; pixels that differ by over 1/255.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from gpu_timing import gpu_ms, measure

ROOT = Path(__file__).resolve().parent.parent.parent
WIDTH, HEIGHT = 1920, 1080
SIZES = {"200k": 200_000, "1M": 1_000_000}
SEEDS = 3
COLUMNS = {
    "gaussians": "", "side": "", "packed": "", "gpu_ms": ".2f", "step_ms": ".2f", "host_us": ".0f", "spread": ".2f",
    "forward_gpu_ms": ".2f", "extra_mib": ".0f", "first_call_s": ".2f",
}  # fmt: skip
KINDS: dict[str, dict[str, Any]] = {
    "classic": {},
    "classic, whole": {"packed": False, "absgrad": True},
    "antialiased, RGB+ED": {"rasterize_mode": "antialiased", "render_mode": "RGB+ED"},
    "three cameras": {"cameras": 3},
    "features": {"features": 4, "packed": False},
    "covariances": {"covars": True, "packed": False},
}
SCENES = [("1M", "classic"), *(("200k", kind) for kind in KINDS)]
AGREEMENT = {
    "scene": "", "radii": "", "visible": "", "picture": ".1e", "alphas": ".1e", "pixels": "", "gradients": ".1e",
    "of": "",
}  # fmt: skip


def rows(original: Path | None = None) -> Iterator[dict[str, Any]]:
    """One row a side, a scene and a way of keeping what lies between: the keys of COLUMNS."""
    with tempfile.TemporaryDirectory() as folder:
        install(Path(folder))
        for side, site in (("gsplat", original), ("fallback", Path(folder))):
            if site is not None:
                for line in _run(site, "times").splitlines():
                    if line.startswith("{"):
                        yield {"side": side, **json.loads(line)}


def agreement(original: Path) -> Iterator[dict[str, Any]]:
    """One row a kind of scene: the keys of AGREEMENT."""
    import torch

    with tempfile.TemporaryDirectory() as folder:
        sides = {"ours": Path(folder, "site"), "theirs": original}
        install(sides["ours"])
        for side, site in sides.items():
            _run(site, str(Path(folder, side)))
        for i, (size, kind) in enumerate(SCENES):
            found = [
                torch.load(Path(folder, f"{side}{i}.pt"), map_location="cuda") for side in sides
            ]
            row: dict[str, Any] = dict.fromkeys(AGREEMENT, 0) | {
                "scene": f"{size}, {kind}",
                "of": "",
            }
            for ours, theirs in zip(*found, strict=True):
                _compare(row, ours, theirs)
            yield row


def _compare(row: dict[str, Any], ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    def off(key: str) -> float:
        a, b = ours[key].double(), theirs[key].double()
        return float((a - b).norm() / b.norm().clamp(min=1e-30))

    row["radii"] += int((ours["radii"] != theirs["radii"]).any(-1).sum())
    row["visible"] += int((theirs["radii"] > 0).all(-1).sum())
    for key in ("picture", "alphas"):
        row[key] = max(row[key], off(key))
    row["pixels"] += int(
        ((ours["picture"] - theirs["picture"])[..., :3].abs().amax(-1) > 1 / 255).sum()
    )
    for key in ours:
        if key.startswith("by ") and (error := off(key)) > row["gradients"]:
            row["gradients"], row["of"] = error, key


def install(folder: Path) -> None:
    """The fallback as it is installed."""
    sys.path.insert(0, str(ROOT / "src"))
    from gpufix.fallbacks.pack import tree

    for name, content in tree("gsplat").items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def _run(site: Path, what: str) -> str:
    env = {**os.environ, "PYTHONPATH": str(site)}
    command = [sys.executable, __file__, "--run", what]
    return subprocess.run(command, env=env, check=True, stdout=subprocess.PIPE, text=True).stdout


# ---- one side, in its own process ----------------------------------------------------------------
def scene(torch: Any, n: int, cameras: int = 1, features: int = 0, seed: int = 1) -> dict[str, Any]:
    """Leaves that want gradients, and the cameras, a step beside each other."""
    draw = torch.Generator("cuda").manual_seed(seed)

    def uniform(*shape: int) -> Any:
        return torch.rand(*shape, device="cuda", generator=draw)

    z = 2 + 10 * uniform(n, 1)
    focal = 0.6 * WIDTH
    corner = torch.tensor([WIDTH, HEIGHT], device="cuda")
    screen = (1.1 * uniform(n, 2) - 0.55) * corner
    pose = torch.eye(4, device="cuda").repeat(cameras, 1, 1)
    pose[:, 0, 3] = 0.3 * torch.arange(cameras)
    lens = torch.tensor([[focal, 0, WIDTH / 2], [0, focal, HEIGHT / 2], [0, 0, 1]], device="cuda")
    leaves = {
        "means": torch.cat([screen * z / focal, z], 1),
        "quats": torch.randn(n, 4, device="cuda", generator=draw),
        "scales": 1.5 * (10.2 / 1.5) ** uniform(n, 3) * z / focal,
        "opacities": 0.02 + 0.97 * uniform(n),
        "colors": uniform(n, features)
        if features
        else 0.3 * torch.randn(n, 16, 3, device="cuda", generator=draw),
        "viewmats": pose,
    }
    given = {name: value.requires_grad_() for name, value in leaves.items()}
    size = {"width": WIDTH, "height": HEIGHT, "sh_degree": None if features else 3}
    return {**given, "Ks": lens.repeat(cameras, 1, 1), **size}


def times(size: str, packed: bool) -> dict[str, Any]:
    """A row of COLUMNS, without its side."""
    import gsplat
    import torch

    given = scene(torch, SIZES[size])
    given["viewmats"] = given["viewmats"].detach()
    leaves = [value for value in given.values() if getattr(value, "requires_grad", False)]
    weight = 2 * torch.rand(1, HEIGHT, WIDTH, 3, device="cuda") - 1

    def forward() -> Any:
        return gsplat.rasterization(**given, packed=packed)[0]

    def both() -> None:
        for leaf in leaves:
            leaf.grad = None
        forward().backward(weight)

    start = time.perf_counter()
    both()
    torch.cuda.synchronize()
    first = time.perf_counter() - start
    whole, forward_ms = measure(both), gpu_ms(forward)
    for leaf in leaves:
        leaf.grad = None
    torch.cuda.reset_peak_memory_stats()
    held = torch.cuda.memory_allocated()
    both()
    extra = (torch.cuda.max_memory_allocated() - held) / 2**20
    return {
        "gaussians": size,
        "packed": packed,
        **whole._asdict(),
        "forward_gpu_ms": forward_ms,
        "extra_mib": extra,
        "first_call_s": first,
    }


def result(
    size: str,
    into: str,
    cameras: int = 1,
    features: int = 0,
    covars: bool = False,
    **arguments: Any,
) -> None:
    """Pictures, alphas, radii and gradients of each seed, of all Gaussians and in order."""
    import gsplat
    import torch

    found = []
    for seed in range(SEEDS):
        given = scene(torch, SIZES[size], cameras, features, seed + 1)
        if covars:
            with torch.no_grad():
                matrices, _ = gsplat.quat_scale_to_covar_preci(
                    given["quats"], given["scales"], compute_preci=False
                )
            given |= {"covars": matrices.requires_grad_(), "quats": None, "scales": None}
        picture, alphas, meta = gsplat.rasterization(**given, **arguments)
        meta["means2d"].retain_grad()
        draw = torch.Generator("cuda").manual_seed(7)
        loss = (picture * (2 * torch.rand(picture.shape, device="cuda", generator=draw) - 1)).sum()
        (loss + (alphas * torch.rand(alphas.shape, device="cuda", generator=draw)).sum()).backward()
        leaves = {
            name: value for name, value in given.items() if getattr(value, "requires_grad", False)
        }
        gradients = {
            f"by {name}": leaf.grad for name, leaf in leaves.items() if leaf.grad is not None
        }
        shape = (cameras, SIZES[size])
        ids = (meta["camera_ids"], meta["gaussian_ids"])

        def spread(tensor: Any, shape: Any = shape, ids: Any = ids) -> Any:
            if ids[0] is None:
                return tensor.detach()
            return tensor.new_zeros(*shape, *tensor.shape[1:]).index_put_(ids, tensor.detach())

        seen = (meta["radii"] > 0).all(-1, keepdim=True)
        gradients["by the screen"] = spread(torch.where(seen, meta["means2d"].grad, 0))
        if arguments.get("absgrad"):
            gradients["by the screen, absolute"] = spread(
                torch.where(seen, meta["means2d"].absgrad, 0)
            )
        shown = {
            "picture": picture.detach(),
            "alphas": alphas.detach(),
            "radii": spread(meta["radii"]),
        }
        found.append({**shown, **gradients})
    torch.save(found, into)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--original", type=Path)
    parser.add_argument("--agreement", action="store_true")
    parser.add_argument("--run", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.run == "times":
        for size, packed in itertools.product(SIZES, (True, False)):
            print(json.dumps(times(size, packed)), flush=True)
        return 0
    if arguments.run:
        for i, (size, kind) in enumerate(SCENES):
            result(size, f"{arguments.run}{i}.pt", **KINDS[kind])
        return 0
    if arguments.agreement and arguments.original is None:
        parser.error("--agreement needs --original")
    columns = AGREEMENT if arguments.agreement else COLUMNS
    found = agreement(arguments.original) if arguments.agreement else rows(arguments.original)
    print("| " + " | ".join(columns) + " |\n|" + " --- |" * len(columns), flush=True)
    for row in found:
        print(
            "| " + " | ".join(format(row[name], form) for name, form in columns.items()) + " |",
            flush=True,
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
