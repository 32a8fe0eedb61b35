"""Chunks against one pass of a small rasteriser of our own, with nvdiffrast's outputs."""

from __future__ import annotations

import types
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rasteriser import image

import needs

torch = needs.module("torch")
pytestmark = pytest.mark.needs("torch")

Tensor = Any
SIZE = (9, 11)


@pytest.fixture(scope="session")
def chunked(imported: Callable[[str], types.ModuleType]) -> types.ModuleType:
    return imported("nvdiffrast_chunked")


class Rasteriser:
    """(u, v, z/w, number) and the barycentrics' derivatives; differentiable in u, v and those.

    The nearest wins, of equal ones the later. Counts how many triangles it was handed at most.
    """

    def __init__(self) -> None:
        self.most = 0

    def __call__(
        self, glctx: Any, pos: Tensor, tri: Tensor, resolution: Any, ranges: Any = None,
        grad_db: bool = True,
    ) -> tuple[Tensor, Tensor]:  # fmt: skip
        if pos.ndim == 3:
            self.most = max(self.most, len(tri))
            shown = [image(p, tri, range(len(tri)), resolution) for p in pos]
        else:
            assert ranges.device.type == "cpu" and ranges.dtype == torch.int32
            assert (ranges[:, 1] > 0).all()
            self.most = max(self.most, int(ranges[:, 1].max()))
            spans = [range(a, a + n) for a, n in ranges.tolist()]
            shown = [image(pos, tri, span, resolution) for span in spans]
        return torch.stack([r for r, _ in shown]), torch.stack([d for _, d in shown])


def scene(triangles: int, images: int, seed: int, dtype: Any = None) -> tuple[Tensor, Tensor]:
    """Depths of few values: ties are frequent."""
    made = torch.Generator().manual_seed(seed)
    dtype = dtype or torch.float64
    xy = 2.4 * torch.rand(images, 3 * triangles, 2, generator=made, dtype=dtype) - 1.2
    z = torch.randint(-2, 3, (images, triangles, 1, 1), generator=made).to(dtype) / 4
    z = z.expand(-1, -1, 3, 1).reshape(images, -1, 1)
    pos = torch.cat([xy, z, torch.ones_like(z)], -1)
    return pos, torch.arange(3 * triangles, dtype=torch.int32).reshape(-1, 3)


@given(st.integers(1, 9), st.integers(1, 3), st.integers(1, 10), st.integers(0, 1000))
@settings(max_examples=25, deadline=None)
def test_instances(chunked: Any, triangles: int, images: int, most: int, seed: int) -> None:
    pos, tri = scene(triangles, images, seed)
    draw = Rasteriser()
    expected = Rasteriser()(None, pos, tri, SIZE)
    found = chunked.rasterize(None, pos, tri, SIZE, max_triangles=most, rasterizer=draw)
    assert draw.most <= most
    for one, other in zip(found, expected, strict=True):
        assert torch.equal(one, other)


@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 4)), min_size=1, max_size=3),
    st.integers(1, 5),
    st.integers(0, 1000),
)
@settings(max_examples=25, deadline=None)
def test_ranges(chunked: Any, spans: list[tuple[int, int]], most: int, seed: int) -> None:
    pos, tri = scene(9, 1, seed)
    draw = Rasteriser()
    ranges = torch.tensor(spans)
    expected = [image(pos[0], tri, range(a, a + n), SIZE) for a, n in spans]
    rast, db = chunked.rasterize(
        None, pos[0], tri, SIZE, ranges, max_triangles=most, rasterizer=draw
    )
    assert draw.most <= most
    assert torch.equal(rast, torch.stack([r for r, _ in expected]))
    assert torch.equal(db, torch.stack([d for _, d in expected]))


@pytest.mark.parametrize("most", [1, 2, 100])
@pytest.mark.parametrize("ranged", [False, True])
def test_gradients_are_those_of_one_pass(chunked: Any, most: int, ranged: bool) -> None:
    pos, tri = scene(6, 1 if ranged else 2, seed=3)
    pos = pos[0] if ranged else pos
    ranges = torch.tensor([[0, 4], [2, 4]], dtype=torch.int32) if ranged else None
    chains = [
        torch.randn(2, *SIZE, 4, generator=torch.Generator().manual_seed(n)).double()
        for n in (1, 2)
    ]
    grads = []
    for draw in (
        lambda p: Rasteriser()(None, p, tri, SIZE, ranges),
        lambda p: chunked.rasterize(
            None, p, tri, SIZE, ranges, max_triangles=most, rasterizer=Rasteriser()
        ),
    ):
        own = pos.clone().requires_grad_()
        grads.append(torch.autograd.grad(draw(own), own, chains)[0])
    torch.testing.assert_close(*grads)
    assert grads[0].abs().sum() > 0


@pytest.mark.parametrize("first", [0, 1, (1 << 24) - 2, (1 << 24) - 1, 1 << 24, 1 << 25])
@pytest.mark.parametrize("local", [1, 3, (1 << 24) + 5])
def test_large_numbers_are_told_as_nvdiffrast_tells_them(
    chunked: Any, first: int, local: int
) -> None:
    def told(number: int) -> Tensor:
        if number <= 1 << 24:
            return torch.tensor(float(number))
        return torch.tensor(0x4A800000 + number, dtype=torch.int32).view(torch.float32)

    rast = torch.stack([torch.tensor([0.1, 0.2, 0.3, told(local)]), torch.zeros(4)])[None, None]
    found = chunked._renumbered(rast, first)[0, 0, :, 3]
    assert found[0].view(torch.int32) == told(local + first).view(torch.int32)
    assert found[1] == 0


def test_nothing_to_draw(chunked: Any) -> None:
    pos, tri = scene(1, 2, 0)
    rast, db = chunked.rasterize(None, pos, tri[:0], SIZE, rasterizer=Rasteriser())
    assert rast.shape == db.shape == (2, *SIZE, 4) and not rast.any()


REFUSED = {
    "triangles": (lambda: {"tri": torch.zeros(3, 4, dtype=torch.int32)}, "tri:"),
    "ranges": (lambda: {"pos": torch.zeros(3, 4)}, "needs ranges"),
    "chunk": (lambda: {"max_triangles": 0}, "at least 1"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_does_not_fit_is_refused(chunked: Any, case: str) -> None:
    changed, says = REFUSED[case]
    pos, tri = scene(1, 1, 0)
    given = {"pos": pos, "tri": tri, "rasterizer": Rasteriser(), **changed()}
    with pytest.raises(ValueError, match=says):
        chunked.rasterize(None, given.pop("pos"), given.pop("tri"), SIZE, **given)
