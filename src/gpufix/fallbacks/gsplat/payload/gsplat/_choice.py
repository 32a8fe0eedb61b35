"""The module's tiers, and how each is tried.

There is no torch.compile among them: a tile's Gaussians are as many as they are, and every scene is a
shape of its own.
"""

from __future__ import annotations

from typing import Any, Callable, NamedTuple  # a subscript of the other one needs Python 3.9

import torch
from torch import Tensor

from . import _eager
from ._gpufix_tiers import Tiers, Unusable, need_triton
from ._lens import Gaussians, Grid, Lens


class Stages(NamedTuple):
    """A picture's stages; each as in ``_eager``."""

    project: Callable[..., Any]
    harmonics: Callable[..., Any]
    entries: Callable[..., Any]
    intersections: Callable[..., Any]
    render: Callable[..., Any]


EAGER = Stages(
    _eager.project, _eager.harmonics, _eager.entries, _eager.intersections, _eager.render
)


def stages(tensor: Tensor) -> Stages:
    """What computes with tensors like this one: the kernels know float32 only."""
    return TIERS.on(tensor.device) if tensor.dtype == torch.float32 else EAGER


def _triton(device: torch.device) -> Stages:
    need_triton(device)
    from . import _triton_harmonics, _triton_project, _triton_render, _triton_tiles

    found = Stages(
        _triton_project.project,
        _triton_harmonics.harmonics,
        _triton_tiles.entries,
        _triton_tiles.intersections,
        _triton_render.render,
    )
    ours, wanted = _picture(found, device), _picture(EAGER, device)
    error = float((ours - wanted).norm() / wanted.norm())
    if not error < 1e-3:
        raise Unusable(f"a small picture came out wrong (relative error {error:.1e})")
    return found


def _picture(run: Stages, device: torch.device) -> Tensor:
    """A picture of 24 Gaussians and its gradient, in a row."""
    n = 24
    wave = torch.arange(60 * n, dtype=torch.float32, device=device).mul_(0.7).sin_()
    means = (wave[: 3 * n].view(1, n, 3) + wave.new_tensor((0, 0, 3))).requires_grad_()
    quats, scales = (
        wave[3 * n : 7 * n].view(1, n, 4),
        wave[7 * n : 10 * n].abs().view(1, n, 3) * 0.3,
    )
    opacities, sh = wave[10 * n : 11 * n].abs().view(1, n), wave[12 * n :].view(n, 16, 3)
    pose = torch.eye(4, device=device)[None, None]
    k = wave.new_tensor(((30, 0, 20), (0, 30, 12), (0, 0, 1)))[None, None]
    with torch.enable_grad():
        g = Gaussians(means, None, quats, scales, opacities)
        seen = run.project(g, pose, k, Lens(40, 24, 0.3, 0.01, 1e10, 0.0, True), False)
        flat = [t[0] for t in seen[:5]]
        radii, means2d, depths, conics, factors = flat
        colors = run.harmonics(3, means[0], sh, None, radii) + 0.5
        grid = Grid(1, 40, 24, 16)
        faint = opacities[0] * factors
        _, _, ids, ends = run.entries(means2d, radii, conics, faint, None, depths, grid)
        picture, alphas = run.render(means2d, conics, colors, faint, None, ids, ends, grid)
        (gradient,) = torch.autograd.grad(picture.square().sum() + alphas.sum(), means)
    return torch.cat((picture.detach().flatten(), gradient.flatten()))


TIERS = Tiers("gsplat", {"triton": _triton, "eager": lambda device: EAGER})
