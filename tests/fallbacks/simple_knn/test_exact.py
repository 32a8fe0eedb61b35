"""distCUDA2 on the CPU against float64 over all pairs."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from knn_reference import SETS, error, mean_distance

TOLERANCE = 1e-6


@pytest.mark.some(12)
@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("n", [9, 65, 1500])
def test_arrangements(dist, name, n):
    points = SETS[name](n)
    assert error(dist(points), mean_distance(points)) < TOLERANCE


@pytest.mark.parametrize("n", range(1, 9))
def test_few_points(dist, n):
    points = SETS["uniform"](n)
    assert error(dist(points), mean_distance(points)) < TOLERANCE


def test_no_points(dist):
    import torch

    assert dist(torch.empty(0, 3)).shape == (0,)


def test_a_missing_neighbour_counts_as_the_greatest_float(dist):
    import torch

    points = torch.tensor([[0.0, 0, 0], [1, 0, 0], [3, 0, 0], [7, 0, 0]])
    assert dist(points).tolist() == pytest.approx([59 / 3, 41 / 3, 29 / 3, 101 / 3])
    assert dist(points[:3]).tolist() == pytest.approx([3.4028235e38 / 3] * 3)
    assert dist(points[:2]).isinf().all()
    assert dist(points[:1]).isinf().all()


def test_copies_are_at_distance_zero(dist):
    import torch

    points = torch.tensor([[1.0, 2, 3]] * 4 + [[1.0, 2, 5]])
    assert dist(points).tolist() == [0, 0, 0, 0, 4]


coordinate = st.one_of(
    st.integers(-3, 3).map(float),  # ties and copies
    st.floats(-(2.0**60), 2.0**60, width=32, allow_subnormal=False),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(coordinate, coordinate, coordinate), min_size=1, max_size=60))
def test_any_points(dist, rows):
    import torch

    points = torch.tensor(rows, dtype=torch.float32)
    assert error(dist(points), mean_distance(points)) < TOLERANCE


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 400), st.integers(0, 2**31), st.integers(1, 5), st.integers(0, 25))
def test_any_clusters(dist, n, seed, clusters, octaves):
    import torch

    draw = torch.Generator().manual_seed(seed)
    centres = torch.randn(clusters, 3, generator=draw)
    widths = 0.5 ** (octaves * torch.rand(clusters, 1, generator=draw))
    which = torch.randint(clusters, (n,), generator=draw)
    points = centres[which] + widths[which] * torch.randn(n, 3, generator=draw)
    assert error(dist(points), mean_distance(points)) < TOLERANCE


def test_points_that_are_not_finite_are_no_neighbours(dist):
    import torch

    points = SETS["uniform"](500)
    points[3, 1], points[77], points[78, 0] = torch.nan, torch.inf, -torch.inf
    found = dist(points)
    assert error(found, mean_distance(points)) < TOLERANCE
    assert found.isinf().nonzero()[:, 0].tolist() == [3, 77, 78]
    assert dist(torch.full((5, 3), torch.nan)).isinf().all()
