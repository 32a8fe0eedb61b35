"""`gpufix explain CODE|FILE|-`: a rule's page, or the cause in a pasted error or log."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gpufix.cli import options
from gpufix.cli.options import TextOrJson

if TYPE_CHECKING:
    from gpufix.checks.registry import Rule

NOT_RECOGNISED = 1


def explain(
    what: Annotated[
        str,
        typer.Argument(
            metavar="CODE|FILE|-",
            help="A rule's code or name; else a file with an error or log; - reads standard input.",
        ),
    ],
    python: options.Python = None,
    facts: options.FactsFile = None,
    gpu: options.Gpu = None,
    no_patient: Annotated[
        bool, typer.Option("--no-patient", help="Explain the text alone; look at no environment.")
    ] = False,
    format: Annotated[TextOrJson, typer.Option("--format", help="text or json.")] = TextOrJson.text,
    output: options.Output = None,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Sources, and all that was recognised.")
    ] = False,
) -> None:
    """Explain a rule, or find the cause in an error message, traceback or build log.

    With a log: what happened, why, what to do; then whether the environment at hand shows the same
    fault, and what `gpufix fix` would do. Exit code 0: recognised. 1: not recognised. 2: usage.
    """
    from gpufix.cli.explain_log import Asked, explain_log
    from gpufix.cli.patient import fail
    from gpufix.plugins import all_rules

    known, _ = all_rules()
    if what != "-":
        chosen = _rules(what, known)
        if isinstance(chosen, list):
            _pages(chosen)
            return
        if not Path(what).exists():
            raise fail(f"{chosen}; and there is no file {what!r} (- reads standard input)")
    if no_patient and (python or facts or gpu):
        raise fail("--no-patient looks at no environment: leave out --python, --facts and --gpu")
    asked = Asked(python, facts, options.split(gpu), no_patient, format, output, verbose)
    if what == "-" and sys.stdin.isatty():
        typer.echo("gpufix: paste the error, then end with Ctrl-D", err=True)
    names = {rule.code: rule.name for rule in known}
    raise typer.Exit(0 if explain_log(what, names, asked) else NOT_RECOGNISED)


def _rules(what: str, known: list[Rule]) -> list[Rule] | str:
    """The rules of this code, name or family; else why there is none."""
    from gpufix.checks.selection import Selection, UnknownCode

    try:
        return Selection(select=(what,)).apply(known)
    except UnknownCode as error:
        return str(error)


def _pages(chosen: list[Rule]) -> None:
    from rich.console import Console
    from rich.markdown import Markdown

    from gpufix.report.clean import clean

    console = Console()
    for rule in chosen:
        page = f"# {rule.code} {rule.name}\n\n{rule.page}"
        console.print(Markdown(clean(page, keep_newlines=True)))
