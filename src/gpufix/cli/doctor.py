"""`gpufix doctor`: judge an environment."""

from __future__ import annotations

from typing import Annotated

import typer

from gpufix.cli import options
from gpufix.cli.choices import FailOn, Format

_FORMATS = "text, json, github, sarif, junit, markdown, html."


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
            help="error, warning, advice or never.  [default: error]",
        ),
    ] = None,
    strict: Annotated[
        bool,
        typer.Option(
            "--strict",
            help="Also fail when something could not be read or judged.",
        ),
    ] = False,
    baseline: Annotated[
        str | None,
        typer.Option("--baseline", metavar="FILE", help="Known findings: counted, not reported."),
    ] = None,
    write_baseline: Annotated[
        str | None,
        typer.Option("--write-baseline", metavar="FILE", help="Accept what is found now."),
    ] = None,
    format: Annotated[
        Format, typer.Option("--format", help=_FORMATS, metavar="FORMAT")
    ] = Format.text,
    output: options.Output = None,
    report: Annotated[
        list[str] | None,
        typer.Option(
            "--report",
            metavar="FORMAT=FILE",
            help="Also write this report. Repeatable.",
        ),
    ] = None,
    smoke: Annotated[
        str | None,
        typer.Option("--smoke", metavar="FILE", help="A saved benchmark, for the HTML report."),
    ] = None,
    facts: options.FactsFile = None,
    deep: options.Deep = False,
    node: options.Node = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="All evidence, gaps and plans; what was read.")
    ] = False,
) -> None:
    """Find what is wrong with a Python GPU environment. It reads files and imports nothing.

    With --node the machine itself is judged: GPUs, driver, links, limits (docs/node.md).

    Verdicts: clean, faults, incomplete (something could not be read), nothing judged.
    """
    from gpufix.cli.doctor_wanted import Wanted

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
        node=node,
        verbose=verbose,
    )
    if node:
        from gpufix.cli.node_run import run
    else:
        from gpufix.cli.doctor_run import run

    raise typer.Exit(run(wanted))
