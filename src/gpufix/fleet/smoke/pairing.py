"""Who exchanges with whom, when: rounds of disjoint pairs among any number of ranks."""

from __future__ import annotations

from collections.abc import Sequence

Pair = tuple[int, int]  # the lower rank first
Round = list[Pair]


def tournament(ranks: Sequence[int]) -> list[Round]:
    """Every pair once: n - 1 rounds, n where n is odd and one rank rests in each.

    A power of two: round d pairs x with x XOR d. Any other number: the circle method.
    """
    n = len(ranks)
    if n < 2:
        return []
    if n & (n - 1) == 0:
        rounds = [[(x, x ^ d) for x in range(n) if x < x ^ d] for d in range(1, n)]
    else:
        rounds = [_circle(r, n) for r in range(n - 1 + n % 2)]
    return [[(ranks[a], ranks[b]) for a, b in pairs] for pairs in rounds]


def _circle(r: int, n: int) -> Round:
    """Round r: the last place stays, the others turn around it. With n odd the last one is nobody."""
    m = n + n % 2
    turning = m - 1
    pairs = [(r, m - 1)] + [((r + k) % turning, (r - k) % turning) for k in range(1, m // 2)]
    return sorted((min(p), max(p)) for p in pairs if max(p) < n)


def chosen(ranks: Sequence[int]) -> list[Round]:
    """ceil(log2 n) rounds of the tournament. A power of two: the hypercube's, x with x XOR 2**k."""
    rounds, n = tournament(ranks), len(ranks)
    if n & (n - 1) == 0:
        return [rounds[(1 << k) - 1] for k in range(log2(n))]
    return rounds[: log2(n)]


def log2(n: int) -> int:
    """Rounded up."""
    return max(0, n - 1).bit_length()


def joined(groups: Sequence[Sequence[Round]]) -> list[Round]:
    """The rounds of several groups that share no rank, side by side."""
    longest = max(map(len, groups), default=0)
    return [[pair for g in groups if k < len(g) for pair in g[k]] for k in range(longest)]
