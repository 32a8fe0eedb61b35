"""`gpufix env`: the variables to export, also into a file beside other lines."""

from __future__ import annotations

import re
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from gpufix.cli import options
from gpufix.files import read

BEGIN, END = "# >>> gpufix >>>", "# <<< gpufix <<<"
# From the last beginning before an end: what follows a beginning without an end is the user's.
_BLOCK = re.compile(
    rf"^{re.escape(BEGIN)}\n(?:(?!^{re.escape(BEGIN)}\n).)*?^{re.escape(END)}(?:\n|\Z)",
    re.MULTILINE | re.DOTALL,
)
_LIMIT = 4 << 20


class NotEnvironmentFile(ValueError):
    """The file is no text that a block could be put into."""


def put(path: Path, text: str, *, comments: bool) -> None:
    """Put the text into the file in place of what an earlier call put there; the rest stays.

    `comments`: the format has comments, by which the block is found again. Without, the text is
    appended unless it stands there already. Raises OSError, NotText.
    """
    before = _read(path)
    after = _with_block(before, text) if comments else _appended(before, text)
    if after != before or not path.exists():
        path.write_bytes(after.encode())


def _read(path: Path) -> str:
    if not path.exists():
        return ""
    content = read(path, _LIMIT + 1)
    if len(content) > _LIMIT or b"\0" in content:
        raise NotEnvironmentFile("it is no text file that variables are kept in")
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise NotEnvironmentFile(f"it is not UTF-8 (byte {error.start})") from None


def _with_block(before: str, text: str) -> str:
    block = f"{BEGIN}\n{text}{END}\n" if text else ""
    if _BLOCK.search(before):
        return _BLOCK.sub(lambda _: block, before, count=1)
    return _ended(before) + block


def _appended(before: str, text: str) -> str:
    return before if text in before else _ended(before) + text


def _ended(before: str) -> str:
    return before if not before or before.endswith("\n") else before + "\n"


class EnvFormat(str, Enum):
    """Who takes the variables over."""

    sh = "sh"
    fish = "fish"
    github = "github"
    dotenv = "dotenv"
    json = "json"
    conda = "conda"


def env(
    project: options.Project = None,
    python: options.Python = None,
    gpu: options.Gpu = None,
    build: Annotated[
        bool, typer.Option("--build", help="Add those that a build for the targets needs.")
    ] = False,
    format: Annotated[
        EnvFormat,
        typer.Option("--format", metavar="FORMAT", help="sh, fish, github, dotenv, json or conda."),
    ] = EnvFormat.sh,
    output: options.Output = None,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Say on standard error why each is set.")
    ] = False,
) -> None:
    """Print the variables of the environment file, for `eval "$(gpufix env)"`.

    Formats: sh, fish, github (append it to $GITHUB_ENV), dotenv, json (null = unset), conda (a file
    of etc/conda/env_vars.d). With --output, the other lines of the file stay, and a second call
    changes nothing.
    """
    from gpufix.cli.build_view import overlay_of
    from gpufix.cli.examine import fail
    from gpufix.cli.output import write
    from gpufix.report.builds import NotExpressible, render
    from gpufix.text.clean import clean

    if gpu and not build:
        raise fail("--gpu says for what to build: it needs --build")
    settings, notes = for_build(python, gpu, project, verbose) if build else ({}, [])
    found = {**overlay_of(python, project), **settings}
    try:
        text, remarks = render(found, format.value)
    except NotExpressible as error:
        raise fail(str(error)) from None
    for note in (*notes, *remarks):
        typer.echo(f"gpufix: {clean(note)}", err=True)
    if output is not None and format is EnvFormat.conda:
        _make_folder(Path(output).parent)
    if output is None or format in (EnvFormat.json, EnvFormat.conda):
        write(text, output)
    else:
        _into(output, text, format)


def _make_folder(folder: Path) -> None:
    """conda makes `env_vars.d` only for a package that has variables."""
    from gpufix.cli.examine import fail

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise fail(f"--output {folder}: {error.strerror}") from None


def _into(file: str, text: str, format: EnvFormat) -> None:
    """Into a file that may hold more than gpufix's variables."""
    from gpufix.cli.examine import fail

    try:
        put(Path(file), text, comments=format is not EnvFormat.github)
    except OSError as error:
        raise fail(f"--output {file}: {error.strerror}") from None
    except NotEnvironmentFile as error:
        raise fail(f"--output {file}: {error}") from None


def for_build(
    python: str | None, gpu: list[str] | None, project: str | None, verbose: bool
) -> tuple[dict[str, str | None], list[str]]:
    from gpufix.cli.build_view import view_of
    from gpufix.fixes.build_environment.assemble import build_environment

    environment = build_environment(view_of(python, gpu, project))
    notes = [f"{v.name}: {v.reason}" for v in environment.variables] if verbose else []
    return environment.settings(), [*notes, *environment.obstacles]
