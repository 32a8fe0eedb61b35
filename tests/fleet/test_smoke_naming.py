"""Which rank or link is slow: on made-up fleets of 2 to 64 ranks, with noise, and none named falsely."""

from __future__ import annotations

import math
import random
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulated import Pair, Simulated

from gpufix.fleet.smoke.naming import FURTHER
from gpufix.fleet.smoke.pairing import chosen, log2, tournament

FAST = (2, 3, 4, 5, 6, 7, 8, 13, 16, 33)
SIZES = range(2, 65)


def sizes(least: int) -> list[Any]:
    """Of fleets: some always, all of them in the slow tests."""
    marks = {n: () if n in FAST else pytest.mark.slow for n in SIZES}
    return [pytest.param(n, marks=marks[n]) for n in SIZES if n >= least]


@pytest.mark.parametrize("n", range(66))
def test_every_pair_meets_once(n: int) -> None:
    rounds = tournament(range(n))
    met = [pair for pairs in rounds for pair in pairs]
    assert sorted(met) == list(combinations(range(n), 2))
    for pairs in rounds:
        busy = [rank for pair in pairs for rank in pair]
        assert len(busy) == len(set(busy)) == n - n % 2
    assert len(rounds) == (n - 1 + n % 2 if n > 1 else 0)


@pytest.mark.parametrize("n", range(2, 66))
def test_the_chosen_rounds_are_log2_and_connect_all(n: int) -> None:
    rounds = chosen(range(n))
    assert len(rounds) == log2(n) == math.ceil(math.log2(n))
    reached, grown = {0}, True
    while grown:
        more = {r for pairs in rounds for p in pairs if set(p) & reached for r in p}
        grown, reached = not more <= reached, reached | more
    assert reached == set(range(n))


def test_a_power_of_two_is_the_hypercube() -> None:
    assert chosen(range(8))[1] == [(0, 2), (1, 3), (4, 6), (5, 7)]


def fleet(n: int, seed: int, noise: float = 0.05) -> Simulated:
    made = Simulated([range(n)], [f"rank {r}" for r in range(n)], noise=noise)
    made.random = random.Random(seed)
    made.combine = max if seed % 2 else math.prod
    return made


def check(made: Simulated, n: int, ranks: set[int], links: set[Pair]) -> None:
    named = made.run()
    assert (set(named.ranks), set(named.links), named.units) == (ranks, links, {})
    assert made.rounds <= log2(n) + 1 + FURTHER


few = settings(max_examples=8, deadline=None)
SEEDS = st.integers(0, 1 << 30)
FACTORS = st.floats(1.5, 40.0)


@pytest.mark.parametrize("n", sizes(2))
@few
@given(seed=SEEDS, noise=st.floats(0, 0.05))
def test_nothing_is_named_on_a_healthy_fleet(n: int, seed: int, noise: float) -> None:
    check(fleet(n, seed, noise), n, set(), set())


@pytest.mark.parametrize("n", sizes(3))
@few
@given(seed=SEEDS, factor=FACTORS, noise=st.floats(0, 0.05), data=st.data())
def test_one_slow_rank(n: int, seed: int, factor: float, noise: float, data: st.DataObject) -> None:
    made = fleet(n, seed, noise)
    rank = data.draw(st.integers(0, n - 1))
    made.ranks = {rank: factor}
    check(made, n, {rank}, set())


def _link(n: int, data: st.DataObject) -> Pair:
    a = data.draw(st.integers(0, n - 2))
    return a, data.draw(st.integers(a + 1, n - 1))


@pytest.mark.parametrize("n", sizes(3))
@few
@given(seed=SEEDS, factor=FACTORS, noise=st.floats(0, 0.05), data=st.data())
def test_one_slow_link(n: int, seed: int, factor: float, noise: float, data: st.DataObject) -> None:
    made = fleet(n, seed, noise)
    link = _link(n, data)
    made.links = {link: factor}
    check(made, n, set(), {link})


@pytest.mark.parametrize("n", sizes(4))
@few
@given(seed=SEEDS, one=FACTORS, two=FACTORS, kind=st.sampled_from("abc"), data=st.data())
def test_two_faults(
    n: int, seed: int, one: float, two: float, kind: str, data: st.DataObject
) -> None:
    """A slow link of a slow rank is hidden by it: only the rank is named."""
    made = fleet(n, seed)
    rank, other = _link(n, data)
    if kind == "a":
        made.ranks = {rank: one, other: two}
        check(made, n, {rank, other}, set())
        return
    link = _link(n, data)
    if kind == "b":
        made.ranks, made.links = {rank: one}, {link: two}
        check(made, n, {rank}, set() if rank in link else {link})
        return
    second = _link(n, data)
    made.links = {link: one, second: two}
    check(made, n, set(), {link, second})


@given(seed=SEEDS, factor=FACTORS)
def test_of_two_ranks_nothing_can_be_named(seed: int, factor: float) -> None:
    made = fleet(2, seed)
    made.ranks = {0: factor}
    check(made, 2, set(), set())


def test_two_links_of_one_rank_among_three_look_like_the_rank() -> None:
    made = fleet(3, 1)
    made.links = {(0, 1): 3.0, (0, 2): 3.0}
    assert set(made.run().ranks) == {0}


@pytest.mark.parametrize("units", [4, 8])
def test_a_node_whose_every_lane_is_slow_is_named_as_one(units: int) -> None:
    """Between nodes of two ranks each: lane by lane, as the real rounds go."""
    lanes = [[2 * node + lane for node in range(units)] for lane in range(2)]
    made = Simulated(lanes, [f"n{rank // 2}" for rank in range(2 * units)])
    made.ranks = {2: 3.0, 3: 3.0}
    named = made.run()
    assert (list(named.units), named.ranks, named.links) == (["n1"], {}, {})
    made.ranks = {2: 3.0}
    named = made.run()
    assert (named.units, list(named.ranks), named.links) == ({}, [2], {})


def test_pairs_of_many_nodes_compare_with_each_other() -> None:
    """Two GPUs in each node: the pair that is slow is named, though which end it is cannot be."""
    nodes = [[2 * n, 2 * n + 1] for n in range(6)]
    made = Simulated(nodes, [f"n{n // 2}" for n in range(12)], links={(4, 5): 3.0})
    named = made.run()
    assert (named.units, named.ranks, list(named.links)) == ({}, {}, [(4, 5)])


def test_where_all_is_slow_alike_nothing_is_named() -> None:
    made = fleet(8, 1)
    made.ranks = dict.fromkeys(range(8), 5.0)
    check(made, 8, set(), set())
