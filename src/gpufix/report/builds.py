"""`gpufix build` and `gpufix env` for people and for shells."""

from __future__ import annotations

import hashlib
import re
import shlex
from collections.abc import Callable, Mapping, Sequence

from rich.console import Console
from rich.text import Text

from gpufix.fixes.build_environment.assemble import BuildEnvironment
from gpufix.fixes.build_environment.variables import Folder
from gpufix.model.outcome import BuildResult
from gpufix.report import styles
from gpufix.text.clean import clean
from gpufix.text.json_output import dumps
from gpufix.text.shell import join, quote

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
            self._line(("  remove ", styles.WARN), path)
        for variable in environment.variables:
            shown = "unset" if variable.value is None else quote(variable.value)
            self._line(
                f"  {variable.name}=", (shown, styles.GOOD), (f"  # {variable.reason}", "dim")
            )
        for command in commands:
            self._line(("  $ ", "dim"), join(command))
        for obstacle in environment.obstacles:
            self._line(("  ! ", styles.WARN), obstacle)

    def result(self, result: BuildResult) -> None:
        """One folder's end: what is in the product, or why there is none."""
        name = result.distribution or result.path
        if result.ok:
            self._line(("✓ ", styles.GOOD), (name, "bold"), f" in {result.seconds:.1f} s")
        else:
            self._line(
                ("✗ ", styles.BAD), (name, "bold"), f" after {result.seconds:.1f} s: {result.path}"
            )
        for reason in result.reasons:
            self._line(f"  {reason}")
        for error in result.errors:
            for line in error.splitlines():
                self._line(("  │ ", "dim"), (line, styles.BAD))
        for library in result.libraries[:_SHOWN]:
            self._line(f"  {library.path.rpartition('/')[2]}: {library.code}")
        if len(result.libraries) > _SHOWN:
            self._line(f"  … {len(result.libraries) - _SHOWN} more")
        for note in result.notes:
            self._line(("  note: ", styles.NOTE), note)
        if not result.ok and result.log:
            self._line(("  log: ", "dim"), result.log)

    def summary(self, results: Sequence[BuildResult], seconds: float) -> None:
        """The last line."""
        good = sum(result.ok for result in results)
        style = f"bold {styles.GOOD}" if good == len(results) else f"bold {styles.BAD}"
        self._line((f"{good} of {len(results)} built", style), f" in {seconds:.1f} s")

    def _line(self, *parts: str | tuple[str, str]) -> None:
        line = Text()
        for part in parts:
            content, style = (part, "") if isinstance(part, str) else part
            line.append(clean(content), style=style)
        self._console.print(line, soft_wrap=True, highlight=False)


Variables = Mapping[str, str | None]
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# GitHub ignores or refuses these: https://docs.github.com/actions, environment files.
_GITHUBS = re.compile(r"(?:GITHUB|RUNNER)_|NODE_OPTIONS$")


class NotExpressible(ValueError):
    """A format has no way to write a value that all its readers take alike."""


def render(variables: Variables, format: str) -> tuple[str, list[str]]:
    """(the text, notes on what the format cannot say). `format`: a key of FORMATS.

    Sorted by name; the same variables always give the same text. Raises NotExpressible.
    """
    for name, value in variables.items():
        if not _NAME.fullmatch(name) or "\0" in (value or ""):
            raise NotExpressible(f"{name!r} cannot be a variable")
    notes: list[str] = []
    lines = FORMATS[format](dict(sorted(variables.items())), notes)
    return lines, notes


def _sh(variables: Variables, _: list[str]) -> str:
    """POSIX shells. Semicolons keep `eval $(gpufix env)` without quotes in order."""
    return "".join(
        f"unset {name};\n" if value is None else f"export {name}={shlex.quote(value)};\n"
        for name, value in variables.items()
    )


def _fish(variables: Variables, _: list[str]) -> str:
    """Within fish's single quotes only \\ and ' mean anything, and only before one another."""
    return "".join(
        f"set -e {name};\n" if value is None else f"set -gx {name} {_fish_quoted(value)};\n"
        for name, value in variables.items()
    )


def _fish_quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _github(variables: Variables, notes: list[str]) -> str:
    """$GITHUB_ENV's multi-line form, with a delimiter that no line of the value can be."""
    out = []
    for name, value in variables.items():
        if _GITHUBS.match(name):
            notes.append(f"{name} is GitHub's own: left out")
            continue
        if value is None:
            notes.append(f"{name} cannot be unset in GITHUB_ENV: it is set to nothing")
        end = f"gpufix_{hashlib.sha256((value or '').encode('utf-8', 'replace')).hexdigest()[:24]}"
        out.append(f"{name}<<{end}\n{value or ''}\n{end}\n")
    return "".join(out)


def _dotenv(variables: Variables, notes: list[str]) -> str:
    """Quoted so that a shell, python-dotenv and Node's dotenv read the same."""
    out = []
    for name, value in variables.items():
        if value is None:
            notes.append(f"{name} cannot be unset in a .env file: it is set to nothing")
        out.append(f"{name}={_dotenv_quoted(name, value or '')}\n")
    return "".join(out)


def _dotenv_quoted(name: str, value: str) -> str:
    """In single quotes only what no reader treats specially there: python-dotenv expands ${...} and
    takes backslashes before ' and \\ away; Node's has no way to write a ' at all.
    """
    if "'" not in value and "\\" not in value and "${" not in value and "\r" not in value:
        return f"'{value}'"
    if not set(value) & set('"\\$`\r\n'):
        return f'"{value}"'
    raise NotExpressible(f"the value of {name} cannot be written so that every .env reader agrees")


def _json(variables: Variables, _: list[str]) -> str:
    """null = must not be set."""
    return dumps({"schema_version": 1, "variables": dict(variables)}, indent=1) + "\n"


def _conda(variables: Variables, notes: list[str]) -> str:
    """A file of `etc/conda/env_vars.d`: set on activation, put back on deactivation.

    conda puts values into quotes of the shell without escaping them (conda 0f64223f, conda/activate.py,
    `export_var_tmpl`), so that quotes and what a shell expands are refused. null unsets in conda;
    readers built on rattler skip it.
    """
    for name, value in variables.items():
        if set(value or "") & set("'\"`$\\\r\n"):
            raise NotExpressible(
                f"conda cannot export the value of {name}: it quotes without escaping"
            )
        if value is None:
            notes.append(f"conda unsets {name}; pixi leaves it as it is")
    return dumps(dict(variables), indent=1) + "\n"


FORMATS: dict[str, Callable[[Variables, list[str]], str]] = {
    "sh": _sh,
    "fish": _fish,
    "github": _github,
    "dotenv": _dotenv,
    "json": _json,
    "conda": _conda,
}
