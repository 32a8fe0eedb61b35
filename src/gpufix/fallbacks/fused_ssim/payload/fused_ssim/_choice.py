"""The module's tiers, and how each is tried."""

from __future__ import annotations

import torch
from torch import Tensor

from ._eager import Eager
from ._gpufix_tiers import Tiers, Unusable, need_compile, need_triton
from ._node import NATIVE, wave
from ._window import RADIUS

EAGER = Eager()


def _cuda(device: torch.device) -> Eager:
    from ._cuda import Cuda

    run = _tried(Cuda(device), device)
    NATIVE.start()
    return run


def _triton(device: torch.device) -> Eager:
    need_triton(device)
    from ._by_triton import by_triton

    run = by_triton(device)
    for _ in range(3):  # each kernel compiled, launched by Triton, and as later calls launch it
        _tried(run, device)
    if device.type == "cuda":
        NATIVE.start()
    return run


def _compiled(device: torch.device) -> Eager:
    need_compile(device)
    if TIERS.wanted()[0] != "compile":
        raise Unusable("no faster than eager torch, and long to compile")
    from ._compiled import Compiled

    return _tried(Compiled(), device)


def _eager(device: torch.device) -> Eager:
    if device.type == "cuda":
        try:
            from ._jiterated import Jiterated

            return _tried(Jiterated(), device)
        except torch.cuda.OutOfMemoryError:
            raise
        except Exception:  # no run-time compiler: the same results, more slowly
            return EAGER
    return EAGER


def _tried(run: Eager, device: torch.device) -> Eager:
    """``run``, when its mean and gradient on small images are those of eager torch."""
    y = wave(device)
    ours, eager = _results(run, 0.8 * y, y), _results(EAGER, 0.8 * y, y)
    error = float((ours - eager).norm() / eager.norm())
    if not error < 1e-4:
        raise Unusable(f"a small image came out wrong (relative error {error:.1e})")
    return run


def _results(run: Eager, x: Tensor, y: Tensor) -> Tensor:
    """The gradient of the mean, times the mean."""
    mean, derivatives = run.mean(x, y, 1e-4, 9e-4, RADIUS, 0, True)
    assert derivatives is not None
    return run.mean_backward(x, y, derivatives, mean, x.numel(), RADIUS)


TIERS = Tiers(
    "fused_ssim",
    {"cuda": _cuda, "triton": _triton, "compile": _compiled, "eager": _eager},
)


def implementation(x: Tensor, radius: int) -> Eager:
    """What computes this image: other windows and float64 have no kernel of their own."""
    chosen: Eager = TIERS.on(x.device)
    return chosen if chosen.serves(x, radius) else EAGER
