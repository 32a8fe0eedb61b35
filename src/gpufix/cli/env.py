"""`gpufix env`: the variables to export."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from gpufix.cli import options


class EnvFormat(str, Enum):
    """Who takes the variables over."""

    sh = "sh"
    fish = "fish"
    github = "github"
    dotenv = "dotenv"
    json = "json"


def env(
    project: options.Project = None,
    python: options.Python = None,
    gpu: options.Gpu = None,
    build: Annotated[
        bool, typer.Option("--build", help="Add those that a build for the targets needs.")
    ] = False,
    format: Annotated[EnvFormat, typer.Option("--format", help="Output format.")] = EnvFormat.sh,
    output: options.Output = None,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Say on standard error why each is set.")
    ] = False,
) -> None:
    """Print the variables of the environment file, for `eval "$(gpufix env)"`.

    Formats: sh, fish, github (append it to $GITHUB_ENV), dotenv, json (null = unset). With
    --output, the other lines of the file stay, and a second call changes nothing.
    """
    from gpufix.cli.build_overlay import overlay_of
    from gpufix.cli.output import write
    from gpufix.cli.patient import fail
    from gpufix.report.build_variables import NotExpressible, render
    from gpufix.report.clean import clean

    if gpu and not build:
        raise fail("--gpu says for what to build: it needs --build")
    found = overlay_of(python, project)
    notes: list[str] = []
    if build:
        settings, notes = for_build(python, gpu, project, verbose)
        found = {**found, **settings}
    try:
        text, said = render(found, format.value)
    except NotExpressible as error:
        raise fail(str(error)) from None
    for note in (*notes, *said):
        typer.echo(f"gpufix: {clean(note)}", err=True)
    if output is None or format is EnvFormat.json:
        write(text, output)
    else:
        _into(output, text, format)


def _into(file: str, text: str, format: EnvFormat) -> None:
    """Into a file that may hold more than gpufix's variables."""
    from gpufix.cli.env_file import NotText, put
    from gpufix.cli.patient import fail

    try:
        put(Path(file), text, comments=format is not EnvFormat.github)
    except OSError as error:
        raise fail(f"--output {file}: {error.strerror}") from None
    except NotText as error:
        raise fail(f"--output {file}: {error}") from None


def for_build(
    python: str | None, gpu: list[str] | None, project: str | None, verbose: bool
) -> tuple[dict[str, str | None], list[str]]:
    from gpufix.buildenv.assemble import build_environment
    from gpufix.cli.build_view import view_of

    environment = build_environment(view_of(python, gpu, project))
    notes = [f"{v.name}: {v.reason}" for v in environment.variables] if verbose else []
    return environment.settings(), [*notes, *environment.obstacles]
