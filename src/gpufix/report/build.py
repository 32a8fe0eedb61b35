"""`gpufix build` for people: the preview, lines while it runs, and what came of it."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from gpufix.buildenv.assemble import BuildEnvironment
from gpufix.buildenv.folder import Folder
from gpufix.model.build import BuildResult
from gpufix.report.clean import clean

_SHOWN = 12  # libraries of one folder


class BuildReport:
    """Everything shown is cleaned: nothing read can act on the terminal."""

    def __init__(self, console: Console):
        self._console = console

    def preview(
        self, folder: Folder, commands: Sequence[Sequence[str]], environment: BuildEnvironment
    ) -> None:
        """What will be removed, set and run for one folder; it runs the folder's own build code."""
        self._line(("build ", "bold"), folder.path)
        for path in folder.stale:
            self._line(("  remove ", "yellow"), path)
        for variable in environment.variables:
            shown = "unset" if variable.value is None else shlex.quote(variable.value)
            self._line(f"  {variable.name}=", (shown, "green"), (f"  # {variable.reason}", "dim"))
        for command in commands:
            self._line(("  $ ", "dim"), shlex.join(command))
        for obstacle in environment.obstacles:
            self._line(("  ! ", "yellow"), obstacle)

    def result(self, result: BuildResult) -> None:
        """One folder's end: what is in the product, or why there is none."""
        name = result.distribution or result.path
        if result.ok:
            self._line(("✓ ", "green"), (name, "bold"), f" in {result.seconds:.1f} s")
        else:
            self._line(
                ("✗ ", "red"), (name, "bold"), f" after {result.seconds:.1f} s: {result.path}"
            )
        for reason in result.reasons:
            self._line(f"  {reason}")
        for error in result.errors:
            for line in error.splitlines():
                self._line(("  │ ", "dim"), (line, "red"))
        for library in result.libraries[:_SHOWN]:
            self._line(f"  {library.path.rpartition('/')[2]}: {library.code}")
        if len(result.libraries) > _SHOWN:
            self._line(f"  … {len(result.libraries) - _SHOWN} more")
        for note in result.notes:
            self._line(("  note: ", "cyan"), note)
        if not result.ok and result.log:
            self._line(("  log: ", "dim"), result.log)

    def summary(self, results: Sequence[BuildResult], seconds: float) -> None:
        """The last line."""
        good = sum(result.ok for result in results)
        style = "bold green" if good == len(results) else "bold red"
        self._line((f"{good} of {len(results)} built", style), f" in {seconds:.1f} s")

    def _line(self, *parts: str | tuple[str, str]) -> None:
        line = Text()
        for part in parts:
            content, style = (part, "") if isinstance(part, str) else part
            line.append(clean(content), style=style)
        self._console.print(line, soft_wrap=True, highlight=False)
