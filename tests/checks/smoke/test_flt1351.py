"""FLT1351: ranks that do not come to the end, and why."""

from __future__ import annotations

from collections.abc import Sequence

from fleet_smoke import DONE, findings, meeting, rank
from rows import Fires, calling, rows

from gpufix.checks.registry import ERROR, Fault
from gpufix.checks.smoke.flt1351_rank_lost import FLT1351
from gpufix.fleet.smoke.answers import Ended
from gpufix.fleet.smoke.rank_rows import judge
from gpufix.model import Finding

AT = {"at": "inside, round 2", "peer": 0}
WELL = rank(AT, DONE)
WAITED = rank(AT, {"lost": [1], "step": "the end"}, code=10)


def lost(**nodes: Sequence[Ended] | str) -> tuple[object, ...]:
    def found() -> list[Finding]:
        return findings(lambda outcome: judge(outcome, *meeting(nodes)))

    return (found,)


def fault(name: str, why: str) -> Fault:
    return Fault(ERROR, name, f"{name} did not come to the end: {why}")


SILENT = {
    "all came to the end": lost(n1=[WELL, WELL], n2=[WELL]),
    "one that was ended after its last word": lost(n1=[WELL, rank(DONE, code=None)]),
}

FIRING = {
    "killed; who waited for it is not lost": Fires(
        lost(n1=[WAITED, rank(AT, code=-9)]),
        fault("n1 GPU 1", "it was ended by SIGKILL at: inside, round 2 with n1 GPU 0"),
    ),
    "stopped": Fires(
        lost(n1=[WAITED, rank(AT, code=None, state="stopped")]),
        fault(
            "n1 GPU 1",
            "no word for the rest of 20 s; its process is stopped at: inside, round 2 with n1 GPU 0",
        ),
    ),
    "the node gives no answer": Fires(
        lost(n1=[WAITED], n2="ssh: connect to host n2 port 22: No route to host"),
        fault("n2", "ssh: connect to host n2 port 22: No route to host"),
    ),
    "torch does not load": Fires(
        lost(n1=[WELL], n2=[rank(code=1, err="Traceback\nImportError: libnccl.so.2")]),
        fault("n2", "exit status 1: ImportError: libnccl.so.2"),
    ),
    "too late for the roll call": Fires(
        lost(n1=[WELL], n2=[rank({"lost": [], "late": True}, code=10)]),
        fault("n2", "it came too late for the roll call"),
    ),
    "named by those that waited": Fires(
        lost(n1=[WAITED, rank({"at": "the end"}, code=9)]),
        fault("n1 GPU 1", "the others waited for it at: the end"),
    ),
    "nobody else is to blame": Fires(
        lost(n1=[WELL, rank(AT, {"error": "RuntimeError: NCCL error"}, code=11)]),
        fault("n1 GPU 1", "RuntimeError: NCCL error at: inside, round 2 with n1 GPU 0"),
    ),
    "cut off from another": Fires(
        lost(n1=[WELL], n2=[rank(AT, {"missed": {"n3": "10.0.0.3:9 refused"}}, DONE)],
             n3=[rank(AT, {"cut": True})]),
        fault("n3", "n2 does not reach n3: 10.0.0.3:9 refused at: nodes reach each other"),
    ),
}  # fmt: skip

test_silent, test_firing = rows(calling(FLT1351), SILENT, FIRING)
