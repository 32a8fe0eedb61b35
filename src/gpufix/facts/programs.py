"""Programs on PATH, and what really runs behind links, wrapper scripts and compiler launchers."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from gpufix.facts.context import Context
from gpufix.facts.files import read

LAUNCHERS = {"ccache", "sccache", "distcc", "icecc"}
_SCRIPT_LIMIT = 8192
# The last command of a wrapper that hands all its arguments on: exec /opt/x/bin/nvcc -m64 "$@"
_HANDS_ON = re.compile(
    r"""^\s*(?:exec\s+)?["']?(/[^\s"'$`;&|<>]+)["']?(?=\s)[^;&|\n]*\$[@*]""", re.M
)


def shown(ctx: Context, path: Path) -> str:
    """A path of the machine as its users write it: without the root of a recorded tree."""
    try:
        return "/" + str(path.relative_to(ctx.root))
    except ValueError:  # reached through a link that leaves the tree
        return str(path)


def on_path(ctx: Context, name: str) -> Iterator[Path]:
    """Every executable file of this name, in PATH's order."""
    for folder in ctx.environ.get("PATH", "").split(os.pathsep):
        if folder.startswith("/"):
            path = ctx.at(folder) / name
            if runnable(path):
                yield path


def which(ctx: Context, name: str) -> Path | None:
    """The first program of this name on PATH, as a shell would find it."""
    return next(on_path(ctx, name), None)


def runnable(path: Path) -> bool:
    """Whether this is a file that may be executed."""
    try:
        return path.is_file() and os.access(path, os.X_OK)
    except (OSError, ValueError):
        return False


def behind(ctx: Context, program: Path) -> Path:
    """The program that does the work: links resolved, wrapper scripts and launchers seen through.

    A script that computes its target cannot be followed and is itself the answer.
    """
    name, current = program.name, resolved(program)
    for _ in range(8):
        if current.name in LAUNCHERS:
            following = _after_launcher(ctx, name)
        else:
            following = _wrapped(ctx, current)
        if following is None or following == current:
            break
        current = following
    return current


def resolved(path: Path) -> Path:
    """Links followed; the path itself where that fails (a loop)."""
    try:
        return path.resolve()
    except (OSError, RuntimeError):
        return path


def _after_launcher(ctx: Context, name: str) -> Path | None:
    """/usr/lib/ccache/gcc is ccache, which calls the next gcc on PATH."""
    paths = (resolved(path) for path in on_path(ctx, name))
    return next((path for path in paths if path.name not in LAUNCHERS), None)


def _wrapped(ctx: Context, script: Path) -> Path | None:
    try:
        head = read(script, _SCRIPT_LIMIT)
    except OSError:
        return None
    if not head.startswith(b"#!") or b"sh" not in head.split(b"\n", 1)[0]:
        return None
    calls = _HANDS_ON.findall(head.decode("utf-8", "replace"))
    target = resolved(ctx.at(calls[-1])) if calls else None
    return target if target and runnable(target) else None
