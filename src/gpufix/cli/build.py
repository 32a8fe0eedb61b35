"""`gpufix build`: rebuild extension folders with the right environment."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gpufix.cli import options
from gpufix.cli.choices import TextOrJson

if TYPE_CHECKING:
    from gpufix.engine.builds.order import Order
    from gpufix.evidence.view import View
    from gpufix.fixes.build_environment.variables import Folder
    from gpufix.model.outcome import BuildResult

FAILED = 1


def build(
    paths: Annotated[list[str], typer.Argument(metavar="PATH...", help="Source folders.")],
    python: options.Python = None,
    gpu: options.Gpu = None,
    jobs: Annotated[
        int | None,
        typer.Option(
            "--jobs", "-j", min=1, metavar="N", help="Compilers at once, in all folders together."
        ),
    ] = None,
    timeout: Annotated[
        float,
        typer.Option("--timeout", min=0, metavar="SECONDS", help="For each folder; 0 = none."),
    ] = 0,
    editable: Annotated[
        bool | None,
        typer.Option(
            "--editable/--no-editable",
            help="Default: as it was installed.",
        ),
    ] = None,
    clean: Annotated[
        bool, typer.Option("--clean/--no-clean", help="Remove what earlier builds left.")
    ] = True,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", "-n", help="Show what would be removed, set and run.")
    ] = False,
    format: options.TextOrJsonFormat = TextOrJson.text,
) -> None:
    """Compile and install extension folders for the targets, several at once, and read them back.

    Runs the folders' own build code, as pip would.
    """
    import tempfile

    from gpufix.cli.build_view import view_of

    _exist(paths)
    view = view_of(python, gpu)
    folders = _folders(paths, view)
    with tempfile.TemporaryDirectory(prefix="gpufix-") as scratch:
        order = _order(view, Path(scratch), editable, timeout or None, clean)
        if dry_run or format is TextOrJson.text:
            _preview(order, folders, jobs, format)
        if dry_run:
            raise typer.Exit(0)
        results = _run(order, folders, jobs, format)
    raise typer.Exit(0 if all(result.ok for result in results) else FAILED)


def _exist(paths: Sequence[str]) -> None:
    """A mistyped folder is told before an environment is looked for."""
    from gpufix.cli.examine import fail

    absent = [path for path in paths if not Path(path).expanduser().exists()]
    if absent:
        raise fail(f"{absent[0]}: no such folder")


def _folders(paths: Sequence[str], view: View) -> list[Folder]:
    """Every folder once. One that cannot be built is a usage error, before anything is run."""
    from gpufix.cli.examine import fail
    from gpufix.engine.builds.folder import NotBuildable, inspect

    found: dict[str, Folder] = {}
    for path in paths:
        try:
            folder = inspect(Path(path).expanduser(), view.facts)
        except (NotBuildable, OSError, ValueError) as error:
            raise fail(str(error)) from None
        found.setdefault(folder.path, folder)
    return list(found.values())


def _order(
    view: View, scratch: Path, editable: bool | None, limit_s: float | None, clean: bool
) -> Order:
    from gpufix.cli.examine import fail
    from gpufix.engine.builds.build_process import new_folder
    from gpufix.engine.builds.order import Order
    from gpufix.engine.installer_settings import neutral_settings
    from gpufix.facts.python.environment import state_dir

    try:
        logs = new_folder(state_dir())
        base = {**os.environ, **neutral_settings(os.environ, logs)}
    except OSError as error:
        raise fail(f"no place for logs: {error}") from None
    return Order(view, logs, scratch, base, editable=editable, limit_s=limit_s, clean=clean)


def _preview(order: Order, folders: Sequence[Folder], jobs: int | None, format: TextOrJson) -> None:
    from rich.console import Console

    from gpufix.cli.examine import fail
    from gpufix.report import json as build_json
    from gpufix.report.builds import BuildReport

    try:
        rows = [(f, order.commands(f), order.environment(f, jobs)) for f in folders]
    except ValueError as error:
        raise fail(str(error)) from None
    if format is TextOrJson.json:
        typer.echo(build_json.preview(order.view, rows))
        return
    report = BuildReport(Console())
    for row in rows:
        report.preview(*row)


def _run(
    order: Order, folders: Sequence[Folder], jobs: int | None, format: TextOrJson
) -> list[BuildResult]:
    import time

    from rich.console import Console

    from gpufix.cli.build_view import locked
    from gpufix.engine.builds.build_all import build_folders
    from gpufix.report import json as build_json
    from gpufix.report.builds import BuildReport
    from gpufix.report.progress import BuildProgress

    begin = time.monotonic()
    results: list[BuildResult] = []
    report = BuildReport(Console(stderr=format is TextOrJson.json))
    with locked(order) as held, BuildProgress(Console(stderr=True)) as watch:
        for result in build_folders(held, folders, jobs, watch):
            results.append(result)
            report.result(result)
    report.summary(results, time.monotonic() - begin)
    if format is TextOrJson.json:
        typer.echo(build_json.results(order.view, results))
    return results
