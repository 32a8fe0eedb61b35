"""The man page and docs/commands.md, from the commands' pages and declared options."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from typer.main import get_command

import gpufix
from gpufix.cli.app import application
from gpufix.cli.help import command_help, grouped, option_names
from gpufix.cli.pages import FLEET, PAGES, Page


def declared() -> dict[str, Any]:
    """Typer's command of each name."""
    found: dict[str, Any] = get_command(application()).commands  # type: ignore[attr-defined]
    return found


def _commands() -> Iterator[tuple[str, Page, Any]]:
    """Name, page and command; those of a family follow it."""
    commands = declared()
    for name, page in PAGES.items():
        yield name, page, commands[name]
        for below, own in getattr(commands[name], "commands", {}).items():
            yield f"{name} {below}", FLEET[below], own


def markdown() -> str:
    """Every command's help, as the program prints it."""
    parts = [
        "# Commands\n\nWhat `gpufix COMMAND --help` prints. [The tutorial](tutorial.md) shows them at work.\n"
    ]
    for name, page, command in _commands():
        text = command_help(page, command)
        parts.append(f"## gpufix {name}\n\n{page.about}\n\n```text\n{text}\n```\n")
    return "\n".join(parts)


def manual() -> str:
    """gpufix(1) in man's macros."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield f'.TH GPUFIX 1 "" "gpufix {gpufix.__version__}" "User Commands"'
    yield from (
        ".SH NAME",
        r"gpufix \- a doctor and auto-fixer for Python environments that run GPU code",
    )
    yield from (".SH SYNOPSIS", ".B gpufix", r"\fICOMMAND\fR [\fIOPTIONS\fR]")
    yield ".SH DESCRIPTION"
    yield _roff(
        "gpufix finds why GPU code does not import, run or build in a Python environment, repairs it, "
        "proves the repair, and can undo it. It reads files and imports nothing of the environment."
    )
    for name, page, command in _commands():
        yield f".SH GPUFIX {name.upper()}"
        yield from (_roff(page.about), ".PP", f".B {_roff(page.synopsis)}", ".PP")
        yield _roff(" ".join((command.help or "").split()))
        for example, about in page.examples:
            yield from (".TP", f".B {_roff(example)}", _roff(about))
        for purpose, options in grouped(page, command):
            yield f".SS {_roff(purpose)}"
            for option in options:
                yield from (".TP", f".B {_roff(option_names(option))}", _roff(option.help or ""))
        if page.exits:
            yield from (".SS Exit code", _roff(page.exits + "."))
    yield from (".SH SEE ALSO", _roff("pip(1), uv(1), nvcc(1), ld.so(8)"))


def _roff(text: str) -> str:
    shown = re.sub(r"\s+", " ", text).replace("\\", "\\e").replace("-", "\\-").replace('"', "\\(dq")
    return f"\\&{shown}" if shown[:1] in (".", "'") else shown
