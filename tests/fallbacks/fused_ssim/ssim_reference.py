"""Structural similarity in float64, straight from the definition, differentiable by autograd."""

from __future__ import annotations

from math import exp
from typing import Any

import needs

torch = needs.module("torch")

C1, C2 = 0.01**2, 0.03**2


def _blur(image: Any, window: int) -> Any:
    """Along every axis but the first two, with zeros outside."""
    radius = window // 2
    weights = [exp(-((i - radius) ** 2) / 4.5) for i in range(window)]
    for axis in range(2, image.dim()):
        size = image.shape[axis]
        edge = list(image.shape)
        edge[axis] = radius
        zeros = image.new_zeros(edge)
        padded = torch.cat((zeros, image, zeros), axis)
        parts = [w / sum(weights) * padded.narrow(axis, i, size) for i, w in enumerate(weights)]
        image = torch.stack(parts).sum(0)
    return image


def similarity_map(x: Any, y: Any, padding: str = "same", window: int = 11) -> Any:
    """The map of two float64 images; ``valid`` leaves out windows that reach outside."""
    ux, uy = _blur(x, window), _blur(y, window)
    vx, vy = _blur(x * x, window) - ux * ux, _blur(y * y, window) - uy * uy
    both = _blur(x * y, window) - ux * uy
    upper = (2 * ux * uy + C1) * (2 * both + C2)
    whole = upper / ((ux * ux + uy * uy + C1) * (vx + vy + C2))
    edge = window // 2
    kept = slice(edge, -edge) if padding == "valid" and edge else slice(None)
    return whole[(..., *[kept] * (x.dim() - 2))]


def images(*shape: int, seed: int = 0) -> tuple[Any, Any]:
    """Two similar float32 images in [0, 1)."""
    generator = torch.Generator().manual_seed(seed)
    y = torch.rand(shape, generator=generator)
    return 0.7 * y + 0.3 * torch.rand(shape, generator=generator), y


def mean_and_gradient(x: Any, y: Any, padding: str = "same", window: int = 11) -> tuple[float, Any]:
    """The mean and its gradient by x, in float64."""
    x = x.detach().double().requires_grad_()
    mean = similarity_map(x, y.detach().double(), padding, window).mean()
    mean.backward()
    return float(mean.detach()), x.grad


def apart(got: Any, wanted: Any) -> float:
    """||got - wanted|| / ||wanted||.

    The gradient of one or two pixels that are almost equal is a difference that cancels: 0.001 / √n
    has been seen, where images of 25 pixels and more give 0.4 / √n or more. Float32 rounds it to
    2e-6 / √n, so it is not measured against less than 0.5 / √n.
    """
    size = max(float(wanted.double().norm()), 0.5 / wanted.numel() ** 0.5)
    return float((got.double() - wanted.double()).norm()) / size
