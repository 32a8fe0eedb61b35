"""`gpufix doctor`: judge an environment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Optional

import typer

from gpufix.cli import options
from gpufix.cli.options import FailOn, Format

if TYPE_CHECKING:
    from gpufix.doctor import Request
    from gpufix.model import Diagnosis, Facts
    from gpufix.view import Ask

FINDINGS, INTERNAL = 1, 3


def doctor(
    project: options.Project = None,
    python: options.Python = None,
    gpu: options.Gpu = None,
    select: options.Select = None,
    ignore: options.Ignore = None,
    fail_on: Annotated[
        Optional[FailOn],
        typer.Option(
            "--fail-on",
            metavar="LEVEL",
            help="Least severity that makes the exit code 1.  [default: error]",
        ),
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit 1 also when something could not be looked at.")
    ] = False,
    format: Annotated[Format, typer.Option("--format", help="Report format.")] = Format.text,
    output: options.Output = None,
    facts: options.FactsFile = None,
    deep: options.Deep = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="All evidence, gaps and fixes.")
    ] = False,
) -> None:
    """Say what is wrong with a Python GPU environment, without importing anything.

    Exit code 0: clean. 1: findings at or over --fail-on. 2: usage. 3: gpufix itself failed.
    """
    from gpufix.cli.config import settings
    from gpufix.cli.output import emit
    from gpufix.cli.patient import examine

    patient = examine(python, project, facts, deep)
    chosen = settings(patient.facts, gpu, select, ignore, fail_on)
    diagnosis = _diagnose(patient.facts, chosen.request, patient.ask)
    emit(diagnosis, format, output, verbose)
    raise typer.Exit(exit_code(diagnosis, chosen.fail_on, strict))


def _diagnose(facts: Facts, request: Request, ask: Ask | None) -> Diagnosis:
    from gpufix.checks.selection import UnknownCode
    from gpufix.cli.patient import fail
    from gpufix.doctor import diagnose
    from gpufix.knowledge.gpus import GpuNameError

    try:
        return diagnose(facts, request, ask)
    except (GpuNameError, UnknownCode) as error:
        raise fail(str(error)) from None


def exit_code(diagnosis: Diagnosis, fail_on: FailOn, strict: bool) -> int:
    """The designed exit code of a completed report."""
    from gpufix.doctor import INTERNAL_CODES
    from gpufix.model import Severity

    if any(f.code in INTERNAL_CODES for f in diagnosis.findings):
        return INTERNAL
    if strict and diagnosis.gaps:
        return FINDINGS
    if fail_on is FailOn.never:
        return 0
    least = Severity(fail_on.value).rank
    return FINDINGS if any(f.severity.rank >= least for f in diagnosis.findings) else 0
