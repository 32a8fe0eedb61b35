"""Reads a log for `gpufix explain`, holds it against the patient, delivers the report."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gpufix.cli.options import TextOrJson
from gpufix.cli.patient import examine, fail

if TYPE_CHECKING:
    from gpufix.explain.patient import Check
    from gpufix.explain.resolve import Answer
    from gpufix.explain.scan import Scan
    from gpufix.explain.told import Told
    from gpufix.model import PatientSummary


@dataclass(frozen=True)
class Asked:
    """The options of the command."""

    python: str | None
    facts: str | None
    gpus: tuple[str, ...]
    no_patient: bool
    format: TextOrJson
    output: str | None
    verbose: bool


def explain_log(what: str, names: Mapping[str, str], asked: Asked) -> bool:
    """Explain FILE or standard input; whether something was recognised."""
    from gpufix.report.build_errors import first_errors

    answer, scanned = _read(what)
    errors = [] if answer.recognised else first_errors(_edges(scanned))
    patient = None
    if answer.primary is not None and answer.recognised and not asked.no_patient:
        patient = _patient(answer.primary, asked)
    if asked.format is TextOrJson.json:
        from gpufix.cli.output import write
        from gpufix.report import explain_json

        read = {"name": what, "bytes": scanned.size, "lines": scanned.lines}
        read |= {"flooded": scanned.flooded}
        write(explain_json.render(answer, read, errors, names, patient), asked.output)
    else:
        lines = f"{scanned.lines:,} line{'' if scanned.lines == 1 else 's'}"
        log = f"{'standard input' if what == '-' else what} · {lines}"
        if scanned.flooded:
            log += " · so many near misses that not all were looked at"
        _text(answer, log, errors, names, patient, asked)
    return answer.recognised


def _read(what: str) -> tuple[Answer, Scan]:
    from gpufix.explain.read import read

    try:
        if what == "-":
            return read(sys.stdin.buffer)
        with Path(what).open("rb") as file:
            return read(file)
    except OSError as error:
        raise fail(f"{what}: {error.strerror or error}") from None


def _edges(scanned: Scan) -> str:
    """The beginning and the end of the log, without what was left out between them."""
    inside = scanned.size <= len(scanned.head)
    text = scanned.head if inside else scanned.head + b"\n" + scanned.tail
    return text.decode("utf-8", "replace")


def _patient(told: Told, asked: Asked) -> tuple[PatientSummary, Check]:
    from gpufix.checks.selection import UnknownCode
    from gpufix.cli.config import settings
    from gpufix.doctor import diagnose
    from gpufix.explain.patient import check
    from gpufix.knowledge.gpus import GpuNameError
    from gpufix.view import View

    patient = examine(asked.python, None, asked.facts)
    try:
        chosen = settings(patient.facts, list(asked.gpus), None, None, None)
        diagnosis = diagnose(patient.facts, chosen.request, patient.ask)
    except (GpuNameError, UnknownCode) as error:
        raise fail(str(error)) from None
    view = View(patient.facts, diagnosis.targets, patient.ask)
    return diagnosis.patient, check(told, diagnosis, view)


def _text(
    answer: Answer,
    log: str,
    errors: list[str],
    names: Mapping[str, str],
    patient: tuple[PatientSummary, Check] | None,
    asked: Asked,
) -> None:
    import io

    from rich.console import Console

    from gpufix.cli.output import write
    from gpufix.report import explain as report

    if asked.output is None:
        report.show(answer, log, errors, names, patient, Console(), asked.verbose)
        return
    nowhere = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    console = Console(width=80, color_system=None, record=True, file=nowhere)
    report.show(answer, log, errors, names, patient, console, asked.verbose)
    write(console.export_text(), asked.output)
