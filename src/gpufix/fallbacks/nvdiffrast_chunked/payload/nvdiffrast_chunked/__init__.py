"""nvdiffrast's ``rasterize`` for more triangles than its buffers hold: some at a time.

    from nvdiffrast_chunked import rasterize
    rast, rast_db = rasterize(glctx, pos, tri, resolution)      # as dr.rasterize

Each chunk of triangles is rasterised by nvdiffrast, and each pixel keeps the nearest of what the
chunks put there: the smaller z/w, of equal ones the later triangle, as nvdiffrast's own depth test
decides. nvdiffrast compares depths in 32-bit fixed point and tells them in float32: surfaces that
only fixed point tells apart may change places.

The backward pass rasterises the chunks again instead of keeping them, so that memory is one
chunk's and the result's, however many chunks there are.
"""

from __future__ import annotations

import importlib
from functools import partial
from typing import Any, Callable, Iterator, Optional, Tuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

__version__ = "1.0.0+gpufix"
__all__ = ["rasterize"]

Rasterize = Callable[..., Tuple[Tensor, Tensor]]
# Triangle numbers above 2^24 are told as the bits of a float: 0x4a800000 + number.
_EXACT, _BITS = 1 << 24, 0x4A800000


def rasterize(
    glctx: Any,
    pos: Tensor,
    tri: Tensor,
    resolution: tuple[int, int],
    ranges: Optional[Tensor] = None,
    grad_db: bool = True,
    *,
    max_triangles: int = 1_000_000,
    rasterizer: Optional[Rasterize] = None,
) -> tuple[Tensor, Tensor]:
    """As ``nvdiffrast.torch.rasterize``: (u, v, z/w, triangle) and (du/dX, du/dY, dv/dX, dv/dY).

    max_triangles: in one chunk; of range mode, of each range. ``ranges`` may lie on the GPU: it is
    brought to the CPU, where nvdiffrast wants it. rasterizer: what to call instead of nvdiffrast's.
    Raises ValueError for shapes that do not fit.
    """
    draw = rasterizer or importlib.import_module("nvdiffrast.torch").rasterize
    if max_triangles < 1:
        raise ValueError(f"max_triangles: at least 1, not {max_triangles}")
    if tri.ndim != 2 or tri.shape[1] != 3:
        raise ValueError(f"tri: expected [triangles, 3], not {list(tri.shape)}")
    if pos.ndim == 3:
        return _Chunked.apply(pos, _Instances(draw, glctx, tri, resolution, grad_db, max_triangles))  # type: ignore[no-any-return,no-untyped-call]
    if ranges is None or ranges.ndim != 2 or ranges.shape[1] != 2:
        raise ValueError(
            "pos of two dimensions needs ranges, [images, 2]: first triangle and count"
        )
    spans = ranges.to("cpu", torch.int32).tolist()
    chunks = _Ranges(draw, glctx, tri, resolution, grad_db, max_triangles, spans)
    return _Chunked.apply(pos, chunks)  # type: ignore[no-any-return,no-untyped-call]


class _Instances:
    """Chunks of one list of triangles that every image shows."""

    def __init__(
        self, draw: Rasterize, glctx: Any, tri: Tensor, resolution: Any, grad_db: bool, most: int
    ) -> None:
        self.draw, self.glctx, self.tri = draw, glctx, tri
        self.resolution, self.grad_db, self.most = resolution, grad_db, most

    def images(self, pos: Tensor) -> int:
        return pos.shape[0]

    def __iter__(self) -> Iterator[tuple[Optional[list[int]], Callable[[Tensor], Any]]]:
        """The images that a chunk shows (None: all), and the call that draws it."""
        for first in range(0, len(self.tri), self.most):
            yield None, partial(self._drawn, first)

    def _drawn(self, first: int, pos: Tensor) -> tuple[Tensor, Tensor]:
        some = self.tri[first : first + self.most].contiguous()
        rast, db = self.draw(self.glctx, pos, some, self.resolution, grad_db=self.grad_db)
        return _renumbered(rast, first), db


class _Ranges(_Instances):
    """Chunks of each image's own triangles; images whose triangles are used up are left out."""

    def __init__(self, *shared: Any) -> None:
        super().__init__(*shared[:-1])
        self.spans: list[list[int]] = shared[-1]

    def images(self, pos: Tensor) -> int:
        return len(self.spans)

    def __iter__(self) -> Iterator[tuple[Optional[list[int]], Callable[[Tensor], Any]]]:
        longest = max((count for _, count in self.spans), default=0)
        for done in range(0, longest, self.most):
            shown = [i for i, (_, count) in enumerate(self.spans) if count > done]
            part = [
                [self.spans[i][0] + done, min(self.spans[i][1] - done, self.most)] for i in shown
            ]
            yield shown, partial(self._ranged, torch.tensor(part, dtype=torch.int32))

    def _ranged(self, ranges: Tensor, pos: Tensor) -> tuple[Tensor, Tensor]:
        return self.draw(
            self.glctx, pos, self.tri, self.resolution, ranges=ranges, grad_db=self.grad_db
        )


class _Chunked(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, pos: Tensor, chunks: _Instances) -> tuple[Tensor, Tensor]:
        height, width = chunks.resolution
        rast = pos.new_zeros(chunks.images(pos), height, width, 4)
        db = torch.zeros_like(rast)
        winner = torch.full(rast.shape[:3], -1, dtype=torch.int32, device=pos.device)
        for number, (images, draw) in enumerate(chunks):
            drawn, drawn_db = draw(pos.detach())
            if drawn_db.shape[-1] == 0:
                db = db[..., :0]
            at: Any = slice(None) if images is None else torch.tensor(images, device=pos.device)
            old = rast[at]
            wins = (drawn[..., 3] != 0) & ((old[..., 3] == 0) | (drawn[..., 2] <= old[..., 2]))
            rast[at] = torch.where(wins[..., None], drawn, old)
            db[at] = torch.where(wins[..., None], drawn_db, db[at])
            winner[at] = torch.where(wins, number, winner[at])
        ctx.save_for_backward(pos, winner)
        ctx.chunks = chunks
        return rast, db

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dy: Tensor, ddb: Tensor) -> tuple[Optional[Tensor], None]:
        pos, winner = ctx.saved_tensors
        total = torch.zeros_like(pos)
        for number, (images, draw) in enumerate(ctx.chunks):
            at: Any = slice(None) if images is None else torch.tensor(images, device=pos.device)
            mine = (winner[at] == number)[..., None]
            if not mine.any():
                continue
            with torch.enable_grad():
                own = pos.detach().requires_grad_()
                drawn, drawn_db = draw(own)
            pairs = [(drawn, dy[at] * mine), (drawn_db, ddb[at] * mine)]
            learnt = [(o, g.contiguous()) for o, g in pairs if o.requires_grad]
            total += torch.autograd.grad([o for o, _ in learnt], own, [g for _, g in learnt])[0]
        return total, None


def _renumbered(rast: Tensor, first: int) -> Tensor:
    """The triangle's number of the whole list for that of the chunk."""
    if first == 0:
        return rast
    told = rast.detach()[..., 3].to(torch.float32).contiguous()
    number = torch.where(told <= _EXACT, told.to(torch.int32), told.view(torch.int32) - _BITS)
    whole = torch.where(number > 0, number + first, number)
    bits = (whole + _BITS).view(torch.float32)
    number_told = torch.where(whole <= _EXACT, whole.to(torch.float32), bits)
    return torch.cat([rast[..., :3], number_told[..., None].to(rast.dtype)], dim=-1)
