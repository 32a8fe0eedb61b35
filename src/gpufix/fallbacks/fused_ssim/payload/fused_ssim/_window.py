"""The window: a Gaussian of sigma 1.5, cut off and normalised."""

from __future__ import annotations

from math import exp

SIGMA = 1.5
RADIUS = 5
C1, C2 = 0.01**2, 0.03**2  # the mean's; a map has its caller's


def half(radius: int) -> list[float]:
    """Weights from the centre outwards; both halves together sum to 1."""
    values = [exp(-(i * i) / (2 * SIGMA * SIGMA)) for i in range(radius + 1)]
    total = 2 * sum(values) - values[0]
    return [value / total for value in values]


def weights(radius: int) -> list[float]:
    """All 2 * radius + 1 of them."""
    outwards = half(radius)
    return outwards[:0:-1] + outwards


WEIGHTS = half(RADIUS)
