"""What the stages of a picture share: its rules as numbers, and the arguments that describe it."""

from __future__ import annotations

from typing import NamedTuple, Optional

from torch import Tensor

# From gsplat 1.5.3: csrc/Rasterization*.cu, csrc/ProjectionEWA3DGSFused.cu, include/Utils.cuh, include/Common.h.
ALPHA_LEAST = 1.0 / 255.0  # what is fainter does not count
ALPHA_MOST = 0.999
LIGHT_LEAST = 1e-4  # a pixel stops before so little of what lies behind would shine through
SIGMAS_MOST = 3.33
FIELD_MARGIN = (
    0.3  # the local affine frame is held within the field of view and so much of its half
)


class Lens(NamedTuple):
    """How a projection sees Gaussians. ``compensate``: for the antialiased mode."""

    width: int
    height: int
    eps2d: float
    near: float
    far: float
    radius_clip: float
    compensate: bool


class Gaussians(NamedTuple):
    """B batches of N: means [B, N, 3], quats and scales or covariances [B, N, 6] (upper triangles)."""

    means: Tensor
    covars: Optional[Tensor]
    quats: Optional[Tensor]
    scales: Optional[Tensor]
    opacities: Optional[Tensor]  # [B, N]: they only narrow the radii


class Projected(NamedTuple):
    """What I = B·C cameras see: [I, N, …], or [n, …] where only what is visible is kept.

    ``rows`` [n]: which of the I·N each is; None where all are there.
    """

    radii: Tensor  # int32, 2: along x and y in pixels; 0 for what is not visible
    means2d: Tensor  # 2
    depths: Tensor
    conics: Tensor  # 3: the inverse covariance's upper triangle
    compensations: Optional[Tensor]
    rows: Optional[Tensor]


class Grid(NamedTuple):
    """Pictures of one size, cut into tiles."""

    images: int
    width: int
    height: int
    tile: int

    @property
    def across(self) -> int:
        """Tiles in a row."""
        return -(-self.width // self.tile)

    @property
    def down(self) -> int:
        """Rows of tiles."""
        return -(-self.height // self.tile)

    @property
    def tiles(self) -> int:
        """Of all pictures."""
        return self.images * self.across * self.down

    @property
    def bits(self) -> int:
        """As many as number the tiles of a picture, in an intersection's id."""
        return (self.across * self.down).bit_length()
