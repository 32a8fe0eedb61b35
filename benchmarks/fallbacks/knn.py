"""The simple_knn fallback: time, memory and exactness of its tiers, beside the original where it is.

    python benchmarks/fallbacks/knn.py [--original FOLDER] [--cpu]

Needs a torch that sees a GPU, or --cpu. FOLDER holds the original's simple_knn with its built
extension. Times are medians of up to 20 runs within 2 seconds, on a cold cache and with Python's
part; the memory is what a run takes beyond the points, the result included. Exact means: at 512
points, those of the greatest and least results among them, and without another neighbour than
float64 over all points finds, to 1e-6 relative. Each tier runs in a process of its own.
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

ROOT = Path(__file__).resolve().parent.parent.parent
TIERS = ("triton", "eager")
REPS, SECONDS = 20, 2.0
COLUMNS = {
    "points": "",
    "tier": "",
    "ms": ".2f",
    "extra_mib": ".0f",
    "exact": "",
    "error": ".1e",
    "first_call_s": ".2f",
    "import_ms": ".1f",
}


def rows(
    original: Path | None = None, device: str = "cuda", only: tuple[str, ...] = ()
) -> Iterator[dict[str, Any]]:
    """One row per set of points and tier: the keys of COLUMNS. The original's tier is "original".

    ``only``: names of sets, none for all.
    """
    sys.path.insert(0, str(ROOT / "src"))
    from gpufix.fallbacks.pack import tree

    with tempfile.TemporaryDirectory() as folder:
        for name, content in tree("simple_knn").items():
            path = Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        if original is not None:
            yield from _measured("original", original, device, only)
        for tier in TIERS if device == "cuda" else TIERS[1:]:
            yield from _measured(tier, Path(folder), device, only)


def _measured(
    tier: str, site: Path, device: str, only: tuple[str, ...]
) -> Iterator[dict[str, Any]]:
    env = {**os.environ, "PYTHONPATH": str(site), "GPUFIX_FALLBACK_TIER": tier}
    if tier == "original":
        del env["GPUFIX_FALLBACK_TIER"]
    with tempfile.TemporaryDirectory() as cache:  # so that the first call compiles
        env["TRITON_CACHE_DIR"] = cache
        command = [sys.executable, __file__, "--measure", tier, "--device", device, "--only", *only]
        with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            yield from map(json.loads, process.stdout)
        if process.returncode:
            raise subprocess.CalledProcessError(process.returncode, command)


# ---- points --------------------------------------------------------------------------------------
def point_sets(torch: Any, device: str) -> Iterator[tuple[str, Any]]:
    """The same on every call: names and points."""
    draw = torch.Generator(device).manual_seed(1)
    million = 1000 * 1000

    def uniform(n: int) -> Any:
        return torch.rand(n, 3, device=device, generator=draw)

    def normal(n: int) -> Any:
        return torch.randn(n, 3, device=device, generator=draw)

    def pick(n: int, among: int) -> Any:
        return torch.randint(among, (n,), device=device, generator=draw)

    points = uniform(million)
    sphere = normal(million)
    widths = 0.0005 * 100 ** uniform(1000)[:, :1]
    cluster = pick(million, 1000)
    yield "100k uniform", uniform(100 * 1000)
    yield "1M uniform", points
    yield "1M on a sphere", sphere / sphere.norm(dim=1, keepdim=True)
    yield "1M in 1000 clusters", uniform(1000)[cluster] + widths[cluster] * normal(million)
    yield (
        "1M in 20 clusters of width 1e-6",
        uniform(20)[pick(million, 20)] + 1e-6 * normal(million),
    )
    yield "1M, 90% within 1e-12", points * torch.where(pick(million, 10) > 0, 1e-12, 1.0)[:, None]
    yield (
        "1M, 3% a thousand times farther",
        points * (1 + 999.0 * (pick(million, 33) == 0).float()[:, None]),
    )
    outlier = points.clone()
    outlier[0] = 1e12
    yield "1M, one at 1e12", outlier
    yield "1M, each about 3 times", points[pick(million, million // 3)]
    yield "1M in one place", points[:1].expand(million, 3).contiguous()
    yield "1M on a line", points * torch.tensor([1.0, 0.0, 0.0], device=device) + 0.5
    yield "1M on a plane", points * torch.tensor([1.0, 1.0, 0.0], device=device) + 0.5
    if device == "cuda":
        del points, sphere, outlier
        yield "4M uniform", uniform(4 * million)
        yield "20M uniform", uniform(20 * million)
        sphere = normal(20 * million)
        yield "20M on a sphere", sphere / sphere.norm(dim=1, keepdim=True)


# ---- one tier, in its own process ----------------------------------------------------------------
def measure(tier: str, device: str, only: list[str]) -> Iterator[dict[str, Any]]:
    """The rows of the simple_knn that this process imports."""
    import torch

    torch.zeros(1, device=device)
    start = time.perf_counter()
    from simple_knn._C import distCUDA2

    import_ms = 1e3 * (time.perf_counter() - start)
    small = torch.rand(1000, 3, device=device)
    start = time.perf_counter()
    distCUDA2(small)
    _wait(torch, device)
    first_call_s = time.perf_counter() - start
    for name, points in point_sets(torch, device):
        if only and name not in only:
            continue
        error = _error(torch, points, distCUDA2(points))
        yield {
            "points": name,
            "tier": tier,
            "ms": _median_ms(torch, device, lambda p=points: distCUDA2(p)),
            "extra_mib": _extra_mib(torch, lambda p=points: distCUDA2(p))
            if device == "cuda" and tier != "original"
            else float("nan"),
            "exact": error < 1e-6,
            "error": error,
            "first_call_s": first_call_s,
            "import_ms": import_ms,
        }


def _wait(torch: Any, device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()


def _median_ms(torch: Any, device: str, work: Callable[[], object]) -> float:
    flush = torch.empty(256 << 20, dtype=torch.uint8, device=device)
    times: list[float] = []
    begin = time.perf_counter()
    while len(times) < REPS and (not times or time.perf_counter() - begin < SECONDS):
        flush.zero_()
        _wait(torch, device)
        start = time.perf_counter()
        work()
        _wait(torch, device)
        times.append(1e3 * (time.perf_counter() - start))
    return statistics.median(times)


def _extra_mib(torch: Any, work: Callable[[], object]) -> float:
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    held = torch.cuda.memory_allocated()
    work()
    return float(torch.cuda.max_memory_allocated() - held) / 2**20


def _error(torch: Any, points: Any, got: Any) -> float:
    """The largest relative error at 512 points: half where results are extreme, half anywhere."""
    n = len(points)
    order = got.argsort()
    step = torch.arange(256, device=points.device) * (n - 1) // 255
    chosen = torch.cat((order[:128], order[-128:], step))
    worst = 0.0
    for some in chosen.split(32):
        d = torch.zeros(len(some), n, dtype=torch.float64, device=points.device)
        for axis in range(3):
            x = points[:, axis].double()
            d += (x[some, None] - x).square_()
        d[torch.arange(len(some), device=points.device), some] = torch.inf
        wanted = d.topk(3, largest=False).values.mean(1)
        difference = (got[some].double() - wanted).abs() / wanted.clamp(min=1e-37)
        worst = max(worst, float(difference.nan_to_num(torch.inf).max()))
    return worst


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--original", type=Path)
    parser.add_argument("--cpu", action="store_true")
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    parser.add_argument("--device", default="cuda", help=argparse.SUPPRESS)
    parser.add_argument("--only", nargs="*", default=[], help="names of sets")
    arguments = parser.parse_args()
    if arguments.measure:
        for row in measure(arguments.measure, arguments.device, arguments.only):
            print(json.dumps(row), flush=True)
        return 0
    print("| " + " | ".join(COLUMNS) + " |\n|" + " --- |" * len(COLUMNS), flush=True)
    good = True
    for row in rows(arguments.original, "cpu" if arguments.cpu else "cuda", tuple(arguments.only)):
        good &= row["exact"]
        cells = (format(row[name], form) for name, form in COLUMNS.items())
        print("| " + " | ".join(cells) + " |", flush=True)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
