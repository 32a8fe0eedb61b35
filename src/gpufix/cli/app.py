"""The Typer application. Commands import what they need when they run, so that start-up is quick."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from typing import Annotated, Any

import typer

from gpufix.cli.help import CommandGroup

# Each is the function of its name in the module of its name.
COMMANDS: Mapping[str, Mapping[str, Any]] = {
    "doctor": {},
    "fix": {},
    "undo": {},
    "explain": {},
    "recommend": {"short_help": "Which torch build fits these GPUs, this driver, this Python."},
    "inspect": {"short_help": "What a .so, wheel or package needs, and which GPUs it serves."},
    "build": {"short_help": "Build extension folders with the right environment."},
    "env": {"short_help": "The variables that fixes have set, to be exported."},
    "run": {
        "short_help": "Run a command with those variables.",
        "context_settings": {"allow_interspersed_args": False},
    },
    "smoke": {"short_help": "Prove that GPU code builds and runs: a kernel suite, timed."},
    "snapshot": {"short_help": "Save all that was observed, redacted, for doctor --facts."},
    "diff": {"short_help": "What differs between two snapshots."},
    "fleet": {"short_help": "Many nodes: who is the odd one out, by Ray, Slurm, ssh, Kubernetes."},
    "rules": {"short_help": "List every rule: code, name and one line."},
}


def needed(arguments: Sequence[str]) -> Iterable[str]:
    """The command that a command line begins with, else all: help and suggestions name them."""
    return arguments[:1] if arguments and arguments[0] in COMMANDS else COMMANDS


def application(commands: Iterable[str] = COMMANDS) -> typer.Typer:
    """The application with these commands; each costs Typer a hundredth of a doctor's run."""
    app = typer.Typer(
        name="gpufix",
        no_args_is_help=True,
        add_completion=True,
        pretty_exceptions_enable=False,
        cls=CommandGroup,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_root)
    for name in commands:
        function = getattr(import_module(f"gpufix.cli.{name}"), name)
        if isinstance(function, typer.Typer):
            app.add_typer(function, name=name, **COMMANDS[name])
        else:
            app.command(name, **COMMANDS[name])(function)
    return app


def _version(wanted: bool) -> None:
    if wanted:
        from gpufix.cli.start import version

        version()
        raise typer.Exit


def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Find why GPU code will not import, run or build in a Python environment; then repair it."""
