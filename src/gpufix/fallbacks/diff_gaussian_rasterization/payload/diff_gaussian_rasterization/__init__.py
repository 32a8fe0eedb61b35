"""Gaussian splatting with diff-gaussian-rasterization's interface, on a kernel compiled for this machine.

Stands in for diff-gaussian-rasterization where its extension cannot be built. Settings without
``antialiasing`` give what its first version gave: color and radii; with it (True or False), the
inverse depth too.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from ._gpufix_tiers import outside_graphs
from ._rasterize import NEAR, given, rasterize, refused

__version__ = "0.0.0+gpufix"


class GaussianRasterizationSettings(NamedTuple):
    """One camera. ``viewmatrix`` and ``projmatrix`` are transposed: points are rows times matrix.

    ``tanfovx``, ``tanfovy``: tangents of half the field of view. ``projmatrix`` goes from the world to
    the image, its corners at -1 and 1. ``prefiltered`` promises that no point is nearer than 0.2.
    ``debug`` waits for each call, and writes its arguments to a file when it fails.
    """

    image_height: int
    image_width: int
    tanfovx: float
    tanfovy: float
    bg: Tensor
    scale_modifier: float
    viewmatrix: Tensor
    projmatrix: Tensor
    sh_degree: int
    campos: Tensor
    prefiltered: bool
    debug: bool
    antialiasing: bool | None = None


def rasterize_gaussians(
    means3D: Tensor,
    means2D: Tensor,
    sh: Tensor,
    colors_precomp: Tensor,
    opacities: Tensor,
    scales: Tensor,
    rotations: Tensor,
    cov3Ds_precomp: Tensor,
    raster_settings: GaussianRasterizationSettings,
) -> tuple[Tensor, ...]:
    """As GaussianRasterizer's forward; what is not given is an empty tensor."""
    return rasterize(
        means3D,
        means2D,
        given(sh),
        given(colors_precomp),
        opacities,
        given(scales),
        given(rotations),
        given(cov3Ds_precomp),
        raster_settings,
    )


class GaussianRasterizer(torch.nn.Module):
    """Renders Gaussians from one camera."""

    def __init__(self, raster_settings: GaussianRasterizationSettings) -> None:
        super().__init__()
        self.raster_settings = raster_settings

    @outside_graphs
    def markVisible(self, positions: Tensor) -> Tensor:
        """bool [N]: which points lie farther in front of the camera than 0.2."""
        with torch.no_grad():
            return farther(positions, self.raster_settings)

    @outside_graphs
    def forward(
        self,
        means3D: Tensor,
        means2D: Tensor,
        opacities: Tensor,
        shs: Tensor | None = None,
        colors_precomp: Tensor | None = None,
        scales: Tensor | None = None,
        rotations: Tensor | None = None,
        cov3D_precomp: Tensor | None = None,
    ) -> tuple[Tensor, ...]:
        """The image [3, H, W], radii in pixels (int32 [N], 0: not visible), and the inverse depth [1, H, W].

        Float32 on one GPU: ``means3D`` [N, 3]; ``opacities`` N; ``shs`` [N, M, 3] or ``colors_precomp``
        [N, 3]; ``scales`` [N, 3] and ``rotations`` [N, 4] (w x y z, of length 1) or ``cov3D_precomp``
        [N, 6]. ``means2D`` [N, 3] is not read: its gradient is that by the position on the screen, in
        halves of the image. Without Gaussians, the image is 0.

        Raises ValueError when both or none of a pair are given, RuntimeError for another dtype, shape or
        device and where the kernel does not run.
        """
        if (shs is None) == (colors_precomp is None):
            raise ValueError("give either shs or colors_precomp, and not both")
        shaped = scales is not None and rotations is not None
        partly = scales is not None or rotations is not None
        if not (shaped if cov3D_precomp is None else not partly):
            raise ValueError("give either scales and rotations or cov3D_precomp, and not both")
        settings = self.raster_settings
        if settings.prefiltered and not bool(self.markVisible(means3D).all()):
            raise RuntimeError(f"prefiltered is set, but there are points nearer than {NEAR}")
        return rasterize(
            means3D,
            means2D,
            shs,
            colors_precomp,
            opacities,
            scales,
            rotations,
            cov3D_precomp,
            settings,
        )


def farther(positions: Tensor, settings: GaussianRasterizationSettings) -> Tensor:
    """Without a matrix product, whose precision is a setting."""
    if positions.dim() != 2 or positions.shape[1] != 3:
        raise refused("positions", "[N, 3]", positions)
    view = settings.viewmatrix.to(positions.device)
    x, y, z = positions.unbind(1)
    return x * view[0, 2] + y * view[1, 2] + z * view[2, 2] + view[3, 2] > NEAR
