"""The order along the curve: a permutation that keeps near points together at every scale."""

from __future__ import annotations

import pytest
from knn_reference import SETS


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("n", [1, 2, 63, 64, 65, 66, 2000])
def test_a_permutation(module, name, n):
    import torch

    order = module("_order").curve_order(SETS[name](n))
    assert torch.equal(order.sort().values, torch.arange(n))


def test_the_curve_of_a_cube(module):
    """Eight corners in Morton order: the first axis changes fastest."""
    import torch

    corners = torch.tensor([[x, y, z] for z in (0.0, 1) for y in (0.0, 1) for x in (0.0, 1)])
    assert module("_order").curve_order(corners).tolist() == list(range(8))


def test_keys_follow_every_axis(module):
    """Along an axis, keys never fall: within the fine grid, beyond it, and across the border."""
    import torch

    order = module("_order")
    u = torch.cat(
        (torch.linspace(-3, 3, 5001), 2.0 ** torch.arange(2, 128), torch.tensor([torch.inf]))
    )
    u = torch.cat((-u.abs(), u)).sort().values
    cells = order._cells(u[:, None].expand(-1, 3))
    assert int(cells.min()) >= 0 and int(cells.max()) <= order.LAST_CELL
    assert bool((cells.diff(dim=0) >= 0).all())
    assert int((cells[:, 0].diff() > 0).sum()) > 4000


WORK = (
    60  # boxes looked at for a group of 8 points on the average; of 750, or 30 for uniform points
)


@pytest.mark.parametrize("name", SETS)
def test_no_arrangement_costs_much_more_than_another(module, monkeypatch, name):
    """The number of pairs of leaves whose distances are computed grows with n, not with n squared."""
    eager, n = module("_eager"), 6000
    offered = []
    whole = eager._Search._offer

    def count(self, points, best, group, leaf, first=None):
        offered.append(len(group))
        whole(self, points, best, group, leaf, first)

    monkeypatch.setattr(eager._Search, "_offer", count)
    points = SETS[name](n)
    eager.search(points, module("_order").curve_order(points))
    assert sum(offered) / (n / 8) < WORK
