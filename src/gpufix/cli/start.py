"""The first and the last of a process: what needs no Typer, and what a crash leaves."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from os.path import exists

_FORMS = ("text", "json")


def version() -> None:
    """Print it."""
    import gpufix

    print(f"gpufix {gpufix.__version__}")


def inspect(arguments: Sequence[str]) -> bool:
    """Serve the command; False when Typer must."""
    plain = _plain(arguments)
    if plain is None:
        return False
    files, form, verbose = plain
    from gpufix.inspection.installed import run
    from gpufix.inspection.subject import CannotInspect

    try:
        sys.stdout.write(run(files, as_json=form == "json", verbose=verbose))
    except CannotInspect:
        return False  # Typer's way reports it
    return True


def _plain(arguments: Sequence[str]) -> tuple[list[str], str, bool] | None:
    files: list[str] = []
    form, verbose = "text", False
    rest = iter(arguments)
    for argument in rest:
        if argument == "--format":
            form = next(rest, "")
        elif argument in ("-v", "--verbose"):
            verbose = True
        elif not argument.startswith("-") and exists(argument):  # noqa: PTH110, pathlib is slow
            files.append(argument)
        else:
            return None
    return (files, form, verbose) if files and form in _FORMS else None


INTERNAL_ERROR = 3


def report(error: Exception) -> int:
    """Write the traceback to a new file, name it on standard error; returns the exit code."""
    import platform
    import tempfile
    import traceback

    import gpufix

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
