"""`gpufix doctor`: judge an environment."""

from __future__ import annotations

from typing import Annotated

import typer

from gpufix.cli import options
from gpufix.cli.choices import FailOn, Format


def doctor(
    project: options.Project = None,
    python: options.Python = None,
    gpu: options.Gpu = None,
    select: options.Select = None,
    ignore: options.Ignore = None,
    fail_on: Annotated[
        FailOn | None,
        typer.Option(
            "--fail-on",
            metavar="LEVEL",
            help="Least severity that makes the exit code 1.  [default: error]",
        ),
    ] = None,
    strict: Annotated[
        bool,
        typer.Option(
            "--strict",
            help="Exit 1 also when something could not be looked at, or nothing was judged.",
        ),
    ] = False,
    baseline: Annotated[
        str | None,
        typer.Option(
            "--baseline", metavar="FILE", help="Known findings: counted, not reported again."
        ),
    ] = None,
    write_baseline: Annotated[
        str | None,
        typer.Option("--write-baseline", metavar="FILE", help="Accept what is found now as known."),
    ] = None,
    format: Annotated[Format, typer.Option("--format", help="Report format.")] = Format.text,
    output: options.Output = None,
    report: Annotated[
        list[str] | None,
        typer.Option(
            "--report",
            metavar="FORMAT=FILE",
            help="Also write this report: junit=gpufix.xml. Repeatable.",
        ),
    ] = None,
    smoke: Annotated[
        str | None,
        typer.Option(
            "--smoke", metavar="FILE", help="A run that smoke --save kept, for the HTML report."
        ),
    ] = None,
    facts: options.FactsFile = None,
    deep: options.Deep = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="All evidence, gaps and fixes.")
    ] = False,
) -> None:
    """Say what is wrong with a Python GPU environment, without importing anything.

    Verdict: clean, faults, incomplete (something could not be looked at), or nothing judged (no
    environment, or nothing in it that a rule knows). Exit code 0: nothing at or over --fail-on. 1: findings.
    2: usage. 3: gpufix itself failed.
    """
    from gpufix.cli.doctor_run import Wanted, run

    wanted = Wanted(
        project=project,
        python=python,
        gpu=gpu,
        select=select,
        ignore=ignore,
        fail_on=fail_on,
        strict=strict,
        baseline=baseline,
        write_baseline=write_baseline,
        format=format,
        output=output,
        report=report,
        smoke=smoke,
        facts=facts,
        deep=deep,
        verbose=verbose,
    )
    raise typer.Exit(run(wanted))
