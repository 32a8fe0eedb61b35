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

app = typer.Typer(
    name="gpufix",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    help="A doctor and auto-fixer for Python environments that run GPU code.",
    epilog="Start with: gpufix doctor. A GPU that is not here: gpufix doctor --gpu 'RTX 5080'.",
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
app.command("inspect")(inspect.inspect)
app.command("explain")(explain.explain)
app.command("recommend")(recommend.recommend)
app.command("snapshot")(snapshot.snapshot)
app.command("rules")(rules.rules)
app.command("build")(build.build)
app.command("env")(env.env)
app.command("run", context_settings={"allow_interspersed_args": False})(run.run)
app.command("smoke")(smoke.smoke)
