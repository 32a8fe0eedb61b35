"""FLT1352: a rank, or a node, that is slow with every partner."""

from __future__ import annotations

from fleet_smoke import pairs, slow
from rows import Fires, calling, rows

from gpufix.checks.registry import WARNING, Fault
from gpufix.checks.smoke.flt1352_rank_slow import FLT1352


def fault(name: str, factor: str) -> Fault:
    said = (
        f"With {name} every exchange takes {factor} times as long as usual, whoever the partner is."
    )
    return Fault(WARNING, name, said)


SILENT = {
    "all alike": pairs([8], lambda a, b: 1.0),
    "a tenth apart": pairs([8], lambda a, b: 1.0 + 0.1 * ((a + b) % 2)),
    "a rank that is a fifth slower": pairs([8], slow(3, 1.2)),
    "two ranks: nothing to compare": pairs([2], slow(0, 9.0)),
    "a slow link is NET1251's": pairs([8], lambda a, b: 9.0 if (a, b) == (2, 5) else 1.0),
    "two slow links of one rank among four": pairs(
        [4], lambda a, b: 9.0 if (a, b) in ((0, 1), (0, 2)) else 1.0
    ),
    "CPU ranks differ by more": pairs([8], slow(3, 2.9), device="cpu"),
}

FIRING = {
    "one of eight": Fires(pairs([8], slow(3, 4.0)), fault("n1 GPU 3", "4.0")),
    "one of three": Fires(pairs([3], slow(0, 2.0)), fault("n1 GPU 0", "2.0")),
    "just over the limit": Fires(pairs([8], slow(3, 1.26)), fault("n1 GPU 3", "1.3")),
    "between nodes of one rank, the node is named": Fires(
        pairs([1, 1, 1, 1], slow(2, 3.0), "between"), fault("n3", "3.0")
    ),
    "every rank of a node: the node is named": Fires(
        pairs([2, 2, 2, 2], lambda a, b: 3.0 if {a, b} & {2, 3} else 1.0, "between"),
        fault("n2", "3.0"),
    ),
    "two of eight": Fires(
        pairs([8], lambda a, b: 5.0 if 1 in (a, b) else 2.0 if 6 in (a, b) else 1.0),
        [fault("n1 GPU 1", "5.0"), fault("n1 GPU 6", "2.0")],
    ),
}

test_silent, test_firing = rows(calling(FLT1352), SILENT, FIRING)
