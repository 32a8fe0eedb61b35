"""Programs that work, and each way in which one does not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gpufix.kernels.execute import RunResult, run_program
from gpufix.kernels.manifest import Case, Kernel
from programs import write_program

KERNEL = Kernel("k", "t", (Case("a", bytes="8 * n", flops="2 * n"), Case("b")), time_limit_s=20.0)
DEVICE = {"kernel": "k", "device": {"name": "GPU", "arch": "sm_90"}, "seed": "1"}
TIME = {"median": 2.0, "min": 1.0, "max": 3.0, "runs": 20}
VALID: dict[str, Any] = {
    "kernel": "k", "case": "a", "sizes": {"n": 10}, "valid": True, "max_err": 1e-7,
    "rel_err": 1e-8, "tolerance": 1e-6, "time_ms": TIME, "extra": {"x": 1},
}  # fmt: skip
ERROR = {
    "kernel": "k",
    "status": "error",
    "error": {
        "name": "cudaErrorMemoryAllocation",
        "text": "out of memory",
        "call": "gpuMalloc(&p, n)",
        "where": "memory.h:14",
    },
}


def run(tmp_path: Path, code: str, **options: Any) -> RunResult:
    program = write_program(tmp_path / "program", f"import os, sys, time\n{code}\n")
    return run_program(KERNEL, program, **options)


def says(*lines: Any) -> str:
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    return "\n".join(f"print({text!r}, flush=True)" for text in texts)


def changed(**fields: Any) -> dict[str, Any]:
    return {**VALID, **fields}


def test_a_valid_run(tmp_path: Path) -> None:
    result = run(tmp_path, says(DEVICE, VALID, changed(case="b", time_ms=None)))
    assert (result.status, result.cause, result.message) == ("ok", "", "")
    assert result.device == DEVICE["device"]
    a, b = result.cases
    assert (a.status, a.bytes, a.flops, a.unit, a.judged) == ("valid", 80, 20, "fp32", False)
    assert a.time_ms is not None
    assert (a.time_ms.median, a.time_ms.runs) == (2.0, 20)
    assert (b.bytes, b.flops, b.time_ms) == (None, None, None)


def test_arguments_and_environment_reach_the_program(tmp_path: Path) -> None:
    code = (
        says(VALID)
        + "\nsys.exit(0 if sys.argv[1:] == ['--reps', '3'] and os.environ['X'] == 'y' else 9)"
    )
    assert run(tmp_path, code, arguments=["--reps", "3"], env={"X": "y"}).status == "ok"


def test_a_runtime_that_chatters_is_passed_over(tmp_path: Path) -> None:
    assert run(tmp_path, says("Warning: device is old", DEVICE, VALID, "")).status == "ok"


def test_a_wrong_result(tmp_path: Path) -> None:
    wrong = changed(valid=False, time_ms=None, max_err=None, rel_err=None)  # NaN prints as null
    result = run(tmp_path, says(DEVICE, wrong) + "\nsys.exit(1)")
    assert result.status == "wrong"
    assert result.cases[0].status == "wrong"
    assert result.cases[0].max_err is None


def test_not_applicable(tmp_path: Path) -> None:
    line = {"kernel": "k", "case": "a", "status": "not applicable", "why": "no matrix units"}
    result = run(tmp_path, says(DEVICE, line))
    assert (result.status, result.message) == ("not applicable", "no matrix units")


def test_out_of_memory_keeps_the_cases_before_it(tmp_path: Path) -> None:
    result = run(tmp_path, says(DEVICE, VALID, ERROR) + "\nsys.exit(3)")
    assert (result.status, result.cause) == ("error", "out of memory")
    assert result.message == (
        "cudaErrorMemoryAllocation: out of memory (gpuMalloc(&p, n) at memory.h:14)"
    )
    assert [case.status for case in result.cases] == ["valid"]


@pytest.mark.parametrize(
    ("name", "cause"),
    [
        ("cudaErrorDevicesUnavailable", "device busy"),
        ("hipErrorOutOfMemory", "out of memory"),
        ("cudaErrorNoKernelImageForDevice", "no code for this GPU"),
        ("cudaErrorUnsupportedPtxVersion", "PTX newer than the driver"),
        ("cudaErrorIllegalAddress", ""),
    ],
)
def test_causes(tmp_path: Path, name: str, cause: str) -> None:
    error = {**ERROR, "error": {"name": name, "text": "words"}}
    result = run(tmp_path, says(error) + "\nsys.exit(3)")
    assert (result.status, result.cause) == ("error", cause)
    assert result.message.startswith(f"{name}: words")


def test_a_crash_keeps_the_cases_before_it(tmp_path: Path) -> None:
    result = run(
        tmp_path, says(VALID) + "\nprint('corrupted', file=sys.stderr, flush=True)\nos.abort()"
    )
    assert (result.status, result.message) == ("crashed", "ended by SIGABRT: corrupted")
    assert len(result.cases) == 1


def test_an_exit_status_without_a_word(tmp_path: Path) -> None:
    assert run(tmp_path, "sys.exit(127)").message == "exit status 127"


def test_a_hang(tmp_path: Path) -> None:
    result = run(tmp_path, says(VALID) + "\ntime.sleep(600)", limit_s=2.0)
    assert (result.status, result.message) == ("timeout", "it did not end within 2 s")
    assert len(result.cases) == 1


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{garbage", "not JSON"),
        ("{" + '"a":{' * 60000, "not a|too long|not JSON"),
        ('{"case": "a", "valid": true, "sizes": {"n": NaN}}', "NaN is not JSON"),
        ("{" + " " * 70000 + "}", "too long"),
        (changed(case="z"), "manifest does not know: 'z'"),
        (changed(case=5), "manifest does not know"),
        (changed(valid="yes"), "does not say whether it is valid"),
        (changed(sizes=None), "an object of numbers"),
        (changed(sizes={"n": "10"}), "expected numbers"),
        (changed(sizes={"n": True}), "expected numbers"),
        (changed(sizes={}), "unknown size 'n'"),
        (changed(sizes={"n": 10**400}), "float's range"),
        (changed(time_ms={"median": 1}), "a time without its 'min'"),
        (changed(time_ms={**TIME, "median": 0.5}), "a time that cannot be"),
        (changed(time_ms={**TIME, "min": 0}), "a time that cannot be"),
        (changed(time_ms=[1]), "an object of numbers"),
        ({"status": "error"}, "an error line without an error"),
    ],
    ids=lambda value: str(value)[:40],  # pytest hands it to programs in a variable
)
def test_output_that_is_no_result(tmp_path: Path, line: Any, words: str) -> None:
    result = run(tmp_path, says(DEVICE, line))
    assert result.status == "bad output"
    assert any(word in result.message for word in words.split("|"))


def test_silence_is_no_success(tmp_path: Path) -> None:
    result = run(tmp_path, "pass")
    assert (result.status, result.message) == ("bad output", "the program reported no case")


def test_binary_output(tmp_path: Path) -> None:
    assert run(tmp_path, "os.write(1, bytes(range(256)) * 100)").status == "bad output"


def test_a_program_that_cannot_start(tmp_path: Path) -> None:
    result = run_program(KERNEL, tmp_path / "nothing")
    said = "it could not be started: No such file or directory"
    assert (result.status, result.message) == ("error", said)
