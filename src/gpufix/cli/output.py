"""Where reports go, and in which form."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gpufix.cli.options import Format
from gpufix.cli.patient import fail

if TYPE_CHECKING:
    from gpufix.gate import Gate
    from gpufix.model import Diagnosis, Project


@dataclass(frozen=True)
class Report:
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
        _terminal(report.diagnosis, report.verbose)
        return
    write(_rendered(report, format), output)


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
    terminal.show(diagnosis, console, report.verbose)
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


def _terminal(diagnosis: Diagnosis, verbose: bool) -> None:
    from rich.console import Console

    from gpufix.report import terminal

    terminal.show(diagnosis, Console(), verbose)
