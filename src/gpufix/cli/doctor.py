"""`gpufix doctor`: judge an environment."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from gpufix.cli import options
from gpufix.cli.options import FailOn, Format

if TYPE_CHECKING:
    from gpufix.diagnosis.diagnose import Gate, Request
    from gpufix.facts.questions import Questions
    from gpufix.model import Diagnosis, Facts


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
        bool, typer.Option("--strict", help="Exit 1 also when something could not be looked at.")
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

    Exit code 0: clean. 1: findings at or over --fail-on. 2: usage. 3: gpufix itself failed.
    """
    from gpufix.cli.config import settings
    from gpufix.cli.examine import examine
    from gpufix.cli.output import Report, accepted, emit, page, reports, saved_run

    also = reports(report)
    benchmark = saved_run(smoke)
    patient = examine(python, project, facts, deep)
    chosen = settings(patient.facts, gpu, select, ignore, fail_on)
    gate = _gate(chosen.fail_on, strict)
    found = _diagnose(patient.facts, chosen.request, patient.ask)
    diagnosis = accepted(found, baseline, write_baseline)
    html = partial(page, diagnosis, patient, chosen.request, benchmark)
    replay = patient.ask is None
    made = Report(diagnosis, gate, patient.facts.project, verbose, html, replay)
    emit(made, format, output, also)
    raise typer.Exit(gate.exit_code(diagnosis))


def _diagnose(facts: Facts, request: Request, ask: Questions | None) -> Diagnosis:
    from gpufix.checks.judge import UnknownCode
    from gpufix.cli.examine import fail
    from gpufix.diagnosis.diagnose import diagnose
    from gpufix.knowledge.gpus.models import GpuNameError

    try:
        return diagnose(facts, request, ask)
    except (GpuNameError, UnknownCode) as error:
        raise fail(str(error)) from None


def _gate(fail_on: FailOn, strict: bool) -> Gate:
    from gpufix.diagnosis.diagnose import Gate
    from gpufix.model import Severity

    return Gate(None if fail_on is FailOn.never else Severity(fail_on.value), strict)
