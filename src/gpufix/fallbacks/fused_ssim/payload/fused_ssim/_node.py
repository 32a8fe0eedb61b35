"""A step by way of C++ (_node.cpp) once that is compiled: no Python between the call and the GPU."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Callable

import torch
from torch import Tensor

from ._cut import MOST_SHAPES
from ._driver import address
from ._eager import Eager
from ._gpufix_native import Native
from ._window import C1, C2, RADIUS

NATIVE = Native("_fused_ssim_node", Path(__file__).with_name("_node.cpp"))


def _nothing(*_: Any) -> None:
    return None


# mean(img1, img2, padding, train, window_size): None where it is not C++'s
mean: Callable[..., Any] = _nothing
_known: set[tuple[Any, ...]] = set()


def step(*arguments: Any) -> Any:
    """The mean, with its place in autograd's graph; None where Python has to do it."""
    return None if _compiles_backward_passes() else mean(*arguments)


def _compiles_backward_passes() -> bool:
    """Compiled autograd, which takes no node but torch's own and Python's."""
    compiled = sys.modules.get("torch._dynamo.compiled_autograd")
    if compiled is None:
        return False
    config = sys.modules.get("torch._dynamo.config")
    asked = getattr(config, "compiled_autograd", False)
    return bool(asked or getattr(compiled, "compiled_autograd_enabled", False))


def learn(run: Eager, x: Tensor, margin: int) -> None:
    """After a step in Python: how C++ is to do the next one of this shape and stream."""
    module = NATIVE.module
    if module is None or (x.device.type == "cuda" and torch.cuda.is_current_stream_capturing()):
        return
    plan = run.plan(x, C1, C2, margin)
    if plan is None or (mean is _nothing and not _begun(module, run, x.device)):
        return
    key = x.device, x.shape, margin, plan.stream
    if key in _known:  # C++ has declined for another reason
        return
    if len(_known) >= MOST_SHAPES:
        module.clear()
        _known.clear()
    module.add(x, margin, *plan)
    _known.add(key)


def _begun(module: Any, run: Eager, device: torch.device) -> bool:
    """Whether C++ gives a small image's value and gradient as Python does; it is refused else."""
    global mean
    raw, launch = getattr(torch._C, "_cuda_getCurrentRawStream", None), address("cuLaunchKernel")
    y = wave(device)
    x = 0.8 * y
    plan = run.plan(x, C1, C2, 0)
    if raw is None or launch is None or plan is None:
        NATIVE.refuse("torch, Triton or the driver has no such interface")
        return False
    module.setup(launch, address("cuStreamIsCapturing") or 0, raw)
    module.add(x, 0, *plan)
    value, kept = run.mean(x, y, C1, C2, RADIUS, 0, True)
    assert kept is not None
    gradient = run.mean_backward(x, y, kept, None, x.numel(), RADIUS)
    with torch.enable_grad():
        x.requires_grad_()
        ours = module.mean(x, y, "same", True, 2 * RADIUS + 1)
        same = ours is not None and torch.equal(ours, value)
        same = same and torch.equal(torch.autograd.grad(ours, x)[0], gradient)
    if not same:
        NATIVE.refuse("a small image came out differently")
        return False
    mean = module.mean
    return True


def wave(device: torch.device) -> Tensor:
    """The small image by which a tier is tried."""
    values = torch.arange(2 * 13 * 17, dtype=torch.float32, device=device).mul_(0.7).sin_()
    return values.reshape(1, 2, 13, 17)
