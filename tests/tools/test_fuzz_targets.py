"""Every target of fuzz/ reads its seeds and the inputs that were kept: what was mended stays so."""

from __future__ import annotations

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

FUZZ = Path(__file__).parents[2] / "fuzz"
sys.path.append(str(FUZZ))

from fuzz_target import BadAnswer, Target, checked  # noqa: E402 - the folder is none of the tests'

RUN = spec_from_file_location("fuzz_run", FUZZ / "run.py")
assert RUN is not None and RUN.loader is not None
RUN.loader.exec_module(fuzz_run := module_from_spec(RUN))
TARGETS: dict[str, Target] = fuzz_run.TARGETS


@pytest.mark.parametrize("name", TARGETS)
def test_known_inputs(name: str) -> None:
    target = TARGETS[name]
    one_input = checked(target, slower=10)  # a busy machine
    inputs = [*target.seeds(), *(path.read_bytes() for path in (FUZZ / "corpus" / name).glob("*"))]
    assert inputs
    for data in inputs:
        one_input(data)


def test_an_undeclared_exception_and_a_large_answer_are_findings() -> None:
    with pytest.raises(ZeroDivisionError):
        checked(Target(lambda: lambda data: 1 // 0))(b"")
    with pytest.raises(BadAnswer, match="an answer of"):
        checked(Target(lambda: lambda data: "x" * (1 << 20)))(b"a")
    checked(Target(lambda: lambda data: 1 // 0, lambda: (ZeroDivisionError,)))(b"")


def test_every_kept_input_belongs_to_a_target() -> None:
    assert {path.name for path in (FUZZ / "corpus").iterdir()} <= set(TARGETS)
    size = sum(path.stat().st_size for path in (FUZZ / "corpus").rglob("*") if path.is_file())
    assert size < 512 << 10
