"""``rasterization``: Gaussians and cameras to pictures."""

from __future__ import annotations

import math
from typing import Any, Optional

import torch
from torch import Tensor

from ._choice import Stages, stages
from ._eager import triangle
from ._errors import only_pinhole, uncovered, unlike
from ._gpufix_tiers import outside_graphs, without_autocast
from ._lens import Gaussians, Grid, Lens, Projected
from ._sparse import sparse
from ._version import TWO_RADII
from .cuda._wrapper import pixels

MODES = ("RGB", "D", "ED", "RGB+D", "RGB+ED")


@outside_graphs
def rasterization(
    means: Tensor,
    quats: Tensor,
    scales: Tensor,
    opacities: Tensor,
    colors: Tensor,
    viewmats: Tensor,
    Ks: Tensor,
    width: int,
    height: int,
    near_plane: float = 0.01,
    far_plane: float = 1e10,
    radius_clip: float = 0.0,
    eps2d: float = 0.3,
    sh_degree: Optional[int] = None,
    packed: bool = True,
    tile_size: int = 16,
    backgrounds: Optional[Tensor] = None,
    render_mode: str = "RGB",
    sparse_grad: bool = False,
    absgrad: bool = False,
    rasterize_mode: str = "classic",
    channel_chunk: int = 32,
    distributed: bool = False,
    camera_model: str = "pinhole",
    segmented: bool = False,
    covars: Optional[Tensor] = None,
    with_ut: bool = False,
    with_eval3d: bool = False,
    **others: Any,
) -> tuple[Tensor, Tensor, dict[str, Any]]:
    """Pictures [..., C, H, W, X], their alphas [..., C, H, W, 1], and what lies between.

    Gaussians: ``means`` [..., N, 3], ``quats`` [..., N, 4] (w x y z, of any length), ``scales`` [..., N, 3]
    (or ``covars`` [..., N, 3, 3]), ``opacities`` [..., N]; ``colors`` [..., (C,) N, D], or with
    ``sh_degree`` coefficients [..., (C,) N, K, 3]. Cameras: ``viewmats`` [..., C, 4, 4] (world to camera),
    ``Ks`` [..., C, 3, 3]. ``render_mode``: RGB, D (accumulated depth), ED (expected depth), RGB+D, RGB+ED.
    ``channel_chunk`` and ``segmented`` change nothing. Gradients by everything but Ks.

    Raises NotImplementedError for what is not covered, ValueError for shapes that do not fit.
    """
    _covered(distributed, camera_model, with_ut, with_eval3d, others)
    if render_mode not in MODES or rasterize_mode not in ("classic", "antialiased"):
        raise ValueError(f"gsplat: no such mode: {render_mode!r}, {rasterize_mode!r}")
    batch, cameras = means.shape[:-2], viewmats.shape[-3]
    if sparse_grad and packed and not batch:
        means, quats, scales, covars = (
            t if t is None else sparse(t) for t in (means, quats, scales, covars)
        )
    g = _gaussians(means, quats, scales, opacities, covars)
    views, ks = (
        _flat(viewmats, "viewmats", (*batch, cameras, 4, 4)),
        _flat(Ks, "Ks", (*batch, cameras, 3, 3)),
    )
    shades = _colors(colors, sh_degree, batch, cameras, means.shape[-2])
    lens = Lens(
        width, height, eps2d, near_plane, far_plane, radius_clip, rasterize_mode == "antialiased"
    )
    grid = Grid(len(views) * cameras, width, height, tile_size)
    with torch.cuda.device_of(means), without_autocast(means.device):
        run = stages(means)
        seen = run.project(g, views, ks, lens, packed)
        scene = _Scene(run, g, seen, grid, cameras)
        faint = scene.opacities()
        channels = scene.channels(render_mode, shades, sh_degree, views)
        backs = _backgrounds(backgrounds, render_mode, (*batch, cameras))
        with torch.no_grad():
            number, tiles, ids, ends = run.entries(
                seen.means2d.reshape(-1, 2), seen.radii.reshape(-1, 2), seen.conics.reshape(-1, 3),
                faint.reshape(-1), scene.images, seen.depths.reshape(-1), grid,
            )  # fmt: skip
        shape = (*batch, cameras, means.shape[-2], 2)
        means2d = seen.means2d if packed else seen.means2d.reshape(shape)
        picture, alphas = pixels(
            means2d, means2d.reshape(-1, 2), seen.conics.reshape(-1, 3), channels, faint.reshape(-1),
            backs, ids, ends, grid, absgrad,
        )  # fmt: skip
        with torch.no_grad():  # after the picture, which is waited for
            crossed = run.intersections(tiles, ids, seen.depths.reshape(-1), grid)
        if render_mode.endswith("ED"):
            expected = picture[..., -1:] / alphas.clamp(min=1e-10)
            picture = torch.cat((picture[..., :-1], expected), -1)
    meta = {
        **scene.meta(batch, faint, number),
        "means2d": means2d,
        "isect_ids": crossed,
        "flatten_ids": ids,
        "isect_offsets": ends[:-1].reshape(*batch, cameras, grid.down, grid.across),
    }
    whole = (*batch, cameras, height, width)
    return picture.reshape(*whole, picture.shape[-1]), alphas.reshape(*whole, 1), meta


def _covered(
    distributed: bool, camera_model: str, ut: bool, eval3d: bool, others: dict[str, Any]
) -> None:
    """Raises NotImplementedError, TypeError for arguments that gsplat does not have either."""
    known = (
        "radial_coeffs", "tangential_coeffs", "thin_prism_coeffs", "ftheta_coeffs", "rolling_shutter",
        "viewmats_rs",
    )  # fmt: skip
    if unknown := others.keys() - known:
        raise TypeError(f"rasterization() got an unexpected keyword argument {min(unknown)!r}")
    only_pinhole(camera_model)
    if distributed:
        raise uncovered(
            "distributed=True", "let each process hold all Gaussians and render its own cameras"
        )
    if ut or eval3d:
        raise uncovered("with_ut and with_eval3d", "undistort the images and leave them out")
    for name, value in others.items():
        # gsplat's global shutter is what there is; its enumeration counts from 0
        if value is not None and not (
            name == "rolling_shutter" and getattr(value, "name", "") == "GLOBAL"
        ):
            raise uncovered(name, "undistort the images to a pinhole camera")


def _flat(tensor: Tensor, name: str, shape: tuple[int, ...]) -> Tensor:
    """Batches as one dimension: [B, …] of [..., …], whose shape is checked."""
    if tensor.shape != shape:
        raise unlike(name, str(list(shape)), tensor)
    return tensor.reshape(math.prod(shape[:-3]), *shape[-3:])


def _gaussians(
    means: Tensor, quats: Tensor, scales: Tensor, opacities: Tensor, covars: Optional[Tensor]
) -> Gaussians:
    first = means.shape[:-1]
    if means.shape[-1] != 3 or means.dim() < 2:
        raise unlike("means", "[..., N, 3]", means)
    wanted = [(opacities, "opacities", first)]
    if covars is None:
        wanted += [(quats, "quats", (*first, 4)), (scales, "scales", (*first, 3))]
    else:
        wanted.append((covars, "covars", (*first, 3, 3)))
    for tensor, name, shape in wanted:
        if tensor.shape != shape:
            raise unlike(name, str(list(shape)), tensor)
        if tensor.dtype != means.dtype or tensor.device != means.device:
            raise ValueError(
                f"gsplat: {name} is {tensor.dtype} on {tensor.device}, means {means.dtype} on {means.device}"
            )
    size = (math.prod(means.shape[:-2]), means.shape[-2])

    def flat(tensor: Tensor, *each: int) -> Tensor:
        return tensor.reshape(*size, *each)

    if covars is not None:
        return Gaussians(flat(means, 3), flat(triangle(covars), 6), None, None, flat(opacities))
    return Gaussians(flat(means, 3), None, flat(quats, 4), flat(scales, 3), flat(opacities))


def _colors(
    colors: Tensor, degree: Optional[int], batch: tuple[int, ...], cameras: int, n: int
) -> Tensor:
    """[B, 1 or C, N, …], whose shape is checked."""
    last = colors.shape[-1:] if degree is None else colors.shape[-2:]
    if degree is not None and (degree > 3 or last[-1] != 3 or last[0] < (degree + 1) ** 2):
        if degree > 3:
            raise uncovered("a degree of harmonics over 3", "use three")
        raise unlike("colors", f"[..., N, at least {(degree + 1) ** 2}, 3]", colors)
    if colors.shape == (*batch, n, *last):
        return colors.reshape(math.prod(batch), 1, n, *last)
    if colors.shape == (*batch, cameras, n, *last):
        return colors.reshape(math.prod(batch), cameras, n, *last)
    raise unlike("colors", f"{[*batch, n]} or {[*batch, cameras, n]} x channels", colors)


def _backgrounds(given: Optional[Tensor], mode: str, shape: tuple[int, ...]) -> Optional[Tensor]:
    """[I, X]: nothing lies behind a depth."""
    if given is None:
        return None
    if given.dim() == 1 and math.prod(shape) == 1:  # as gsplat 1.5.3 wants it where packed
        given = given.reshape(*shape, -1)
    if given.shape[:-1] != shape:
        raise unlike("backgrounds", f"{list(shape)} x channels", given)
    flat = given.reshape(-1, given.shape[-1])
    none = flat.new_zeros(len(flat), 1)
    return none if mode in ("D", "ED") else flat if mode == "RGB" else torch.cat((flat, none), -1)


class _Scene:
    """What is seen, and where each of it comes from."""

    def __init__(
        self, run: Stages, g: Gaussians, seen: Projected, grid: Grid, cameras: int
    ) -> None:
        self.run, self.g, self.seen, self.grid, self.cameras = run, g, seen, grid, cameras
        self.images: Optional[Tensor] = None
        n = max(g.means.shape[1], 1)
        if seen.rows is not None:
            self.images = seen.rows.div(n, rounding_mode="floor")
            self.own = seen.rows % n  # the Gaussian's number in its batch
            self.batches = self.images.div(max(cameras, 1), rounding_mode="floor")

    def meta(self, batch: tuple[int, ...], faint: Tensor, number: Tensor) -> dict[str, Any]:
        """What training scripts read of it; ``faint``: opacities, ``number``: of tiles."""
        seen, grid, cameras = self.seen, self.grid, max(self.cameras, 1)

        def shaped(tensor: Tensor) -> Tensor:
            if self.images is not None:
                return tensor
            return tensor.reshape(*batch, self.cameras, *tensor.shape[1:])

        packed = self.images is not None
        return {
            "batch_ids": self.batches if packed else None,
            "camera_ids": self.images % cameras if self.images is not None else None,
            "gaussian_ids": self.own if packed else None,
            "radii": shaped(seen.radii if TWO_RADII else seen.radii.amax(-1)),
            "depths": shaped(seen.depths),
            "conics": shaped(seen.conics),
            "opacities": shaped(faint),
            "tiles_per_gauss": shaped(number.view(seen.depths.shape)),
            "tile_width": grid.across,
            "tile_height": grid.down,
            "tile_size": grid.tile,
            "width": grid.width,
            "height": grid.height,
            "n_batches": grid.images // cameras,
            "n_cameras": self.cameras,
        }

    def per_gaussian(self, tensor: Tensor) -> Tensor:
        """[I, N, …] or [n, …] of [B, 1 or C, N, …]."""
        if self.images is None:
            shape = (tensor.shape[0], self.cameras, *tensor.shape[2:])
            return tensor.expand(shape).flatten(0, 1)
        return tensor.flatten(0, 2).index_select(0, self.rows(tensor))

    def rows(self, tensor: Tensor) -> Tensor:
        """Of packed Gaussians, in [B, 1 or C, N, …] as a list."""
        image = self.images if tensor.shape[1] == self.cameras else self.batches
        return image * tensor.shape[2] + self.own  # type: ignore[no-any-return]

    def opacities(self) -> Tensor:
        assert self.g.opacities is not None
        faint = self.per_gaussian(self.g.opacities[:, None])
        return faint if self.seen.compensations is None else faint * self.seen.compensations

    def channels(self, mode: str, colors: Tensor, degree: Optional[int], views: Tensor) -> Tensor:
        """[n, X] of all that is listed."""
        depths = self.seen.depths.reshape(-1, 1)
        if mode in ("D", "ED"):
            return depths
        if degree is None:
            shades = self.per_gaussian(colors).flatten(0, -2)
        else:
            shades = (self.shades(colors, degree, views) + 0.5).clamp(min=0)
        return shades if mode == "RGB" else torch.cat((shades, depths), -1)

    def shades(self, colors: Tensor, degree: int, views: Tensor) -> Tensor:
        """By harmonics, along the lines from the cameras."""
        eyes = torch.linalg.inv_ex(views)[0][..., :3, 3]  # not waited for, as an error would be
        means, flat = self.g.means, colors.flatten(0, 2)
        if self.images is not None:
            away = means.flatten(0, 1).index_select(0, self.rows(means[:, None]))
            away = away - eyes.flatten(0, 1).index_select(0, self.images)
            return self.run.harmonics(degree, away, flat, self.rows(colors), None)  # type: ignore[no-any-return]
        away = (means[:, None] - eyes[:, :, None]).reshape(-1, 3)
        rows = None
        if colors.shape[1] != self.cameras:
            numbers = torch.arange(len(flat), device=flat.device).view(len(colors), 1, -1)
            rows = numbers.expand(-1, self.cameras, -1).flatten()
        return self.run.harmonics(degree, away, flat, rows, self.seen.radii.reshape(-1, 2))  # type: ignore[no-any-return]
