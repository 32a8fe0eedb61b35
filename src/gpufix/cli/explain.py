"""`gpufix explain CODE|FILE|-`: a rule's page, or the cause in a pasted error or log."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gpufix.cli import options
from gpufix.cli.choices import TextOrJson
from gpufix.cli.examine import examine, fail
from gpufix.cli.values import GPUS, split
from gpufix.files import given, is_binary
from gpufix.frozen import Frozen

if TYPE_CHECKING:
    from gpufix.checks.registry import Rule
    from gpufix.explain.confirm import Check
    from gpufix.explain.explanation import Explanation
    from gpufix.explain.log_scan import LogScan
    from gpufix.explain.read import Explanations
    from gpufix.model import Diagnosis

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
    project: Annotated[
        str | None,
        typer.Option(
            "--project",
            metavar="FOLDER",
            help="The project that the log is about. Default: this folder.",
        ),
    ] = None,
    no_patient: Annotated[
        bool, typer.Option("--no-patient", help="Explain the text; read no environment.")
    ] = False,
    format: options.TextOrJsonFormat = TextOrJson.text,
    output: options.Output = None,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Sources, and all that was recognised.")
    ] = False,
) -> None:
    """Explain a rule, or find the cause in an error message, traceback or build log.

    With a log: what happened, why, what to do; then whether this environment has the same fault,
    and what `gpufix fix` would do.
    """
    from gpufix.plugins import all_rules

    known, _ = all_rules()
    if what != "-":
        chosen = _rules(what, known)
        if isinstance(chosen, list):
            _pages(chosen) if len(chosen) == 1 else _list(chosen)
            return
        _needs_text(what, chosen)
    if no_patient and (python or facts or gpu or project):
        raise fail(
            "--no-patient looks at no environment: leave out --python, --project, --facts and --gpu"
        )
    gpus = split("--gpu", gpu, GPUS)
    request = LogRequest(python, project, facts, gpus, no_patient, format, output, verbose)
    if what == "-" and sys.stdin is None:
        raise fail("standard input is closed")
    if what == "-" and sys.stdin.isatty():
        typer.echo("gpufix: paste the error, then end with Ctrl-D", err=True)
    names = {rule.code: rule.name for rule in known}
    raise typer.Exit(0 if explain_log(what, names, request) else NOT_RECOGNISED)


def _rules(what: str, known: list[Rule]) -> list[Rule] | str:
    """The rules of this code, name or family; else why there is none."""
    from gpufix.checks.judge import Selection, UnknownCode

    try:
        return Selection(select=(what,)).apply(known)
    except UnknownCode as error:
        return str(error)


_RULE = re.compile(r"[A-Za-z]{3}\d*|\w+(?:-\w+)+")  # a code, a family, a name


def _needs_text(what: str, no_rule: str) -> None:
    """Exits where it is no file, or one of machine code, which only looks like errors by chance."""
    if not Path(what).exists():
        absent = f"there is no file {what!r} (- reads standard input)"
        rules = "`gpufix rules` lists the rules"
        raise fail(f"{no_rule}; {absent}" if _RULE.fullmatch(what) else f"{absent}; {rules}")
    if what.endswith(".whl") or is_binary(what):
        raise fail(f"{what} is no text: `{shlex.join(['gpufix', 'inspect', what])}` reads it")


def _pages(chosen: list[Rule]) -> None:
    from rich.console import Console
    from rich.markdown import Markdown

    from gpufix.text.clean import clean

    console = Console()
    for rule in chosen:
        page = f"# {rule.code} {rule.name}\n\n{rule.page}"
        console.print(Markdown(clean(page, keep_newlines=True)))


def _list(chosen: list[Rule]) -> None:
    """Of several rules, a line each: nobody reads five pages at once."""
    from gpufix.cli.rules import show

    show(chosen)
    typer.echo("gpufix: `gpufix explain CODE` shows a rule's page", err=True)


class LogRequest(Frozen):
    """The options of the command."""

    python: str | None
    project: str | None
    facts: str | None
    gpus: tuple[str, ...]
    no_patient: bool
    format: TextOrJson
    output: str | None
    verbose: bool


def explain_log(what: str, names: Mapping[str, str], request: LogRequest) -> bool:
    """Explain FILE or standard input; whether something was recognised."""
    from gpufix.engine.builds.errors import first_errors
    from gpufix.explain.read import MOST

    answer, scanned = read_log(what)
    if not scanned.size:
        empty = "standard input is empty (`2>&1 |` hands on errors, too)"
        print(f"gpufix: {empty if what == '-' else f'{what} is empty'}", file=sys.stderr)
    errors = [] if answer.recognised else first_errors(_edges(scanned))
    patient = None
    if not request.no_patient:
        answer, patient = _held(answer, errors, scanned, request, what)
    if request.format is TextOrJson.json:
        from gpufix.cli.output import write
        from gpufix.report import explanations_json

        read = {"name": what, "bytes": scanned.size, "lines": scanned.lines}
        read |= {"flooded": scanned.flooded, "cut": scanned.cut}
        write(explanations_json.render(answer, read, errors, names, patient), request.output)
    else:
        lines = f"{scanned.lines:,} line{'' if scanned.lines == 1 else 's'}"
        log = f"{'standard input' if what == '-' else what} · {lines}"
        if scanned.cut:
            log += f" · the first {MOST >> 30} GiB only are read"
        if scanned.flooded:
            log += " · so many near misses that not all were looked at"
        _text(answer, log, errors, names, patient, request)
    return answer.recognised


def _held(
    answer: Explanations, errors: list[str], scanned: LogScan, request: LogRequest, log: str
) -> tuple[Explanations, tuple[Diagnosis, Check] | None]:
    """The answer held against the patient: an error that no row knows, too, by what it names."""
    from gpufix.explain.frames import frames
    from gpufix.explain.read import Explanations, unknown

    primary = answer.primary
    if primary is not None and answer.recognised:
        return answer, _patient(primary, request, log)
    if not errors:
        return answer, None
    raised = next((f for f in reversed(frames(_edges(scanned))) if f.package), None)
    asked = unknown(f"{errors[-1]}\n{raised.path}" if raised else errors[-1])
    patient = _patient(asked, request, log)
    if patient[1].finding is None:
        return answer, None
    return Explanations(unknown(errors[-1]).but(role="symptom"), answer.others), patient


def read_log(what: str) -> tuple[Explanations, LogScan]:
    """What a file, or standard input, says. Exits where it cannot be read."""
    from gpufix.explain.read import read

    try:
        if what == "-":
            return read(sys.stdin.buffer)
        with given(what) as file:
            return read(file)
    except OSError as error:
        raise fail(f"{what}: {error.strerror or error}") from None


def _edges(scanned: LogScan) -> str:
    """The beginning and the end of the log, without what was left out between them."""
    inside = scanned.size <= len(scanned.head)
    text = scanned.head if inside else scanned.head + b"\n" + scanned.tail
    return text.decode("utf-8", "replace")


def _patient(explanation: Explanation, request: LogRequest, log: str) -> tuple[Diagnosis, Check]:
    from gpufix.checks.judge import UnknownCode
    from gpufix.cli.config import settings
    from gpufix.diagnosis.diagnose import diagnose
    from gpufix.evidence.view import View
    from gpufix.explain.advised import advised
    from gpufix.explain.confirm import check
    from gpufix.knowledge.gpus.models import GpuNameError

    patient = examine(request.python, request.project, request.facts)
    try:
        chosen = settings(patient.facts, list(request.gpus), None, None, None)
        asked = replace(chosen.request, of_log=advised(explanation))
        diagnosis = diagnose(patient.facts, asked, patient.ask)
    except (GpuNameError, UnknownCode) as error:
        raise fail(str(error)) from None
    view = View(patient.facts, diagnosis.targets, patient.ask)
    return diagnosis, check(explanation, diagnosis, view, log)


def _text(
    answer: Explanations,
    log: str,
    errors: list[str],
    names: Mapping[str, str],
    patient: tuple[Diagnosis, Check] | None,
    request: LogRequest,
) -> None:
    import io

    from rich.console import Console

    from gpufix.cli.output import write
    from gpufix.report import explanations as report

    if request.output is None:
        report.show(answer, log, errors, names, patient, Console(), request.verbose)
        return
    nowhere = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    console = Console(width=80, color_system=None, record=True, file=nowhere)
    report.show(answer, log, errors, names, patient, console, request.verbose)
    write(console.export_text(), request.output)
