"""What is printed of a row, and of all."""

from __future__ import annotations

from collections.abc import Sequence

from fresh_roots.rows import Row
from fresh_roots.trial import Result

HEAD = (
    "row", "path", "source", "LANG", "seconds", "pytest", "not run",
    ".venv MB", "disk MB", "downloads MB", "result",
)  # fmt: skip


def line(result: Result) -> str:
    """One row, for a terminal."""
    times = [f"{step.command} {step.seconds} s" for step in result.steps]
    sizes = (
        f".venv {result.venv_mb} MB, disk {result.disk_mb} MB, downloads {result.downloads_mb} MB"
    )
    parts = [*times, *result.closing, *result.wanting, *([sizes] if result.venv_mb else [])]
    verdict = "green" if result.ok else "RED"
    return f"{result.name}: " + "; ".join([verdict, *([result.why] if result.why else []), *parts])


def table(rows: Sequence[Row], results: Sequence[Result]) -> str:
    """All rows in Markdown."""
    lines = [HEAD, tuple("---" for _ in HEAD)]
    for row, result in zip(rows, results, strict=True):
        seconds = " + ".join(str(step.seconds) for step in result.steps)
        lines.append(
            (
                row.name,
                "odd" if row.odd else "plain",
                "tarball" if row.tarball else "clone",
                row.lang,
                seconds,
                "<br>".join(result.closing),
                "<br>".join(result.wanting),
                str(result.venv_mb),
                str(result.disk_mb),
                str(result.downloads_mb),
                ("green" if result.ok else "**red**") + (f": {result.why}" if result.why else ""),
            )
        )
    return "".join("| " + " | ".join(cells) + " |\n" for cells in lines)
