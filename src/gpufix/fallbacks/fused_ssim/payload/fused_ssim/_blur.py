"""The window over whole stacks of planes, as products with a banded matrix.

Torch's convolutions are slow for one channel a group; its matrix product is not. Planes lie below one
another with zeros between them, so that blocks of rows, or of columns, overlap by the window's reach
and are one strided batch of products, without a copy.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from ._gpufix_tiers import without_autocast
from ._window import half, weights

BLOCK = 54  # with the window's 10, a multiple of what matrix products like


class Room:
    """Zeros with a view ``inside`` for ``lead`` planes of height x width, to be filled and blurred."""

    def __init__(self, like: Tensor, lead: tuple[int, ...], height: int, width: int, radius: int):
        self.radius = radius
        self.shape = (*lead, height, width)
        planes = 1
        for size in lead:
            planes *= size
        self.plane = height + radius
        self.rows = _up(planes * self.plane, BLOCK)
        self.pitch = _up(width + radius, BLOCK)
        self.flat = like.new_zeros((self.rows + 2 * radius) * self.pitch + 2 * radius)
        self.inside = self._view(self.flat, radius * self.pitch + radius)

    def blurred(self) -> Tensor:
        """The planes blurred: a view. What was inside is overwritten."""
        band = _band(self.flat.dtype, self.flat.device, self.radius)
        rows = self.rows + 2 * self.radius
        block, reach = BLOCK * self.pitch, BLOCK + 2 * self.radius
        along, down = self.pitch // BLOCK, self.rows // BLOCK
        half_done = self.flat.new_empty(rows * self.pitch)
        with _exact(self.flat.device):
            torch.bmm(
                self.flat.as_strided((along, rows, reach), (BLOCK, self.pitch, 1)),
                band.expand(along, -1, -1),
                out=half_done.as_strided((along, rows, BLOCK), (BLOCK, self.pitch, 1)),
            )
            torch.bmm(
                band.t().expand(down, -1, -1),
                half_done.as_strided((down, reach, self.pitch), (block, self.pitch, 1)),
                out=self.flat.as_strided((down, BLOCK, self.pitch), (block, self.pitch, 1)),
            )
        return self._view(self.flat, 0)

    def _view(self, flat: Tensor, offset: int) -> Tensor:
        strides = [1, self.pitch]
        step = self.plane * self.pitch
        for size in reversed(self.shape[:-2]):
            strides.append(step)
            step *= size
        return flat.as_strided(self.shape, strides[::-1], offset)


def blur(stack: Tensor, radius: int, axes: int) -> Tensor:
    """Every plane or volume of ``stack`` blurred along its last ``axes`` dimensions."""
    shape = stack.shape
    if stack.numel() == 0:
        return stack.clone()
    if axes == 3:
        with _exact(stack.device):
            depth = _toeplitz(shape[-3], stack, radius)
            stack = torch.matmul(depth, stack.reshape(-1, shape[-3], shape[-2] * shape[-1]))
        stack = stack.reshape(shape)
    room = Room(stack, shape[:-2], shape[-2], shape[-1], radius)
    room.inside.copy_(stack)
    return room.blurred()


@lru_cache(maxsize=16)
def _band(dtype: torch.dtype, device: torch.device, radius: int) -> Tensor:
    """Column k holds the window from row k on."""
    window = weights(radius)
    columns = [[0.0] * k + window + [0.0] * (BLOCK - 1 - k) for k in range(BLOCK)]
    return torch.tensor(columns, dtype=dtype, device=device).t().contiguous()


def _toeplitz(size: int, like: Tensor, radius: int) -> Tensor:
    """The blur of ``size`` values in a row, as a matrix."""
    place = torch.arange(size, device=like.device)
    apart = (place[:, None] - place[None, :]).abs()
    window = like.new_tensor([*half(radius), 0.0])
    return window[apart.clamp_(max=radius + 1)]


@contextmanager
def _exact(device: torch.device) -> Iterator[None]:
    """Products in the tensors' own precision, whatever the process or autocast asks for."""
    settings: list[Any] = [
        torch.backends.cuda.matmul,
        getattr(torch.backends.mkldnn, "matmul", None),
    ]
    known = [s for s in settings if s is not None and hasattr(s, "fp32_precision")]
    before = [s.fp32_precision for s in known]
    coarse = "" if known else torch.get_float32_matmul_precision()  # torch before 2.9
    try:
        for setting in known:
            setting.fp32_precision = "ieee"
        if coarse:
            torch.set_float32_matmul_precision("highest")
        with without_autocast(device):
            yield
    finally:
        for setting, value in zip(known, before):
            setting.fp32_precision = value
        if coarse:
            torch.set_float32_matmul_precision(coarse)


def _up(size: int, multiple: int) -> int:
    return -(-size // multiple) * multiple
