"""The parts of a picture, as gsplat's functions give them."""

from __future__ import annotations

import math
from typing import Any, Optional

import torch
from torch import Tensor

from .._choice import stages
from .._eager import entries, intersections, product, rotations, triangle
from .._errors import only_pinhole, uncovered, unlike
from .._gpufix_tiers import outside_graphs, without_autocast
from .._lens import Gaussians, Grid, Lens
from .._version import TWO_RADII


@outside_graphs
def quat_scale_to_covar_preci(
    quats: Tensor,
    scales: Tensor,
    compute_covar: bool = True,
    compute_preci: bool = True,
    triu: bool = False,
) -> tuple[Optional[Tensor], Optional[Tensor]]:
    """Covariances and their inverses [..., 3, 3], or their upper triangles [..., 6]; None: not asked for."""

    def squared(turned: Tensor) -> Tensor:
        whole = product(turned, turned.transpose(-1, -2))
        return triangle(whole) if triu else whole

    with without_autocast(quats.device):
        matrices = rotations(quats)
        covars = squared(matrices * scales[..., None, :]) if compute_covar else None
        return covars, squared(matrices / scales[..., None, :]) if compute_preci else None


@outside_graphs
def spherical_harmonics(
    degrees_to_use: int, dirs: Tensor, coeffs: Tensor, masks: Optional[Tensor] = None
) -> Tensor:
    """Colors [..., 3] of coefficients [..., K, 3] along directions [..., 3] of any length.

    0 where ``masks`` [...] is False. Raises NotImplementedError beyond degree 3.
    """
    if degrees_to_use > 3:
        raise uncovered("a degree of harmonics over 3", "use three")
    if coeffs.shape[:-2] != dirs.shape[:-1] or coeffs.shape[-2] < (degrees_to_use + 1) ** 2:
        raise unlike(
            "coeffs", f"{list(dirs.shape[:-1])} x at least {(degrees_to_use + 1) ** 2} x 3", coeffs
        )
    with torch.cuda.device_of(dirs), without_autocast(dirs.device):
        flat = coeffs.flatten(0, -3) if coeffs.dim() > 3 else coeffs.reshape(-1, *coeffs.shape[-2:])
        mask = None if masks is None else masks.reshape(-1)
        run = stages(dirs).harmonics
        return run(degrees_to_use, dirs.reshape(-1, 3), flat, None, mask).reshape(dirs.shape)  # type: ignore[no-any-return]


@outside_graphs
def fully_fused_projection(
    means: Tensor,
    covars: Optional[Tensor],
    quats: Optional[Tensor],
    scales: Optional[Tensor],
    viewmats: Tensor,
    Ks: Tensor,
    width: int,
    height: int,
    eps2d: float = 0.3,
    near_plane: float = 0.01,
    far_plane: float = 1e10,
    radius_clip: float = 0.0,
    packed: bool = False,
    sparse_grad: bool = False,
    calc_compensations: bool = False,
    camera_model: str = "pinhole",
    opacities: Optional[Tensor] = None,
) -> tuple[Optional[Tensor], ...]:
    """Radii, means, depths and conics on the screen, and compensations (None unless asked for).

    [..., C, N, …]; ``packed``: batch, camera and Gaussian of each that is visible come first, and all are
    [n, …]. ``covars`` are upper triangles [..., N, 6]. What is not visible has a radius of 0.
    """
    only_pinhole(camera_model)
    if sparse_grad:
        raise uncovered("sparse_grad of a projection by itself", "call rasterization")
    batch = means.shape[:-2]
    n, cameras = means.shape[-2], viewmats.shape[-3]
    some = (means, covars, quats, scales, opacities)
    size = math.prod(batch)
    flat = (t if t is None else t.reshape(size, *t.shape[len(batch) :]) for t in some)
    lens = Lens(width, height, eps2d, near_plane, far_plane, radius_clip, calc_compensations)
    with torch.cuda.device_of(means), without_autocast(means.device):
        views, ks = viewmats.reshape(size, cameras, 4, 4), Ks.reshape(size, cameras, 3, 3)
        seen = stages(means).project(Gaussians(*flat), views, ks, lens, packed)
    radii = seen.radii if TWO_RADII else seen.radii.amax(-1)
    found: tuple[Any, ...] = (radii, seen.means2d, seen.depths, seen.conics, seen.compensations)
    if packed:
        image = seen.rows.div(max(n, 1), rounding_mode="floor")
        one = image.div(cameras, rounding_mode="floor")
        ids = (image % cameras, seen.rows % max(n, 1))
        return ((one, *ids) if TWO_RADII else ids) + found
    return tuple(t if t is None else t.reshape(*batch, cameras, n, *t.shape[2:]) for t in found)


@outside_graphs
def isect_tiles(
    means2d: Tensor,
    radii: Tensor,
    depths: Tensor,
    tile_size: int,
    tile_width: int,
    tile_height: int,
    sort: bool = True,
    segmented: bool = False,
    packed: bool = False,
    n_images: Optional[int] = None,
    image_ids: Optional[Tensor] = None,
    gaussian_ids: Optional[Tensor] = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """Tiles of each Gaussian, the intersections' ids, and the Gaussians that they are of.

    ``segmented`` changes nothing: the result is the same either way.
    """
    if packed and (n_images is None or image_ids is None):
        raise ValueError("gsplat: packed isect_tiles needs n_images and image_ids")
    images = n_images if packed else means2d[..., 0, 0].numel() if means2d.dim() > 2 else 1
    grid = Grid(int(images or 0), tile_width * tile_size, tile_height * tile_size, tile_size)
    flat = (
        radii.reshape(-1, 2) if radii.dim() == means2d.dim() else radii.reshape(-1, 1).expand(-1, 2)
    )
    with torch.no_grad(), without_autocast(means2d.device):
        depth = depths.reshape(-1)
        of = image_ids if packed else None
        number, tiles, ids, _ = entries(
            means2d.reshape(-1, 2), flat, None, None, of, depth, grid, sort
        )
        return number.reshape(depths.shape), intersections(tiles, ids, depth, grid), ids


@outside_graphs
def isect_offset_encode(
    isect_ids: Tensor, n_images: int, tile_width: int, tile_height: int
) -> Tensor:
    """Where each tile's part begins: int32 [images, tile_height, tile_width]."""
    grid = Grid(n_images, tile_width, tile_height, 1)
    number = isect_ids >> 32
    image = number >> grid.bits
    number = number - (image << grid.bits) + image * tile_width * tile_height
    bounds = torch.arange(grid.tiles, device=isect_ids.device)
    offsets = torch.searchsorted(number, bounds, out_int32=True)
    return offsets.reshape(n_images, tile_height, tile_width)


@outside_graphs
def rasterize_to_pixels(
    means2d: Tensor,
    conics: Tensor,
    colors: Tensor,
    opacities: Tensor,
    image_width: int,
    image_height: int,
    tile_size: int,
    isect_offsets: Tensor,
    flatten_ids: Tensor,
    backgrounds: Optional[Tensor] = None,
    masks: Optional[Tensor] = None,
    packed: bool = False,
    absgrad: bool = False,
) -> tuple[Tensor, Tensor]:
    """Pictures [..., H, W, D] and their alphas [..., H, W, 1].

    ``absgrad`` leaves the sums of the pixels' absolute gradients in ``means2d.absgrad``.
    """
    if masks is not None:
        raise uncovered("masks of tiles", "mask the picture")
    batch = isect_offsets.shape[:-2]
    ends = torch.cat((isect_offsets.flatten(), isect_offsets.new_tensor([len(flatten_ids)])))
    grid = Grid(isect_offsets[..., 0, 0].numel(), image_width, image_height, tile_size)
    if isect_offsets.shape[-2:] != (grid.down, grid.across):
        raise unlike("isect_offsets", f"[..., {grid.down}, {grid.across}]", isect_offsets)
    means, shapes, shades = (t.reshape(-1, t.shape[-1]) for t in (means2d, conics, colors))
    faint = opacities.reshape(-1)
    backs = None if backgrounds is None else backgrounds.reshape(-1, backgrounds.shape[-1])
    with torch.cuda.device_of(means2d), without_autocast(means2d.device):
        image, alphas = pixels(
            means2d, means, shapes, shades, faint, backs, flatten_ids, ends.int(), grid, absgrad
        )
    return image.reshape(*batch, *image.shape[1:]), alphas.reshape(*batch, *alphas.shape[1:])


def pixels(
    means2d: Tensor,
    flat: Tensor,
    conics: Tensor,
    colors: Tensor,
    opacities: Tensor,
    backgrounds: Optional[Tensor],
    ids: Tensor,
    ends: Tensor,
    grid: Grid,
    absgrad: bool,
) -> tuple[Tensor, Tensor]:
    """The last stage; ``flat`` is ``means2d`` as a list, ``means2d`` what gets ``absgrad``."""
    if grid.tile & (grid.tile - 1) or not 4 <= grid.tile <= 32:
        raise uncovered(f"tile_size={grid.tile}", "use 4, 8, 16 or 32")
    absolute = None
    if absgrad:
        if colors.shape[-1] > 4:
            raise uncovered(
                "absgrad with more than four channels", "render the others in a second call"
            )
        absolute = torch.zeros_like(flat)
        means2d.absgrad = absolute.view(means2d.shape)  # type: ignore[attr-defined]
    return stages(flat).render(  # type: ignore[no-any-return]
        flat, conics, colors, opacities, backgrounds, ids, ends, grid, absolute
    )
