"""The xformers fallback beside torch's attention called directly.

    python benchmarks/fallbacks/attention.py

Needs a torch that sees a GPU; nothing else. Times are medians of 30 runs, forward and backward, with
Python's part; both sides take turns in one process. The direct side gets its tensors in the layout
that it wants. Of blocks, the direct side is one call a block, and one call with a mask.
"""

from __future__ import annotations

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
REPS = 30
COLUMNS = {
    "what": "",
    "ms": ".3f",
    "direct_ms": ".3f",
    "ratio": ".2f",
    "error": ".1e",
    "import_ms": ".1f",
}
# batch, tokens, heads, dimension, dtype, causal
DENSE = (
    (2, 4096, 16, 64, "float16", False),
    (2, 4096, 16, 64, "float16", True),
    (8, 1024, 12, 64, "bfloat16", False),
    (2, 1024, 8, 40, "float32", False),
    (16, 77, 8, 64, "float16", False),
)
# lengths of blocks, heads, dimension, dtype
BLOCKS = (
    ([512] * 32, 12, 64, "float16"),
    ([37 * (n % 13 + 1) for n in range(64)], 12, 64, "float16"),
    ([37 * (n % 13 + 1) for n in range(64)], 12, 64, "float32"),
    ([5 * (n % 31 + 1) for n in range(400)], 8, 32, "bfloat16"),
)


def rows() -> Iterator[dict[str, Any]]:
    """One row a shape: the keys of COLUMNS."""
    sys.path.insert(0, str(ROOT / "src"))
    from gpufix.fallbacks.pack import tree

    with tempfile.TemporaryDirectory() as folder:
        for name, content in tree("xformers").items():
            path = Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        command = [sys.executable, __file__, "--measure"]
        env = {**os.environ, "PYTHONPATH": folder}
        done = subprocess.run(command, env=env, stdout=subprocess.PIPE, text=True, check=True)
    import json

    yield from map(json.loads, done.stdout.splitlines())


# ---- in a process of its own -----------------------------------------------------------------
def measure() -> Iterator[dict[str, Any]]:
    """Every row, with the xformers that this process imports."""
    import torch

    torch.zeros(1, device="cuda")
    start = time.perf_counter()
    import xformers.ops as xops

    import_ms = 1e3 * (time.perf_counter() - start)
    for row in (*_dense(torch, xops), *_blocks(torch, xops)):
        yield {**row, "import_ms": import_ms}


def _dense(torch: Any, xops: Any) -> Iterator[dict[str, Any]]:
    for batch, tokens, heads, dim, dtype, causal in DENSE:
        q, k, v = _drawn(torch, 3, (batch, tokens, heads, dim), dtype)
        bias = xops.LowerTriangularMask() if causal else None
        turned = [t.detach().transpose(1, 2).contiguous().requires_grad_() for t in (q, k, v)]

        def ours(q: Any = q, k: Any = k, v: Any = v, bias: Any = bias) -> Any:
            return xops.memory_efficient_attention(q, k, v, attn_bias=bias)

        def direct(turned: Any = turned, causal: bool = causal) -> Any:
            attend = torch.nn.functional.scaled_dot_product_attention
            return attend(*turned, is_causal=causal)

        error = (ours() - direct().transpose(1, 2)).abs().max().item()
        mine, theirs = _medians(torch, (ours, (q, k, v)), (direct, turned))
        shape = f"{batch}×{tokens}×{heads}×{dim} {dtype}{' causal' if causal else ''}"
        yield _row(shape, mine, theirs, error)


def _blocks(torch: Any, xops: Any) -> Iterator[dict[str, Any]]:
    attend = torch.nn.functional.scaled_dot_product_attention
    for lengths, heads, dim, dtype in BLOCKS:
        q, k, v = _drawn(torch, 3, (1, sum(lengths), heads, dim), dtype)
        bias = xops.fmha.BlockDiagonalMask.from_seqlens(lengths)

        def ours(q: Any = q, k: Any = k, v: Any = v, bias: Any = bias) -> Any:
            return xops.memory_efficient_attention(q, k, v, attn_bias=bias)

        def each(q: Any = q, k: Any = k, v: Any = v, lengths: Any = lengths) -> Any:
            parts = zip(*(t.transpose(1, 2).split(lengths, dim=2) for t in (q, k, v)), strict=True)
            return torch.cat([attend(*part) for part in parts], dim=2).transpose(1, 2)

        error = (ours() - each()).abs().max().item()
        mine, theirs = _medians(torch, (ours, (q, k, v)), (each, (q, k, v)))
        count = f"{len(lengths)} blocks of {min(lengths)} – {max(lengths)}, {heads}×{dim} {dtype}"
        yield _row(f"{count}, against a call each", mine, theirs, error)


def _row(what: str, mine: float, theirs: float, error: float) -> dict[str, Any]:
    return {"what": what, "ms": mine, "direct_ms": theirs, "ratio": mine / theirs, "error": error}


def _drawn(torch: Any, count: int, shape: tuple[int, ...], dtype: str) -> list[Any]:
    made = torch.Generator("cuda").manual_seed(0)
    kind = getattr(torch, dtype)
    return [
        torch.randn(shape, generator=made, device="cuda", dtype=kind).requires_grad_()
        for _ in range(count)
    ]


def _medians(torch: Any, *sides: tuple[Callable[[], Any], Any]) -> list[float]:
    """Milliseconds of forward and backward, both sides in turn."""
    times: list[list[float]] = [[] for _ in sides]
    for turn in range(REPS + 5):
        for (run, inputs), kept in zip(sides, times, strict=True):
            torch.cuda.synchronize()
            start = time.perf_counter()
            out = run()
            torch.autograd.grad(out, inputs, out.detach())
            torch.cuda.synchronize()
            if turn >= 5:
                kept.append(1e3 * (time.perf_counter() - start))
    return [statistics.median(kept) for kept in times]


def main() -> int:
    """Prints the rows as a table."""
    if "--measure" in sys.argv[1:]:
        import json

        for row in measure():
            print(json.dumps(row), flush=True)
        return 0
    print("| " + " | ".join(COLUMNS) + " |\n" + "| --- " * len(COLUMNS) + "|")
    for row in rows():
        print("| " + " | ".join(format(row[n], form) for n, form in COLUMNS.items()) + " |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
