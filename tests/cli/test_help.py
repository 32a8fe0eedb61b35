"""`--help` teaches in one screen, and usage errors have one style."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from gpufix.cli.app import application
from gpufix.cli.help import command_help, grouped
from gpufix.cli.pages import FLEET, PAGES, Page, overview

COMMANDS: dict[str, Any] = get_command(application()).commands  # type: ignore[attr-defined]
BELOW: dict[str, Any] = COMMANDS["fleet"].commands
EVERY: dict[str, tuple[Page, Any]] = {
    **{name: (PAGES[name], COMMANDS[name]) for name in PAGES},
    **{f"fleet {name}": (FLEET[name], BELOW[name]) for name in FLEET},
}
ROWS = 50  # of a command's page; the overview fits a terminal of 24


def shown(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "gpufix", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], []])
def test_one_screen(arguments: list[str]) -> None:
    done = shown(*arguments)
    assert (done.stdout, done.stderr, done.returncode) == (overview(), "", 0)


def test_the_overview_fits_a_terminal() -> None:
    lines = overview().rstrip("\n").split("\n")
    assert len(lines) <= 24
    assert max(map(len, lines)) <= 80


def test_every_command_is_named_and_what_comes_first_comes_first() -> None:
    text = overview()
    assert COMMANDS.keys() == PAGES.keys()
    assert BELOW.keys() == FLEET.keys()
    for name in COMMANDS:
        assert f"gpufix {name}" in text or f"\n  {name} " in text, name
    order = [text.index(f"gpufix {name}") for name in ("doctor", "fix --apply", "undo")]
    assert order == sorted(order)


@pytest.mark.parametrize("name", EVERY)
def test_a_command_is_told_in_one_screen(name: str) -> None:
    page, command = EVERY[name]
    text = command_help(page, command)
    lines = text.split("\n")
    assert len(lines) <= ROWS
    assert max(map(len, lines)) <= 80
    assert not any(word in text for word in ("<bool>", "<list", "<str>", " VALUE"))
    assert len(page.examples) == 4
    purposes = [purpose for purpose, _ in grouped(page, command)]
    assert "Other" not in purposes, "cli/pages.py names no purpose for an option"


@pytest.mark.parametrize("name", EVERY)
def test_the_examples_are_valid(name: str) -> None:
    """Each option of an example is declared by the command that it is typed after."""
    for example, _ in EVERY[name][0].examples:
        words = example.partition("gpufix ")[2].rstrip('")').partition(" | ")[0].split()
        command = COMMANDS[words[0]]
        command = getattr(command, "commands", {}).get("".join(words[1:2]), command)
        declared = {o for p in command.params for o in [*p.opts, *p.secondary_opts]}
        own = words[: words.index("--")] if "--" in words else words
        given = {w.partition("=")[0] for w in own if w.startswith("-") and w != "-"}
        assert given <= declared, example


@pytest.mark.some(4)
@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["docto"], "gpufix: no such command 'docto'; did you mean 'doctor'?"),
        (["doctor", "--fail-on", "eror"], "gpufix: --fail-on 'eror': expected error, "),
        (["doctor", "--selct", "x"], "gpufix: no such option: --selct; did you mean --select?"),
        (["build"], "gpufix: missing argument 'PATH...'"),
        (["smoke", "--jobs", "x"], "gpufix: --jobs: "),
        (["fleet", "manifest"], "gpufix: missing argument 'KIND': job, daemonset\n"),
        (["inspect", "no/such.so"], "gpufix: no/such.so: no such file"),
        (["explain", "no.log"], "gpufix: there is no file 'no.log'"),
        (["explain", "WHL999"], "gpufix: no rule has the code 'WHL999'; did you mean WHL5"),
        (["doctor", "a", "b"], "gpufix: unexpected: b"),
        (["doctor", "--gpu", "RTX 5080 Ti"], "gpufix: 'RTX 5080 Ti' "),
        (["doctor", "--select", "SYM999"], "gpufix: "),
        (["doctor", "--python", "/no/such"], "gpufix: /no/such is not a usable Python"),
    ],
)
def test_usage_errors_are_of_one_style(arguments: list[str], says: str, tmp_path: Path) -> None:
    done = shown(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(says)
    assert all(line.startswith("gpufix: ") for line in done.stderr.splitlines())


def test_an_option_without_its_value_names_the_command() -> None:
    assert shown("doctor", "--gpu").stderr.endswith(
        "gpufix: `gpufix doctor --help` shows examples and options\n"
    )


def test_the_readme_names_every_command() -> None:
    readme = (Path(__file__).parent.parent.parent / "README.md").read_text("utf-8")
    for name in COMMANDS:
        assert f"`gpufix {name}" in readme, name
