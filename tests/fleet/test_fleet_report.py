"""Who is the odd one out: the majority, what was not seen, what is no answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from answers import (
    BASE,
    NCCL,
    alike,
    driver,
    gap,
    lost,
    made,
    node,
    overwritten,
    variable,
    without,
)

import gpufix
from gpufix.diagnosis.verdict import Gate
from gpufix.fleet.inputs import Reading
from gpufix.fleet.report import FleetRequest, exit_code
from gpufix.model.finding import Severity
from gpufix.report.fleet import table


def text(*readings: Reading, request: FleetRequest | None = None) -> str:
    return table.lines(made(*readings, request=request)).plain()


def lines(*readings: Reading) -> list[str]:
    return [line for line in text(*readings).splitlines() if line.startswith(("≠", "✗", "?"))]


ROWS: dict[str, tuple[Sequence[Reading], list[str]]] = {
    "all alike": (alike(8), []),
    "a driver": (
        [*alike(7), node("node08", driver("550.54"))],
        [
            "≠ driver NVIDIA driver: 570.86 on node[01-07] · 550.54 on node08 FLT1303",
            "≠ driver NVIDIA kernel module: 570.86 on node[01-07] · 550.54 on node08 FLT1303",
            "✗ differs",
        ],
    ),
    "marin#7344 in one line": (
        [*alike(5), *(node(f"node{n:02d}", overwritten) for n in (6, 7, 8))],
        [
            f"≠ libraries {NCCL}: 2.30.7+cuda13.0, 100 bytes, aaaa on node[01-05] · 2.28.9+cuda12.8, "
            "90 bytes, bbbb on node[06-08] (by its metadata nvidia-nccl-cu13 2.30.7 everywhere)",
            "✗ differs",
        ],
    ),
    "no majority": (
        [*alike(2), *(node(f"node{n:02d}", variable("NCCL_ALGO", "Ring")) for n in (3, 4))],
        [
            "≠ variables NCCL_ALGO: Ring on node[03-04] · absent on node[01-02] (no majority)",
            "✗ differs",
        ],
    ),
    "another on every node": (
        [node(f"n{n}", variable("CUDA_CACHE_PATH", f"/tmp/{n}")) for n in range(3)],
        [
            "≠ variables CUDA_CACHE_PATH: /tmp/0 on n0 · /tmp/1 on n1 · /tmp/2 on n2 "
            "(another on every node)",
            "✗ differs",
        ],
    ),
    "GPUs of a device plug-in are each node's own": (
        [
            node(f"n{n}", variable("NVIDIA_VISIBLE_DEVICES", f"GPU-{n}1c2d3e4-aaaa-bbbb-cccc-ddddeeeeffff"))
            for n in range(3)
        ],
        [],
    ),
    "a dead node is a row": (
        [*alike(2), lost("node03"), lost("node04")],
        ["✗ no answer node[03-04]: no answer within 60 s", "✗ incomplete"],
    ),
    "what is no snapshot is a row": (
        [*alike(2), node("x", without("gaps", None))],
        ["✗ no answer x: not a snapshot: TypeError: 'NoneType' object is not iterable", "✗ incomplete"],
    ),
    "without an environment": (
        [*alike(2), node("node03", without("python", None), without("torch", None),
                         without("distributions", []), without("binaries", {}))],
        [
            "✗ nothing judged node03: no environment is active, and neither the project nor this "
            "folder has one",
            "✗ incomplete",
        ],
    ),
    "another gpufix's": (
        [*alike(2), node("node03", version="0.0.9")],
        [
            f"✗ other version node03: gpufix 0.0.9; here it is {gpufix.__version__}",
            "✗ incomplete",
        ],
    ),
    "another gpufix's, which lacks a fact": (
        [*alike(2), node("node03", without("network", None), version="0.0.9")],
        [
            f"✗ other version node03: gpufix 0.0.9; here it is {gpufix.__version__}",
            "? network not seen on node03: the snapshot does not hold it",
            "✗ incomplete",
        ],
    ),
    "not seen is not absent": (
        [*alike(3), node("node04", without("gpus", []), gap("gpus"))],
        [
            "≠ gpus count: 2 on node[01-03] · 0 on node04 FLT1301",
            "? driver not seen on node04: x: denied",
            "? gpus not seen on node04: x: denied",
            "✗ differs",
        ],
    ),
    "two of one name": (
        [*alike(1), *alike(1)],
        [],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", ROWS)
def test_rows(case: str) -> None:
    readings, expected = ROWS[case]
    assert lines(*readings) == expected


def test_what_follows_from_another_version_is_not_repeated() -> None:
    def upgraded(data: dict[str, list[dict[str, object]]]) -> None:
        data["distributions"][1]["version"] = "2.31.0"
        overwritten(data)

    found = lines(*alike(3), node("node04", upgraded))
    assert found[0].startswith("≠ distributions nvidia-nccl-cu13: 2.30.7 on node[01-03] · 2.31.0")
    assert [line for line in found if "libraries" in line] == []


def test_of_many_things_some_are_shown_and_all_named() -> None:
    changes = [variable(f"NCCL_V{n}", "1") for n in range(9)]
    found = made(*alike(3), node("node04", *changes))
    assert len(found.differences) == 5
    assert found.differences[-1].also == [f"NCCL_V{n}" for n in range(5, 9)]
    assert [n.odd for n in found.nodes] == [[], [], [], ["variables"]]


def test_a_reference_instead_of_the_majority() -> None:
    request = FleetRequest(reference=node("good"))
    shown = text(*(node(f"n{n}", driver("550.54")) for n in range(3)), request=request)
    assert "compared with good" in shown
    assert "≠ driver NVIDIA driver: 550.54 on n[0-2] (reference: 570.86)" in shown


def test_rules_run_once_on_each_distinct_environment() -> None:
    broken = without("drivers", [])
    found = made(*alike(5), *(node(f"bad{n}", broken) for n in range(3)))
    assert [(e.count, e.nodes) for e in found.environments] == [(5, "node[01-05]"), (3, "bad[0-2]")]
    same_memory = [
        node(f"n{n}", without("host", {**BASE["host"], "memory_available": n})) for n in range(9)
    ]
    assert len(made(*same_memory).environments) == 1


def test_one_copy_of_an_environment() -> None:
    shared = {"kind": "nfs4", "source": "srv:/e", "network": True, "key": "nfs4 srv:/e 5"}
    found = made(*(node(f"n{n}", without("storage", shared)) for n in range(3)))
    assert [(c.storage, c.nodes) for c in found.copies] == [("nfs4 srv:/e", "n[0-2]")]


def test_inside_a_container() -> None:
    pod = without("host", {**BASE["host"], "container": "kubernetes"})
    shown = text(*(node(f"n{n}", pod) for n in range(3)))
    assert "judged inside a container (kubernetes): n[0-2]\n" in shown


ERROR = Gate(Severity.error)
CODES: dict[str, tuple[Callable[[], list[Reading]], Gate, int]] = {
    "alike": (lambda: alike(3), ERROR, 0),
    "no node": (list, ERROR, 1),
    "one differs": (lambda: [*alike(2), node("x", driver("1"))], ERROR, 1),
    "one is dead": (lambda: [*alike(2), lost("x")], ERROR, 1),
    "never": (lambda: [*alike(2), lost("x")], Gate(None), 0),
    "something was not seen": (lambda: [node("x", gap("tools")), node("y", gap("tools"))], ERROR, 0),
    "and strict": (
        lambda: [node("x", gap("tools")), node("y", gap("tools"))], Gate(Severity.error, True), 1,
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CODES)
def test_exit_codes(case: str) -> None:
    readings, gate, code = CODES[case]
    assert exit_code(made(*readings()), gate) == code
