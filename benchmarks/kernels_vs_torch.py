"""The suite's kernels beside torch's own and CUB's, on one GPU, in one run.

    python benchmarks/kernels_vs_torch.py --nvcc /usr/local/cuda/bin/nvcc

Needs a torch that sees a CUDA GPU. Every result of ours is validated by its program before it is
timed. Times are medians of 20 runs on a cold L2; ratio = their time / our time.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "src"))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from gpu_timing import cold_ms
from gpufix.kernels.compiler import build_all
from gpufix.kernels.execute import RunResult, achieved, roofs, run_program
from gpufix.kernels.formula import objects
from gpufix.kernels.manifest import COMMON, load
from gpufix.kernels.toolchain import KernelTarget, Toolchain, parse_target
from gpufix.process import Limits, Program, run

REPS = 20
NAMES = ("stream", "launch", "warp", "atomics", "sort", "ptx", "matmul", "attention")


def torch_side() -> dict[tuple[str, str], float]:
    """torch's time for each case that it has an equal of."""
    import torch

    def draw(*shape: int, dtype: torch.dtype = torch.bfloat16) -> torch.Tensor:
        return torch.empty(*shape, device="cuda", dtype=dtype).uniform_(-1, 1)

    a, b = draw(1 << 28, dtype=torch.float32), torch.empty(1 << 28, device="cuda")
    times = {("stream", "copy"): cold_ms(lambda: b.copy_(a))}
    times["warp", "sum"] = cold_ms(a.sum)
    x, y = draw(8192, 8192), draw(8192, 8192)
    times["matmul", "square"] = cold_ms(lambda: x @ y)
    q, k, v = draw(4, 16, 4096, 128) * 8, draw(4, 16, 4096, 128), draw(4, 16, 4096, 128)
    attend = torch.nn.functional.scaled_dot_product_attention
    times["attention", "full"] = cold_ms(lambda: attend(q, k, v))
    times["attention", "causal"] = cold_ms(lambda: attend(q, k, v, is_causal=True))
    with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.FLASH_ATTENTION):
        print("torch's flash kernel:", cold_ms(lambda: attend(q, k, v)), "ms")
        print("the same, causal:", cold_ms(lambda: attend(q, k, v, is_causal=True)), "ms")
    return times


def print_table(results: list[RunResult], theirs: dict[tuple[str, str], float]) -> None:
    for result in results:
        if result.status != "ok":
            print(f"{result.kernel:10} {result.status}: {result.cause} {result.message}")
        limits = roofs(result.device or {})
        for case in result.cases:
            line = f"{result.kernel:10} {case.name:11} {case.status:7} err {case.rel_err:.1e}"
            if case.time_ms:
                line += f"  {case.time_ms.median:9.4f} ms"
                if case.bytes:
                    line += f"  {case.bytes / case.time_ms.median / 1e6:7.0f} GB/s"
                if case.unit == "bf16" and case.flops:
                    line += f"  {case.flops / case.time_ms.median / 1e9:6.0f} TFLOP/s"
                if near := achieved(case, limits):
                    line += f"  {near.fraction:5.1%} of {near.bound}"
            if ours := theirs.get((result.kernel, case.name)) if case.time_ms else None:
                line += f"  torch {ours:.4f} ms, ratio {ours / case.time_ms.median:.3f}"
            print(line, dict(case.extra) or "")


def cub_direct(nvcc: Path, target: KernelTarget, scratch: Path) -> None:
    source, program = Path(__file__).with_name("sort_vs_cub.cu"), scratch / "sort_vs_cub"
    compiler = Toolchain("nvcc", nvcc)
    command = [nvcc, *compiler.arguments(target), f"-I{COMMON}", source, "-o", program]
    compiled = run(Program(command), Limits(300))
    if compiled.code != 0:
        sys.exit(f"sort_vs_cub does not compile:\n{compiled.stderr}")
    for line in objects(run(Program([program]), Limits(120)).stdout):
        if "ratio" in line:
            print("sort vs CUB called directly:", line)


def main() -> None:
    import torch

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nvcc", type=Path, default=Path("/usr/local/cuda/bin/nvcc"))
    parser.add_argument("--only", nargs="*", default=NAMES)
    args = parser.parse_args()
    major, minor = torch.cuda.get_device_capability()
    target = parse_target(f"sm_{major}{minor}")
    print(torch.cuda.get_device_name(), "torch", torch.__version__)
    with tempfile.TemporaryDirectory() as scratch:
        kernels = [load(name) for name in args.only]
        built = build_all(Toolchain("nvcc", args.nvcc), kernels, [target], Path(scratch))
        for b in built:
            print(f"built {b.kernel.name} in {b.seconds:.1f} s", b.log if not b.ok else "")
        results = [run_program(b.kernel, b.program) for b in built if b.program]
        if "sort" in args.only:
            cub_direct(args.nvcc, target, Path(scratch))
    print_table(results, torch_side())


if __name__ == "__main__":
    main()
