"""NET1251: a link that is slow, while both of its ends are well with others."""

from __future__ import annotations

from fleet_smoke import pairs, slow
from rows import Fires, calling, rows

from gpufix.checks.registry import WARNING, Fault
from gpufix.checks.smoke.net1251_link_slow import NET1251


def fault(names: str, factor: str) -> Fault:
    said = f"Between {names} an exchange takes {factor} times as long as usual; with others both are well."
    return Fault(WARNING, names, said)


SILENT = {
    "all alike": pairs([8], lambda a, b: 1.0),
    "a fifth slower": pairs([8], lambda a, b: 1.2 if (a, b) == (2, 5) else 1.0),
    "a slow rank is FLT1352's": pairs([8], slow(3, 4.0)),
    "a slow link of a slow rank is hidden by it": pairs(
        [8], lambda a, b: 40.0 if (a, b) == (3, 5) else slow(3, 4.0)(a, b)
    ),
    "two ranks: nothing to compare": pairs([2], slow(0, 9.0)),
}

FIRING = {
    "one": Fires(
        pairs([8], lambda a, b: 9.0 if (a, b) == (2, 5) else 1.0),
        fault("n1 GPU 2 – n1 GPU 5", "9.0"),
    ),
    "between two nodes": Fires(
        pairs([1, 1, 1], lambda a, b: 9.0 if (a, b) == (0, 2) else 1.0, "between"),
        fault("n1 – n3", "9.0"),
    ),
    "beside a slow rank": Fires(
        pairs([8], lambda a, b: 6.0 if (a, b) == (0, 1) else slow(5, 4.0)(a, b)),
        fault("n1 GPU 0 – n1 GPU 1", "6.0"),
    ),
}

test_silent, test_firing = rows(calling(NET1251), SILENT, FIRING)
