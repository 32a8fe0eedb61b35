"""The Typer application. Commands import what they need when they run, so that start-up is quick."""

from __future__ import annotations

from typing import Annotated

import typer

from gpufix.cli import (
    build,
    doctor,
    env,
    explain,
    fix,
    inspect,
    recommend,
    rules,
    run,
    smoke,
    snapshot,
    undo,
)
from gpufix.cli.help import CommandGroup

app = typer.Typer(
    name="gpufix",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    cls=CommandGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        import gpufix

        typer.echo(f"gpufix {gpufix.__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Find why GPU code will not import, run or build in a Python environment; then repair it."""


app.command("doctor")(doctor.doctor)
app.command("fix")(fix.fix)
app.command("undo")(undo.undo)
app.command("explain")(explain.explain)
app.command("recommend", short_help="Which torch build fits these GPUs, this driver, this Python.")(
    recommend.recommend
)
app.command("inspect", short_help="What a .so, wheel or package needs, and which GPUs it serves.")(
    inspect.inspect
)
app.command("build", short_help="Build extension folders with the right environment.")(build.build)
app.command("env", short_help="The variables that fixes have set, to be exported.")(env.env)
app.command(
    "run",
    short_help="Run a command with those variables.",
    context_settings={"allow_interspersed_args": False},
)(run.run)
app.command("smoke", short_help="Prove that GPU code builds and runs: a kernel suite, timed.")(
    smoke.smoke
)
app.command("snapshot", short_help="Save all that was observed, redacted, for doctor --facts.")(
    snapshot.snapshot
)
app.command("rules", short_help="List every rule: code, name and one line.")(rules.rules)
