"""What is read without Typer is read as Typer reads it; all else is left to Typer."""

from __future__ import annotations

import dataclasses
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some
from typer.main import get_command

from gpufix.cli import doctor_run, start
from gpufix.cli.app import application
from gpufix.cli.doctor_wanted import Wanted

PLAIN = [
    [],
    ["."],
    [""],
    ["-v"],
    ["--verbose"],
    ["--python", "/env"],
    ["--python", ""],
    ["--gpu", "sm_120"],
    ["--gpu", "sm_120", "--gpu", "RTX 5080,sm_90", "project"],
    ["--format", "json", "--strict", "--deep"],
    ["project", "--format", "html", "-v", "--gpu", "gfx1101"],
]
TYPERS = [
    ["--help"],
    ["-h"],
    ["--python=/env"],
    ["--python"],
    ["--python", "--gpu", "sm_120"],
    ["--python", "a", "--python", "b"],
    ["--format", "yaml"],
    ["--format", "JSON"],
    ["--", "project"],
    ["-"],
    ["-vv"],
    ["--verb"],
    ["--fail-on", "never"],
    ["one", "two"],
    ["--sm_120"],
]


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[Wanted]:
    """What the doctor was run with."""
    wanted: list[Wanted] = []
    monkeypatch.setattr(doctor_run, "run", lambda each: wanted.append(each) or 7)
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)  # Typer replaces it
    return wanted


def typer_says(arguments: list[str]) -> Any:
    with pytest.raises(SystemExit) as ended:
        application(["doctor"])(["doctor", *arguments], prog_name="gpufix")
    return ended.value.code


@pytest.mark.parametrize("arguments", PLAIN, ids=" ".join)
def test_a_plain_command_line_is_read_as_typer_reads_it(
    arguments: list[str], ran: list[Wanted]
) -> None:
    with pytest.raises(SystemExit) as ended:
        start.serve(["doctor", *arguments])
    assert ended.value.code == typer_says(arguments) == 7
    ours, typers = ran
    assert ours == typers


@pytest.mark.parametrize("arguments", TYPERS, ids=" ".join)
def test_any_other_is_left_to_typer(arguments: list[str], ran: list[Wanted]) -> None:
    assert start.serve(["doctor", *arguments]) is False
    assert ran == []


WORDS = ["--python", "--gpu", "--format", "-v", "--strict", "--", "-", "", "json", "a", "-x", "é"]


@given(some.lists(some.sampled_from(WORDS), max_size=6))
def test_whatever_is_typed(arguments: list[str]) -> None:
    read = start.plain(arguments)
    if read is None:
        return
    command = get_command(application(["doctor"])).commands["doctor"]  # type: ignore[attr-defined]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "excepthook", sys.excepthook)
        given_, options = read
        parsed = command.make_context("doctor", list(arguments), resilient_parsing=True).params
    # Where nothing need hold, Typer forgives; what it took from the line must be what we took.
    assert (parsed["project"] or "") == (given_[0] if given_ else "") or len(given_) > 1
    assert (parsed["python"] or "") == options.get("python", "")
    assert list(parsed["gpu"] or []) == list(options.get("gpu", []))
    assert parsed["verbose"] == options.get("verbose", False)


def test_every_option_that_is_read_is_one_of_the_commands() -> None:
    names = {field.name for field in dataclasses.fields(Wanted)}
    assert {name.removeprefix("--") for name in start._VALUES} | set(start._FLAGS.values()) <= names
