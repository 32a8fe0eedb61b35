"""What `gpufix doctor` does, whoever read its command line."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from gpufix.cli.config import settings
from gpufix.cli.cut_off import say_cut_off
from gpufix.cli.doctor_wanted import Wanted
from gpufix.cli.examine import examine, fail
from gpufix.cli.output import Report, accepted, emit, page, reports, saved_run
from gpufix.diagnosis.diagnose import diagnose
from gpufix.diagnosis.verdict import Gate

if TYPE_CHECKING:
    from gpufix.diagnosis.diagnose import Request
    from gpufix.facts.questions import Questions
    from gpufix.model import Diagnosis, Facts


def run(wanted: Wanted) -> int:
    """Report what is wrong; returns the exit code."""
    also = reports(wanted.report)
    benchmark = saved_run(wanted.smoke)
    patient = examine(wanted.python, wanted.project, wanted.facts, wanted.deep)
    if patient.ask is not None:
        say_cut_off(patient.facts)
    chosen = settings(patient.facts, wanted.gpu, wanted.select, wanted.ignore, wanted.fail_on)
    gate = Gate.of(chosen.fail_on.value, wanted.strict)
    found = _diagnose(patient.facts, chosen.request, patient.ask)
    diagnosis = accepted(found, wanted.baseline, wanted.write_baseline)
    html = partial(page, diagnosis, patient, chosen.request, benchmark)
    replay = patient.ask is None
    made = Report(diagnosis, gate, patient.facts.project, wanted.verbose, html, replay)
    emit(made, wanted.format, wanted.output, also)
    return gate.exit_code(diagnosis)


def _diagnose(facts: Facts, request: Request, ask: Questions | None) -> Diagnosis:
    from gpufix.checks.judge import UnknownCode
    from gpufix.knowledge.gpus.models import GpuNameError

    try:
        return diagnose(facts, request, ask)
    except (GpuNameError, UnknownCode) as error:
        raise fail(str(error)) from None
