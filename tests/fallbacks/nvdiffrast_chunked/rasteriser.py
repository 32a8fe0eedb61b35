"""A small rasteriser of our own, with nvdiffrast's outputs."""

from __future__ import annotations

from typing import Any

Tensor = Any


def image(pos: Tensor, tri: Tensor, which: range, resolution: Any) -> tuple[Tensor, Tensor]:
    """(u, v, z/w, number) and made-up derivatives of one image: the nearest wins, of equal the later."""
    import torch

    height, width = resolution
    ys = (2 * torch.arange(height, dtype=pos.dtype) + 1) / height - 1
    xs = (2 * torch.arange(width, dtype=pos.dtype) + 1) / width - 1
    fy, fx = torch.meshgrid(ys, xs, indexing="ij")
    rast, db = pos.new_zeros(height, width, 4), pos.new_zeros(height, width, 4)
    for number in which:
        p = [pos[i] for i in tri[number].tolist()]
        x = [q[0] - fx * q[3] for q in p]
        y = [q[1] - fy * q[3] for q in p]
        a = [x[1] * y[2] - y[1] * x[2], x[2] * y[0] - y[2] * x[0], x[0] * y[1] - y[0] * x[1]]
        at = a[0] + a[1] + a[2]
        inside = ((a[0] >= 0) & (a[1] >= 0) & (a[2] >= 0) & (at > 0)) | (
            (a[0] <= 0) & (a[1] <= 0) & (a[2] <= 0) & (at < 0)
        )
        u, v = a[0] / at, a[1] / at
        weights = (u, v, 1 - u - v)
        z = sum(w * q[2] for w, q in zip(weights, p, strict=True))
        w = sum(w * q[3] for w, q in zip(weights, p, strict=True))
        depth = (z / w).detach()
        wins = inside & ((rast[..., 3] == 0) | (depth <= rast[..., 2]))
        told = torch.full_like(depth, number + 1)
        rast = torch.where(wins[..., None], torch.stack([u, v, depth, told], -1), rast)
        db = torch.where(wins[..., None], torch.stack([u * v, u, v, u - v], -1), db)
    return rast, db
