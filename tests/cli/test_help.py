"""`gpufix --help` teaches in one screen."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command

from gpufix.cli.app import application


def shown(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "gpufix", *arguments], capture_output=True, text=True, check=False
    )
    return done.stdout + done.stderr


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], []])
def test_one_screen(arguments: list[str]) -> None:
    lines = shown(*arguments).rstrip("\n").split("\n")
    assert len(lines) <= 24
    assert max(map(len, lines)) <= 80
    assert not any(line.endswith("...") for line in lines)


def test_every_command_is_named_and_what_comes_first_comes_first() -> None:
    text = shown("--help")
    for name in get_command(application()).commands:  # type: ignore[attr-defined]
        assert f"gpufix {name}" in text or f"\n  {name} " in text, name
    order = [text.index(f"gpufix {name}") for name in ("doctor", "fix --apply", "undo")]
    assert order == sorted(order)


def test_the_readme_names_every_command() -> None:
    readme = (Path(__file__).parent.parent.parent / "README.md").read_text("utf-8")
    for name in get_command(application()).commands:  # type: ignore[attr-defined]
        assert f"`gpufix {name}" in readme, name
