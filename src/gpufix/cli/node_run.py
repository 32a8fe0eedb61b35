"""What `gpufix doctor --node` does, whoever read its command line. It loads no reader of environments."""

from __future__ import annotations

from gpufix.checks.judge import Selection, UnknownCode
from gpufix.cli.choices import FailOn
from gpufix.cli.doctor_wanted import Wanted
from gpufix.cli.examine import Patient, examine_node, fail
from gpufix.cli.output import Report, accepted, emit, page, reports
from gpufix.cli.values import RULES, split
from gpufix.diagnosis.node import diagnose_node
from gpufix.diagnosis.verdict import Gate
from gpufix.model import Diagnosis


def run(wanted: Wanted) -> int:
    """Report what is wrong with the machine; returns the exit code."""
    if wanted.python or wanted.project or wanted.gpu or wanted.deep or wanted.smoke:
        raise fail("--node judges the machine: it cannot be combined with what chooses a patient")
    also = reports(wanted.report)
    selection = Selection(
        select=split("--select", wanted.select, RULES),
        ignore=split("--ignore", wanted.ignore, RULES),
    )
    gate = Gate.of((wanted.fail_on or FailOn.error).value, wanted.strict)
    node = examine_node(wanted.facts)
    try:
        found = diagnose_node(node.facts, selection)
    except UnknownCode as error:
        raise fail(str(error)) from None
    diagnosis = accepted(found, wanted.baseline, wanted.write_baseline)
    made = Report(
        diagnosis,
        gate,
        verbose=wanted.verbose,
        page=lambda: _page(diagnosis, node),
        replay=wanted.facts is not None,
    )
    emit(made, wanted.format, wanted.output, also)
    return gate.exit_code(diagnosis)


def _page(diagnosis: Diagnosis, node: Patient) -> str:
    from gpufix.diagnosis.diagnose import Request

    return page(diagnosis, node, Request(), None)
