"""FLT1353: a GPU behind the others of its kind in the fleet, three times."""

from __future__ import annotations

from collections.abc import Sequence

from fleet_smoke import findings, looked, quick
from rows import Fires, calling, rows

from gpufix.checks.registry import ADVICE, Fault
from gpufix.checks.smoke.flt1353_gpu_behind_the_fleet import FLT1353
from gpufix.fleet.smoke.answers import Looked
from gpufix.fleet.smoke.outcome import Outcome
from gpufix.fleet.smoke.quick_rows import judge
from gpufix.model import Finding

WELL = quick(0.25, 1.6)


def fleet(*odd: Looked, again: Sequence[Looked] | None = None) -> tuple[object, ...]:
    """Beside two nodes that are well. `again`: the further looks; as the first one by default."""

    def found() -> list[Finding]:
        def both(outcome: Outcome) -> None:
            outcome.nodes = [looked("n1", WELL, WELL), looked("n2", WELL, WELL), *odd]
            judge(outcome, lambda _: [[one] for one in (again if again is not None else odd * 2)])

        return findings(both)

    return (found,)


def fault(case: str, longer: str) -> Fault:
    said = f"n3 GPU 1: {case} takes at least {longer} longer than the median of the other GPUs of its kind, in 3 medians."
    return Fault(ADVICE, "n3 GPU 1", said)


SLOW = looked("n3", WELL, quick(0.25, 2.4))

SILENT = {
    "all alike": fleet(),
    "memory 4% slower": fleet(looked("n3", WELL, quick(0.26, 1.6))),
    "clocks 9% slower": fleet(looked("n3", WELL, quick(0.25, 1.744))),
    "of another kind": fleet(looked("n3", quick(0.25, 3.0, name="NVIDIA A100", arch="sm_80"))),
    "slow once": fleet(SLOW, again=[looked("n3", WELL, WELL), SLOW]),
    "slow twice": fleet(SLOW, again=[SLOW, looked("n3", WELL, WELL)]),
    "no further answer": fleet(SLOW, again=[Looked("n3", "gone"), SLOW]),
}

FIRING = {
    "the product": Fires(fleet(SLOW), fault("matmul", "50.0%")),
    "memory, at its least": Fires(
        fleet(
            looked("n3", WELL, quick(0.3, 1.6)),
            again=[looked("n3", WELL, quick(0.275, 1.6)), looked("n3", WELL, quick(0.3, 1.6))],
        ),
        fault("copy", "10.0%"),
    ),
}

test_silent, test_firing = rows(calling(FLT1353), SILENT, FIRING)
