"""NET1253: wrong sums, and bytes that change on the way."""

from __future__ import annotations

from fleet_smoke import DONE, Line, findings, meeting, rank
from rows import Fires, calling, rows

from gpufix.checks.registry import ERROR, Fault
from gpufix.checks.smoke.net1253_collective_wrong import NET1253
from gpufix.fleet.smoke.rank_rows import judge
from gpufix.model import Finding


def said(*lines: Line) -> tuple[object, ...]:
    """By the second of two ranks."""

    def found() -> list[Finding]:
        nodes = {"n1": [rank(DONE), rank(*lines, DONE)]}
        return findings(lambda outcome: judge(outcome, *meeting(nodes)))

    return (found,)


def reduced(right: bool) -> Line:
    return {"allreduce": "all", "bytes": 8, "seconds": 1e-5, "ranks": 2, "right": right}


def exchanged(right: bool) -> Line:
    sample = [0, 1, 1e-9, "inside", True, 0.0]
    return {"sample": sample, "phase": "inside", "round": 1, "right": right}


SILENT = {
    "right": said(reduced(True), exchanged(True)),
    "no rank measured anything": said(),
    "a line that is none": said({"allreduce": "all", "bytes": "x"}, {"sample": [1]}),
}

FIRING = {
    "a wrong sum": Fires(
        said(reduced(False)),
        Fault(ERROR, "n1 GPU 1", "n1 GPU 1 gets a wrong sum from an all-reduce of 8 bytes."),
    ),
    "other bytes": Fires(
        said(exchanged(False)),
        Fault(
            ERROR,
            "n1 GPU 0 – n1 GPU 1",
            "n1 GPU 1 receives other bytes than were sent, between n1 GPU 0 – n1 GPU 1.",
        ),
    ),
}

test_silent, test_firing = rows(calling(NET1253), SILENT, FIRING)
