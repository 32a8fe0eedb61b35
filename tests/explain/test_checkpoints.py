"""Checkpoints that do not load: files that are none, keys of another transformers, a path that is not there."""

from __future__ import annotations

import pytest

from gpufix.explain.explanation import Explanation
from gpufix.explain.read import explain


def told(log: str) -> Explanation:
    primary = explain([log.encode()])[0].primary
    assert primary is not None, log
    return primary


REFUSED = "_pickle.UnpicklingError: Weights only load failed. Re-run\nWeightsUnpickler error: "
LOADS = "RuntimeError: Error(s) in loading state_dict for Tower:\n\t"


@pytest.mark.parametrize(
    "log, do",
    [
        (f"{REFUSED}Unsupported operand 149", "weights_only=False) for files that you trust"),
        (f"{REFUSED}Unsupported global: GLOBAL tower.Brick", "weights_only=False) for files"),
        (f"{REFUSED}Unsupported operand 60", "weights_only=False does not help"),
        ("WeightsUnpickler error: Unsupported operand 10", "download it again"),
        (
            f'{LOADS}Unexpected key(s) in state_dict: "a.position_ids", "b.position_ids". ',
            '"transformers<4.31"',
        ),
        (f'{LOADS}Missing key(s) in state_dict: "a.position_ids". ', '"transformers>=4.31"'),
        (
            f'{LOADS}Missing key(s) in state_dict: "a.position_ids", "a.weight". ',
            "that it was trained with",
        ),
    ],
)
def test_what_the_reader_of_a_checkpoint_says(log: str, do: str) -> None:
    assert do in told(log).do


def test_a_first_byte_is_told_as_what_it_begins() -> None:
    assert "a page of HTML" in told(f"{REFUSED}Unsupported operand 60").what
    assert "'P'. It is" in told(f"{REFUSED}Unsupported operand 80").what


ABSENT = "FileNotFoundError: [Errno 2] No such file or directory: "
OF_PACKAGE = (
    '  File "/env/lib/python3.11/site-packages/kiln/fire.py", line 3, in burn\n    open(p)\n'
)


@pytest.mark.parametrize(
    "log, what, do",
    [
        (f"{ABSENT}'data/bricks.json'", "folder in which Python was started", "earlier step"),
        (f"{OF_PACKAGE}{ABSENT}'/srv/bricks.json'", "There is no /srv/bricks.json.", "-U kiln"),
        (
            "FileNotFoundError: [WinError 3] The system cannot find the path specified: 'D:\\\\bricks'",
            "There is no D:\\bricks.",
            "mount",
        ),
    ],
)
def test_a_path_that_is_not_there(log: str, what: str, do: str) -> None:
    primary = told(log)
    assert (primary.id, primary.role) == ("missing-file", "symptom")
    assert what in primary.what and do in primary.do


@pytest.mark.parametrize(
    "log",
    [
        f"{ABSENT}'ninja'",  # a program, which a row knows
        f"{ABSENT}'a.json'\nDuring handling of the above exception\nRuntimeError: the kiln is cold",
        "FileNotFoundError: no bricks",
    ],
)
def test_other_errors_are_no_missing_path(log: str) -> None:
    primary = explain([log.encode()])[0].primary
    assert primary is None or primary.id != "missing-file"
