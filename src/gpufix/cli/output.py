"""Where reports go, in which form, and against which baseline."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from gpufix.cli.choices import Format
from gpufix.cli.examine import fail
from gpufix.frozen import Frozen

if TYPE_CHECKING:
    from gpufix.cli.examine import Patient
    from gpufix.diagnosis.baseline import AcceptedFinding, Baseline
    from gpufix.diagnosis.diagnose import Request
    from gpufix.diagnosis.verdict import Gate
    from gpufix.model import Diagnosis, Project, Proposal
    from gpufix.model.smoke_result import SmokeReport
    from gpufix.report.lines import Lines


class Report(Frozen):
    """A diagnosis and what its renderings need beside it. `project` None = there is none.

    `page` makes the HTML report, which looks further than the others. A `replay` of a snapshot
    looks at no disk.
    """

    diagnosis: Diagnosis
    gate: Gate
    project: Project | None = None
    verbose: bool = False
    page: Callable[[], str] | None = None
    replay: bool = False


def emit(
    report: Report, format: Format, output: str | None, also: Sequence[tuple[Format, str]]
) -> None:
    """Render and deliver; an output file that cannot be written is a usage error."""
    for form, file in also:
        write(_rendered(report, form), file, "--report")
    if output is None and format is Format.text:
        _terminal(report.diagnosis, report.verbose, not report.replay)
        return
    write(_rendered(report, format), output)


def write_lines(lines: Lines, output: str | None) -> None:
    """Deliver lines to the output file as plain text, or to standard output with styles."""
    if output is None:
        lines.print()
    else:
        write(lines.plain(), output)


def write(text: str, output: str | None, option: str = "--output") -> None:
    """Deliver text to the output file, or to standard output."""
    if output is None:
        sys.stdout.write(text)
        return
    try:
        Path(output).write_text(text, encoding="utf-8")
    except OSError as error:
        raise fail(f"{option} {output}: {error.strerror}") from None


def reports(values: Sequence[str] | None) -> list[tuple[Format, str]]:
    """The further reports that `--report FORMAT=FILE` asks for."""
    out: list[tuple[Format, str]] = []
    for value in values or ():
        name, _, file = value.partition("=")
        if name not in [form.value for form in Format] or not file:
            known = ", ".join(form.value for form in Format)
            raise fail(f"--report {value}: expected FORMAT=FILE; formats are {known}")
        out.append((Format(name), file))
    return out


def _rendered(report: Report, format: Format) -> str:
    diagnosis = report.diagnosis
    if format is Format.json:
        from gpufix.report import json

        return json.render(diagnosis)
    if format is Format.github:
        from gpufix.report import github

        return github.render(diagnosis)
    if format is Format.sarif:
        from gpufix.report import sarif

        return sarif.render(diagnosis, *_anchors(report.project, report.replay))
    if format is Format.junit:
        from gpufix.report import junit

        return junit.render(diagnosis, report.gate)
    if format is Format.markdown:
        from gpufix.report import markdown

        return markdown.render(diagnosis)
    if format is Format.html and report.page is not None:
        return report.page()
    from rich.console import Console

    from gpufix.report import terminal

    nowhere = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    console = Console(width=80, color_system=None, record=True, file=nowhere)
    terminal.show(diagnosis, console, report.verbose, not report.replay)
    return console.export_text()


def _anchors(project: Project | None, replay: bool) -> tuple[str | None, str | None]:
    """The folder of the repository that holds the project, and the project's own manifest."""
    if project is None:
        return None, None
    root = Path(project.root)
    repository = root if replay else _repository(root)
    declared = [s.path for s in project.sources if s.kind in ("toml", "requirements")]
    manifest = next(iter([*project.markers, *declared]), None)
    return str(repository), str(root / manifest) if manifest else None


def _repository(folder: Path) -> Path:
    """The folder, or the nearest one above it, that git knows as a work tree's; else itself."""
    try:
        return next((p for p in (folder, *folder.parents) if (p / ".git").exists()), folder)
    except OSError:  # a folder above may be closed to us
        return folder


def _terminal(diagnosis: Diagnosis, verbose: bool, here: bool) -> None:
    from rich.console import Console

    from gpufix.report import terminal

    terminal.show(diagnosis, Console(), verbose, here)


def page(
    diagnosis: Diagnosis, patient: Patient, request: Request, saved: SmokeReport | None
) -> str:
    """The whole HTML file."""
    from gpufix.evidence.coverage import matrix
    from gpufix.evidence.view import View
    from gpufix.report.html import Content, render

    rows = tuple(matrix(View(patient.facts, diagnosis.targets, patient.ask)))
    return render(Content(diagnosis, rows, _proposal(patient, request), saved))


def _proposal(patient: Patient, request: Request) -> Proposal | None:
    """What `gpufix fix` would show. None for a snapshot: its files are not here to be previewed."""
    if patient.ask is None:
        return None
    from gpufix.engine.run.preview import proposal
    from gpufix.engine.run.propose import FixRequest, propose
    from gpufix.engine.run_context import RunContext

    return proposal(
        propose(patient.facts, patient.ask, FixRequest(request)), RunContext(patient.facts)
    )


def saved_run(path: str | None) -> SmokeReport | None:
    """The run that `gpufix smoke --save` kept; a file that cannot be read is a usage error."""
    if path is None:
        return None
    from gpufix.smoke.save import CorruptSave, load

    try:
        return load(Path(path))
    except OSError as error:
        raise fail(f"--smoke {path}: {error.strerror}") from None
    except CorruptSave as error:
        raise fail(f"--smoke {error}") from None


_SHOWN = 5


def accepted(diagnosis: Diagnosis, baseline: str | None, write: str | None) -> Diagnosis:
    """The report without accepted findings; says on standard error which entries are stale.

    Writing accepts all that was found, and the report is then judged by what was written.
    """
    if write is not None:
        return _without(diagnosis, _written(diagnosis, write), write)
    if baseline is not None:
        found = _read(baseline)
        if found is None:
            raise fail(f"--baseline {baseline}: no such file (--write-baseline makes one)")
        return _without(diagnosis, found, baseline)
    return diagnosis


def _read(file: str) -> Baseline | None:
    """None when there is no such file."""
    from gpufix.diagnosis.baseline import NotBaseline, load

    try:
        return load(Path(file))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise fail(f"{file}: {error.strerror}") from None
    except NotBaseline as error:
        raise fail(str(error)) from None


def _written(diagnosis: Diagnosis, file: str) -> Baseline:
    """Replaces an earlier baseline, and nothing else."""
    from gpufix.diagnosis.baseline import of, render

    pass

    made = of(diagnosis, _read(file))
    write(render(made), file, "--write-baseline")
    _say(f"{file}: {_count(len(made.accepted), 'finding')} accepted")
    return made


def _without(diagnosis: Diagnosis, baseline: Baseline, file: str) -> Diagnosis:
    from gpufix.diagnosis.baseline import sort
    from gpufix.diagnosis.verdict import summarised

    sorted_ = sort(diagnosis, baseline)
    if sorted_.stale:
        _say(f"{file}: no longer found: {_listed(sorted_.stale)} (--write-baseline leaves it out)")
    summary = summarised(
        sorted_.remaining,
        diagnosis.gaps,
        diagnosis.targets,
        diagnosis.summary.ignored,
        sorted_.accepted,
        diagnosis.summary.unjudged,
    )
    return replace(diagnosis, findings=sorted_.remaining, summary=summary)


def _listed(stale: list[AcceptedFinding]) -> str:
    named = [f"{entry.code} {entry.subject}" for entry in stale[:_SHOWN]]
    more = [f"{len(stale) - _SHOWN} more"] if len(stale) > _SHOWN else []
    return ", ".join([*named, *more])


def _say(line: str) -> None:
    from gpufix.text.clean import clean

    print(f"gpufix: {clean(line)}", file=sys.stderr)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
