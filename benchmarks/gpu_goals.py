"""What the GPU code must reach, measured on the GPU of this machine, both sides in one run.

    python benchmarks/gpu_goals.py --results goals.json [--original FOLDER] [--only PART]

Needs a torch that sees a GPU, nvcc on PATH, and gpufix's requirements. FOLDER holds the built originals:
fused_ssim, simple_knn and diff_gaussian_rasterization. Each part is written to the file when it is done,
and not measured again: a run that was broken off goes on where it was. Figures are medians of three
runs; what the host bounds is given as its microseconds a step too. Exit status 1: a goal is missed.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path[:0] = [str(ROOT / "src"), str(HERE)]

TURNS = 3
SSIM_BYTES = (
    44  # a value: both images read twice, three derivatives and the gradient written, those read
)


class Goal(NamedTuple):
    """A figure beside what it must not exceed (or, where `least`, fall below)."""

    what: str
    asked: float
    measured: float
    detail: str
    least: bool = False

    @property
    def reached(self) -> bool:
        return self.measured >= self.asked if self.least else self.measured <= self.asked


def part(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"goal_{name}", HERE / "fallbacks" / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def training(original: Path) -> Iterator[Goal]:
    sides = {row["side"]: row for row in part("training").rows(original)}
    ours, theirs = sides["fallbacks"], sides["originals"]
    told = ", ".join(
        f"{side} {row['step_ms']:.2f} ms, host {row['host_us']:.0f} µs"
        for side, row in sides.items()
    )
    yield Goal("training, a step", 0.85, ours["step_ms"] / theirs["step_ms"], told)


def ssim(original: Path) -> Iterator[Goal]:
    found = {(row["side"], row["shape"]): row for row in part("ssim").step_rows(original, TURNS)}
    for shape, asked in (("1×3×545×980", 0.8), ("1×3×1080×1920", 0.6), ("1×3×2160×3840", 0.55)):
        ours, theirs = found["cuda", shape], found["original", shape]
        told = (
            f"step {ours['step_ms']:.3f} of {theirs['step_ms']:.3f} ms, "
            f"GPU {ours['gpu_ms']:.3f} of {theirs['gpu_ms']:.3f} ms, "
            f"host {ours['host_us']:.0f} of {theirs['host_us']:.0f} µs"
        )
        yield Goal(f"fused_ssim {shape}, a step", asked, ours["step_ms"] / theirs["step_ms"], told)


def splat(original: Path) -> Iterator[Goal]:
    rows = list(part("splat").rows(original))
    for n in (200_000, 1_000_000, 3_000_000):
        times = {row["tier"]: row["both_ms"] for row in rows if row["gaussians"] == n}
        ours, theirs = times["compiled"], times["original"]
        told = f"{ours:.2f} of {theirs:.2f} ms"
        yield Goal(f"diff_gaussian_rasterization {n // 1000}k", 0.13, ours / theirs, told)


KNN = {
    "1M in 1000 clusters": ("triton", 0.2),
    "1M uniform": ("eager", 2.0),
    "1M on a sphere": ("eager", 2.0),
}


def knn(original: Path) -> Iterator[Goal]:
    found = {(r["points"], r["tier"]): r for r in part("knn").rows(original, "cuda", (*KNN,))}
    for name, (tier, asked) in KNN.items():
        ours, theirs = found[name, tier], found[name, "original"]
        told = f"{ours['ms']:.2f} of {theirs['ms']:.2f} ms, exact: {ours['exact']}"
        yield Goal(f"simple_knn {tier}, {name}", asked, ours["ms"] / theirs["ms"], told)


def suite(_: Path) -> Iterator[Goal]:
    """The suite's programs beside torch's kernels and, for ssim, beside what memory allows."""
    import torch

    from gpufix.kernels.compiler import build_all
    from gpufix.kernels.execute import run_program
    from gpufix.kernels.manifest import load
    from gpufix.kernels.toolchain import Toolchain, parse_target

    target = parse_target("sm_{}{}".format(*torch.cuda.get_device_capability()))
    kernels = [load(name) for name in ("stream", "ssim", "matmul", "attention")]
    times: dict[tuple[str, str], list[float]] = {}
    with tempfile.TemporaryDirectory() as scratch:
        built = build_all(Toolchain("nvcc", _nvcc()), kernels, [target], Path(scratch))
        for _turn in range(TURNS):
            for one in built:
                assert one.program is not None, one.log
                result = run_program(one.kernel, one.program)
                for case in result.cases:
                    if case.time_ms and case.status == "valid":
                        times.setdefault((result.kernel, case.name), []).append(case.time_ms.median)
            for key, value in _torch_side().items():
                times.setdefault(key, []).append(value)
    ms = {key: statistics.median(values) for key, values in times.items()}
    rate = 8 * 2**28 / ms["stream", "copy"]  # bytes a millisecond
    for shape, values in (("1x3x1080x1920", 3 * 1080 * 1920), ("1x3x2160x3840", 3 * 2160 * 3840)):
        floor, ours = SSIM_BYTES * values / rate, ms["ssim", shape]
        yield Goal(
            f"suite ssim {shape} over its floor", 1.5, ours / floor, f"{ours:.3f} of {floor:.3f} ms"
        )
    for kernel, case, theirs in (
        ("matmul", "square", "cuBLAS"), ("attention", "full", "flash"), ("attention", "causal", "flash"),
    ):  # fmt: skip
        ours, other = ms[kernel, case], ms[theirs, case]
        told = f"{ours:.3f} ms, torch ({theirs}) {other:.3f} ms"
        yield Goal(f"suite {kernel} {case}, speed of torch's", 0.8, other / ours, told, least=True)


def _nvcc() -> Path:
    found = shutil.which("nvcc")
    if found is None:
        raise RuntimeError("nvcc is not on PATH")
    return Path(found)


def _torch_side() -> dict[tuple[str, str], float]:
    import torch

    from gpu_timing import cold_ms

    def draw(*shape: int) -> torch.Tensor:
        return torch.empty(*shape, device="cuda", dtype=torch.bfloat16).uniform_(-1, 1)

    x, y = draw(8192, 8192), draw(8192, 8192)
    found = {("cuBLAS", "square"): cold_ms(lambda: x @ y)}
    q, k, v = draw(4, 16, 4096, 128) * 8, draw(4, 16, 4096, 128), draw(4, 16, 4096, 128)
    attend = torch.nn.functional.scaled_dot_product_attention
    with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.FLASH_ATTENTION):
        found["flash", "full"] = cold_ms(lambda: attend(q, k, v))
        found["flash", "causal"] = cold_ms(lambda: attend(q, k, v, is_causal=True))
    return found


def smoke(_: Path) -> Iterator[Goal]:
    """Whole commands by the wall clock; the first fills the cache."""
    with tempfile.TemporaryDirectory() as cache:
        path = os.pathsep.join(filter(None, [str(ROOT / "src"), os.environ.get("PYTHONPATH")]))
        env = {**os.environ, "PYTHONPATH": path, "XDG_CACHE_HOME": cache}
        cold = _command(env, "smoke", "--output", f"{cache}/cold.json", "--format", "json")
        warm = [_command(env, "smoke", "-v") for _ in range(TURNS)]
        quick = [_command(env, "smoke", "--quick") for _ in range(TURNS)]
    told = f"{', '.join(f'{s:.1f}' for s in warm)} s; nothing cached {cold:.1f} s"
    yield Goal("smoke, everything cached, seconds", 25, statistics.median(warm), told)
    told = ", ".join(f"{s:.1f}" for s in quick) + " s"
    yield Goal("smoke --quick, seconds", 10, statistics.median(quick), told)


def _command(env: dict[str, str], *arguments: str) -> float:
    begin = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "gpufix", *arguments, "--python", sys.executable],
        env=env,
        capture_output=True,
        text=True,
    )
    seconds = time.perf_counter() - begin
    if done.returncode:
        raise RuntimeError(f"gpufix {' '.join(arguments)}: {done.stdout}{done.stderr}"[-4000:])
    print(done.stdout, file=sys.stderr)
    return seconds


PARTS: dict[str, Callable[[Path], Iterator[Goal]]] = {
    "training": training, "ssim": ssim, "splat": splat, "knn": knn, "suite": suite, "smoke": smoke,
}  # fmt: skip
ALONE = ("suite", "smoke")  # no original beside them


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--results", type=Path, required=True, help="kept here, part by part")
    parser.add_argument("--original", type=Path, help="folder with the originals, built")
    parser.add_argument("--only", action="append", choices=PARTS)
    arguments = parser.parse_args()
    kept: dict[str, Any] = {}
    if arguments.results.exists():
        kept = json.loads(arguments.results.read_text())
    failed = False
    for name in arguments.only or PARTS:
        if name in kept or (arguments.original is None and name not in ALONE):
            continue
        begin = time.perf_counter()
        try:
            goals = list(PARTS[name](arguments.original))
        except (subprocess.CalledProcessError, RuntimeError, ImportError, KeyError) as error:
            print(f"{name}: not measured: {type(error).__name__}: {error}", flush=True)
            failed = True
            continue
        kept[name] = {"seconds": time.perf_counter() - begin, "goals": [g._asdict() for g in goals]}
        arguments.results.write_text(json.dumps(kept, indent=1))
    print("| | asked | measured | |\n| --- | --- | --- | --- |")
    for name, one in kept.items():
        for goal in (Goal(**row) for row in one["goals"]):
            bound = "≥" if goal.least else "≤"
            mark = f"**{goal.measured:.2f}**" if goal.reached else f"{goal.measured:.2f}"
            print(f"| {goal.what} | {bound} {goal.asked:g} | {mark} | {goal.detail} |")
            failed |= not goal.reached
        print(f"{name}: {one['seconds']:.0f} s", file=sys.stderr)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
