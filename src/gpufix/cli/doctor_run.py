"""What `gpufix doctor` does, whoever read its command line."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from gpufix.cli.choices import FailOn, Format
from gpufix.cli.config import settings
from gpufix.cli.examine import Patient, examine, examine_node, fail
from gpufix.cli.output import Report, accepted, emit, page, reports, saved_run
from gpufix.diagnosis.diagnose import Gate, diagnose
from gpufix.frozen import Frozen

if TYPE_CHECKING:
    from gpufix.diagnosis.diagnose import Request
    from gpufix.facts.questions import Questions
    from gpufix.model import Diagnosis, Facts


class Wanted(Frozen):
    """Its arguments and options."""

    project: str | None = None
    python: str | None = None
    gpu: list[str] | None = None
    select: list[str] | None = None
    ignore: list[str] | None = None
    fail_on: FailOn | None = None
    strict: bool = False
    baseline: str | None = None
    write_baseline: str | None = None
    format: Format = Format.text
    output: str | None = None
    report: list[str] | None = None
    smoke: str | None = None
    facts: str | None = None
    deep: bool = False
    node: bool = False
    verbose: bool = False


def run(wanted: Wanted) -> int:
    """Report what is wrong; returns the exit code."""
    also = reports(wanted.report)
    benchmark = saved_run(wanted.smoke)
    patient = _patient(wanted)
    chosen = settings(patient.facts, wanted.gpu, wanted.select, wanted.ignore, wanted.fail_on)
    request = replace(chosen.request, scope="node" if wanted.node else "patient")
    gate = _gate(chosen.fail_on, wanted.strict)
    found = _diagnose(patient.facts, request, patient.ask)
    diagnosis = accepted(found, wanted.baseline, wanted.write_baseline)
    html = partial(page, diagnosis, patient, request, benchmark)
    replay = patient.ask is None
    made = Report(diagnosis, gate, patient.facts.project, wanted.verbose, html, replay)
    emit(made, wanted.format, wanted.output, also)
    return gate.exit_code(diagnosis)


def _patient(wanted: Wanted) -> Patient:
    if not wanted.node:
        return examine(wanted.python, wanted.project, wanted.facts, wanted.deep)
    if wanted.python or wanted.project or wanted.gpu or wanted.deep or wanted.smoke:
        raise fail("--node judges the machine: it cannot be combined with what chooses a patient")
    return examine_node(wanted.facts)


def _diagnose(facts: Facts, request: Request, ask: Questions | None) -> Diagnosis:
    from gpufix.checks.judge import UnknownCode
    from gpufix.knowledge.gpus.models import GpuNameError

    try:
        return diagnose(facts, request, ask)
    except (GpuNameError, UnknownCode) as error:
        raise fail(str(error)) from None


def _gate(fail_on: FailOn, strict: bool) -> Gate:
    from gpufix.model import Severity

    return Gate(None if fail_on is FailOn.never else Severity(fail_on.value), strict)
