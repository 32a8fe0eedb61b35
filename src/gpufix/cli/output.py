"""Where a report goes, and in which form."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from gpufix.cli.options import Format
from gpufix.cli.patient import fail

if TYPE_CHECKING:
    from gpufix.model import Diagnosis


def emit(diagnosis: Diagnosis, format: Format, output: str | None, verbose: bool) -> None:
    """Render and deliver the report; an output file that cannot be written is a usage error."""
    if output is None and format is Format.text:
        _terminal(diagnosis, verbose)
        return
    write(_rendered(diagnosis, format, verbose), output)


def write(text: str, output: str | None) -> None:
    """Deliver text to the output file, or to standard output."""
    if output is None:
        sys.stdout.write(text)
        return
    try:
        Path(output).write_text(text, encoding="utf-8")
    except OSError as error:
        raise fail(f"--output {output}: {error.strerror}") from None


def _rendered(diagnosis: Diagnosis, format: Format, verbose: bool) -> str:
    if format is Format.json:
        from gpufix.report import json

        return json.render(diagnosis)
    if format is Format.github:
        from gpufix.report import github

        return github.render(diagnosis)
    from rich.console import Console

    from gpufix.report import terminal

    nowhere = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    console = Console(width=80, color_system=None, record=True, file=nowhere)
    terminal.show(diagnosis, console, verbose)
    return console.export_text()


def _terminal(diagnosis: Diagnosis, verbose: bool) -> None:
    from rich.console import Console

    from gpufix.report import terminal

    terminal.show(diagnosis, Console(), verbose)
