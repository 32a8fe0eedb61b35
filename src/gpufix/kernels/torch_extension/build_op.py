"""Runs in the patient: torch.utils.cpp_extension builds a small op, which is imported and checked.

    python build_op.py FOLDER        FOLDER is empty and writable; sources are copied into it

Prints the JSON lines that every program of the suite prints. Standard library and torch only.
"""

from __future__ import annotations

import json
import random
import shutil
import sys
from pathlib import Path
from typing import Any, NoReturn

HERE = Path(__file__).resolve().parent
SIZE = 1009  # no multiple of a block: the last one is partly empty
TOLERANCE = 1e-12


def say(**line: Any) -> None:
    print(json.dumps(dict(kernel="torch_extension", **line)), flush=True)


def fail(name: str, text: str, call: str) -> NoReturn:
    error = {"name": name, "text": text[-8000:], "call": call, "where": "build_op.py"}
    say(status="error", error=error)
    sys.exit(3)


def import_torch() -> Any:
    try:
        import torch

        return torch
    except Exception as error:
        fail(type(error).__name__, str(error), "import torch")


def why_no_gpu(torch: Any, cpp_extension: Any) -> str:
    """Why the op is built without its GPU half, or "" when it is built with it."""
    if not torch.cuda.is_available():
        return "torch sees no GPU"
    home = cpp_extension.ROCM_HOME if torch.version.hip else cpp_extension.CUDA_HOME
    return "" if home else "torch finds no GPU compiler"


def build(cpp_extension: Any, folder: Path, gpu: bool) -> Any:
    names = ["op.cpp", "op_gpu.cu"] if gpu else ["op.cpp"]
    for name in [*names, "swish.h"]:
        shutil.copy(str(HERE / name), str(folder))
    try:
        return cpp_extension.load(
            name="gpufix_swish",
            sources=[str(folder / name) for name in names],
            extra_cflags=["-O2"] + (["-DGPU_HALF"] if gpu else []),
            build_directory=str(folder),
        )
    except Exception as error:
        fail(type(error).__name__, str(error), "torch.utils.cpp_extension.load")


def check_forward(torch: Any, op: Any, device: str, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(SIZE, dtype=torch.float64, generator=generator)
    got = op.forward(x.to(device)).cpu()
    off = (got - x * torch.sigmoid(x)).abs().max().item()
    report(device + "_forward", off <= TOLERANCE, off)


def check_gradient(torch: Any, op: Any, device: str, seed: int) -> None:
    class Swish(torch.autograd.Function):  # type: ignore[misc]
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return op.forward(x)

        @staticmethod
        def backward(ctx: Any, grad: Any) -> Any:
            return op.backward(grad, *ctx.saved_tensors)

    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(37, dtype=torch.float64, generator=generator).to(device).requires_grad_()
    good = torch.autograd.gradcheck(Swish.apply, (x,), raise_exception=False)
    report(device + "_gradcheck", bool(good), 0.0 if good else None)


def report(case: str, valid: bool, error: float | None) -> None:
    sizes = {"n": SIZE}
    say(case=case, sizes=sizes, valid=valid, max_err=error, rel_err=error, tolerance=TOLERANCE)


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    torch = import_torch()
    from torch.utils import cpp_extension

    no_gpu = why_no_gpu(torch, cpp_extension)
    op = build(cpp_extension, Path(sys.argv[1]).resolve(), gpu=not no_gpu)
    seed = random.SystemRandom().getrandbits(31)
    for device in ("cpu", "cuda"):
        if device == "cuda" and no_gpu:
            for case in ("cuda_forward", "cuda_gradcheck"):
                say(case=case, status="not applicable", why=no_gpu)
            continue
        check_forward(torch, op, device, seed)
        check_gradient(torch, op, device, seed)


if __name__ == "__main__":
    main()
