"""Memory runs out: smaller steps, the same result; never another one."""

from __future__ import annotations

import pytest
from knn_reference import SETS, error, mean_distance

NAMES = ["uniform", "few tight clusters", "one place", "some far away"]


def out_of_memory():
    import torch

    return torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 1.00 GiB")


@pytest.mark.some(5)
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("pairs", [1, 7, 100, 5000])
def test_any_number_of_pairs_at_once(module, name, pairs):
    points = SETS[name](700)
    found = module("_eager").search(points, module("_order").curve_order(points), pairs)
    assert error(found, mean_distance(points)) < 1e-6


@pytest.mark.parametrize("name", NAMES)
def test_the_search_halves(module, monkeypatch, name):
    """Steps of more than 200 pairs fail: the error of torch on a GPU."""
    eager, sizes = module("_eager"), []
    whole = eager._Search.nearest

    def nearest(self, first, last, most):
        sizes.append(most)
        if most > 200:
            raise out_of_memory()
        return whole(self, first, last, most)

    monkeypatch.setattr(eager._Search, "nearest", nearest)
    points = SETS[name](700)
    found = eager.search(points, module("_order").curve_order(points))
    assert error(found, mean_distance(points)) < 1e-6
    assert sizes[0] > 200 >= sizes[-1] > 100
    assert sizes == sorted(sizes, reverse=True)


def test_the_cpu_s_own_error_is_known(module, monkeypatch):
    eager, tries = module("_eager"), []
    whole = eager._Search.nearest

    def nearest(self, first, last, most):
        tries.append(most)
        if len(tries) == 1:
            raise RuntimeError(
                "[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate"
            )
        return whole(self, first, last, most)

    monkeypatch.setattr(eager._Search, "nearest", nearest)
    points = SETS["uniform"](100)
    eager.search(points, module("_order").curve_order(points))
    assert tries[1] == tries[0] // 2


@pytest.mark.parametrize("error_type", ["memory", "other"])
def test_what_no_halving_helps_is_raised(module, monkeypatch, error_type):
    eager, tries = module("_eager"), []
    raised = out_of_memory() if error_type == "memory" else RuntimeError("something else")

    def nearest(self, first, last, most):
        tries.append(most)
        raise raised

    monkeypatch.setattr(eager._Search, "nearest", nearest)
    points = SETS["uniform"](100)
    with pytest.raises(RuntimeError) as caught:
        eager.search(points, module("_order").curve_order(points))
    assert caught.value is raised
    assert tries[-1] == (1 if error_type == "memory" else tries[0])


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("part", [64, 100, 999])
def test_sorting_in_parts_gives_the_same_curve(module, name, part):
    import torch

    order = module("_order")
    keys = order.curve_keys(SETS[name](1000))
    found = order._sorted_by(keys, part)
    assert torch.equal(found.sort().values, torch.arange(1000))
    assert torch.equal(keys[found], keys.sort().values)


def test_sorting_halves(module, monkeypatch):
    import torch

    order, sizes = module("_order"), []
    whole = order._sorted_by

    def limited(keys, part):
        sizes.append(part)
        if part > 300:
            raise out_of_memory()
        return whole(keys, part)

    monkeypatch.setattr(order, "_sorted_by", limited)
    points = SETS["uniform"](1000)
    assert torch.equal(order.curve_order(points).sort().values, torch.arange(1000))
    assert sizes == [1000, 500, 250]


def test_a_coarse_order_is_enough(module, monkeypatch):
    """When there is no memory for the grids of crowded cells, the result is the same."""
    order = module("_order")

    def fail(*_):
        raise out_of_memory()

    monkeypatch.setattr(order, "_refined", fail)
    points = SETS["few tight clusters"](700)
    found = module("_eager").search(points, order.curve_order(points))
    assert error(found, mean_distance(points)) < 1e-6


def test_the_budget_follows_free_memory(module, monkeypatch):
    import torch

    memory = module("_memory")
    monkeypatch.setattr(memory, "_free_host_memory", lambda: 80 << 20)
    assert memory.budget(torch.device("cpu")) == 10 << 20
    monkeypatch.setattr(memory, "_free_host_memory", lambda: 1 << 50)
    assert memory.budget(torch.device("cpu")) == memory.MOST


TIGHT = """
import resource
import torch
torch.set_num_threads(1)
from simple_knn import _eager, _memory
from simple_knn._C import distCUDA2
points = torch.rand(60_000, 3, generator=torch.Generator().manual_seed(3))
wanted = distCUDA2(points)
tries = []
nearest = _eager._Search.nearest
_eager._Search.nearest = lambda self, a, b, most: (tries.append(most), nearest(self, a, b, most))[1]
_eager.CACHED_PAIRS = 1 << 22  # as much as memory is said to allow
_memory._free_host_memory = lambda: 1 << 40
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (40 << 20),) * 2)
found = distCUDA2(points)
assert torch.equal(found, wanted)
print(tries[0], tries[-1])
"""


@pytest.mark.slow
@pytest.mark.needs("Linux")  # limits and measures by its means
def test_memory_that_really_runs_out(script):
    """A process that may take 40 MiB more, and a search that begins with hundreds."""
    first, last = map(int, script("simple_knn", TIGHT, OMP_NUM_THREADS="1").stdout.split())
    assert first > 8 * last


def test_small_parts_need_little_more_than_the_keys(module, monkeypatch):
    """However small the parts get, the sample that divides the keys stays a sample."""
    import torch

    order, taken = module("_order"), []
    whole = torch.Tensor.sort
    monkeypatch.setattr(
        torch.Tensor,
        "sort",
        lambda self, *a, **k: (taken.append(len(self)), whole(self, *a, **k))[1],
    )
    n = 200_000
    order._sorted_by(torch.randint(1 << 60, (n,)), n // order.PARTS)
    assert len(taken) == 1 and taken[0] <= n // 8
