"""The Typer application. Commands import what they need when they run, so that start-up is quick."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from typing import Annotated, Any

import typer

from gpufix.cli.help import Command, CommandFamily, CommandGroup
from gpufix.cli.pages import PAGES, overview

# What Typer must know of a command beyond its page.
_SETTINGS: Mapping[str, Mapping[str, Any]] = {
    "run": {"context_settings": {"allow_interspersed_args": False}},
}
# Each is the function of its name in the module of its name.
COMMANDS = tuple(PAGES)


def needed(arguments: Sequence[str]) -> Iterable[str]:
    """The command that a command line begins with, else all: help and suggestions name them."""
    return arguments[:1] if arguments and arguments[0] in COMMANDS else COMMANDS


def application(commands: Iterable[str] = COMMANDS) -> typer.Typer:
    """The application with these commands; each costs Typer a hundredth of a doctor's run."""
    app = typer.Typer(
        name="gpufix",
        add_completion=True,
        invoke_without_command=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        cls=CommandGroup,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_root)
    for name in commands:
        function = getattr(import_module(f"gpufix.cli.{name}"), name)
        about, settings = PAGES[name].about, _SETTINGS.get(name, {})
        if isinstance(function, typer.Typer):
            app.add_typer(function, name=name, cls=CommandFamily, short_help=about)
        else:
            app.command(name, cls=Command, short_help=about, **settings)(function)
    return app


def _version(wanted: bool) -> None:
    if wanted:
        from gpufix.cli.start import version

        version()
        raise typer.Exit


def _root(
    ctx: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Find why GPU code does not import, run or build in a Python environment; then repair it."""
    if ctx.invoked_subcommand is None:
        typer.echo(overview(), nl=False)
