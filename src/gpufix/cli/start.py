"""The first and the last of a process: what needs no Typer, and what a crash leaves."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any


def version() -> None:
    """Print it."""
    import gpufix

    print(f"gpufix {gpufix.__version__}", flush=True)


_REPEATED = ("--gpu",)
_VALUES = ("--python", "--format", *_REPEATED)
_FLAGS = {"--verbose": "verbose", "-v": "verbose", "--deep": "deep", "--strict": "strict"}
_NODE = {"--node": "node"}


def plain(
    arguments: Sequence[str], also: Sequence[str] = (), more: Mapping[str, str] | None = None
) -> tuple[list[str], dict[str, Any]] | None:
    """The positional arguments and the options of a plain command line: None for any other.

    `also`: further options that take a value. `more`: further flags, by the name of their parameter.

    Typer knows more ways to write an option, and how to explain a wrong one. Since its release 0.27
    it loads pydantic for every command, a seventh of a doctor's run.
    """
    flags = {**_FLAGS, **(more or {})}
    given: list[str] = []
    options: dict[str, Any] = {}
    rest = iter(arguments)
    for argument in rest:
        if argument in flags:
            options[flags[argument]] = True
        elif argument in (*_VALUES, *also):
            name, value = argument[2:], next(rest, "-")
            if value.startswith("-") or (name in options and argument not in _REPEATED):
                return None
            options[name] = [*options.get(name, ()), value] if argument in _REPEATED else value
        elif argument.startswith("-"):
            return None
        else:
            given.append(argument)
    return given, options


def doctor(arguments: Sequence[str]) -> bool:
    """Serve the command; False when Typer must. Ends the process when it has served it."""
    read = plain(arguments, ("--facts",), _NODE)
    if read is None or len(read[0]) > 1:
        return False
    from gpufix.cli.choices import Format
    from gpufix.cli.doctor_wanted import Wanted

    given, options = read
    if options.get("node"):
        from gpufix.cli.node_run import run
    else:
        from gpufix.cli.doctor_run import run
    form = options.pop("format", Format.text.value)
    if form not in [each.value for each in Format]:
        return False
    code = run(Wanted(given[0] if given else None, format=Format(form), **options))
    sys.stdout.flush()  # here a closed pipe is an exception that main knows
    sys.exit(code)


_FORMS = ("text", "json")


def inspect(arguments: Sequence[str]) -> bool:
    """Serve the command; False when Typer must."""
    read = plain(arguments)
    from pathlib import Path

    if read is None or not read[0] or not all(Path(file).exists() for file in read[0]):
        return False
    files, options = read
    form = options.pop("format", "text")
    verbose = options.pop("verbose", False)
    if options or form not in _FORMS:
        return False
    from gpufix.inspection.installed import run
    from gpufix.inspection.subject import CannotInspect

    try:
        print(run(files, as_json=form == "json", verbose=verbose), end="", flush=True)
    except CannotInspect:
        return False  # Typer's way reports it
    return True


def fleet(arguments: Sequence[str]) -> bool:
    """Serve `fleet probe`, which runs on nodes that may have no Typer; False for the rest."""
    if list(arguments[:1]) != ["probe"]:
        return False
    rest = [argument for argument in arguments[1:] if argument != "--defer"]
    read = plain(rest, ("--project", "--node", "--seconds"))
    known = {"python", "project", "node", "deep", "seconds"}
    if read is None or read[0] or not read[1].keys() <= known:
        return False
    from gpufix.fleet.probe import Wanted, run

    run(Wanted(**read[1], defer=len(rest) < len(arguments) - 1))
    return True


_SERVED = {"doctor": doctor, "inspect": inspect, "fleet": fleet}


def serve(arguments: Sequence[str]) -> bool:
    """Do what a plain command line says; False when Typer must."""
    if list(arguments) == ["--version"]:
        version()
        return True
    if "_GPUFIX_COMPLETE" in os.environ:  # the shell asks what may follow
        return False
    if not arguments or list(arguments) in (["--help"], ["-h"], ["help"]):
        from gpufix.cli.pages import overview

        print(overview(), end="", flush=True)
        return True
    from gpufix.cli import first_words

    first_words.say(list(arguments))
    command = _SERVED.get(arguments[0]) if arguments else None
    return command is not None and command(arguments[1:])


INTERNAL_ERROR = 3
_FULL = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))  # the machine's fault, not gpufix's


def report(error: Exception) -> int:
    """Write the traceback to a new file, name it on standard error; returns the exit code.

    A full disk is no bug, and has no room for the traceback.
    """
    import platform
    import tempfile
    import traceback

    import gpufix
    from gpufix.cli import first_words

    first_words.wipe()
    if isinstance(error, OSError) and error.errno in _FULL:
        print(f"gpufix: {error.filename or 'output'}: {error.strerror}", file=sys.stderr)
        return INTERNAL_ERROR
    text = "".join(traceback.format_exception(error))
    header = (
        f"gpufix {gpufix.__version__}, Python {platform.python_version()}, {platform.platform()}\n"
    )
    print(f"gpufix: internal error: {error!r}", file=sys.stderr)
    try:
        with tempfile.NamedTemporaryFile(
            "w", prefix="gpufix-crash-", suffix=".log", delete=False
        ) as log:
            log.write(header + f"command: {' '.join(map(repr, sys.argv))}\n\n{text}")
        print(f"gpufix: this is a bug in gpufix; its log is {log.name}", file=sys.stderr)
    except OSError:
        print(header + text, file=sys.stderr)
    return INTERNAL_ERROR
