"""`gpufix run -- CMD`: a command with the environment file applied."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from gpufix.cli import options

NOT_EXECUTABLE, NOT_FOUND = 126, 127  # as a shell has it


def run(
    command: Annotated[list[str], typer.Argument(metavar="-- CMD...", help="The command.")],
    python: options.Python = None,
    gpu: options.Gpu = None,
    project: Annotated[
        str | None,
        typer.Option(
            "--project", metavar="FOLDER", help="Project folder. Default: the current one."
        ),
    ] = None,
    build: Annotated[
        bool, typer.Option("--build", help="Also those that a build for the targets needs.")
    ] = False,
) -> None:
    """Run a command with the variables of the environment file. Its exit code is gpufix's.

    The command replaces gpufix: signals reach it, and 126 and 127 mean what they do in a shell.
    """
    from gpufix.cli.build_view import overlay_of
    from gpufix.cli.env import for_build
    from gpufix.cli.examine import fail

    if gpu and not build:
        raise fail("--gpu says for what to build: it needs --build")
    settings, notes = for_build(python, gpu, project, verbose=False) if build else ({}, [])
    variables = {**overlay_of(python, project), **settings}
    for note in notes:
        typer.echo(f"gpufix: {note}", err=True)
    environ = dict(os.environ)
    for name, value in variables.items():
        if value is None:
            environ.pop(name, None)
        else:
            environ[name] = value
    _replace(command, environ)


def _replace(command: list[str], environ: dict[str, str]) -> None:
    """exec, found on the PATH that the command itself will have."""
    from gpufix.text.clean import clean

    try:
        os.execvpe(command[0], command, environ)
    except (FileNotFoundError, NotADirectoryError):
        code, why = NOT_FOUND, "command not found"
    except (OSError, ValueError) as error:
        code, why = NOT_EXECUTABLE, str(error)
    typer.echo(f"gpufix: {clean(command[0])}: {clean(why)}", err=True)
    raise typer.Exit(code)
