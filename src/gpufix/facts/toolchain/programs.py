"""Programs on PATH, and the folders where toolkits lie."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from gpufix.facts.context import CollectContext
from gpufix.files import is_binary, read
from gpufix.frozen import Frozen
from gpufix.process import Finished, NotStarted, ask

_TIME_LIMIT = 2.0  # seconds that a program has to tell its version
LAUNCHERS = {"ccache", "sccache", "distcc", "icecc"}
_SCRIPT_LIMIT = 8192
# The last command of a wrapper that hands all its arguments on: exec /opt/x/bin/nvcc -m64 "$@"
_HANDS_ON = re.compile(
    r"""^[ \t]*(?:exec[ \t]+)?["']?(/[^\s"'$`;&|<>]+)["']?(?=\s)[^;&|\n]*\$[@*]""", re.M
)


def shown(ctx: CollectContext, path: Path) -> str:
    """A path of the machine as its users write it: without the root of a recorded tree."""
    try:
        return "/" + str(path.relative_to(ctx.root))
    except ValueError:  # reached through a link that leaves the tree
        return str(path)


def on_path(ctx: CollectContext, name: str) -> Iterator[Path]:
    """Every executable file of this name, in PATH's order."""
    for folder in ctx.environ.get("PATH", "").split(os.pathsep):
        if folder.startswith("/"):
            path = ctx.at(folder) / name
            if runnable(path):
                yield path


def which(ctx: CollectContext, name: str) -> Path | None:
    """The first program of this name on PATH, as a shell would find it."""
    return next(on_path(ctx, name), None)


def runnable(path: Path) -> bool:
    """Whether this is a file that may be executed."""
    try:
        return path.is_file() and os.access(path, os.X_OK)
    except (OSError, ValueError):
        return False


def behind(ctx: CollectContext, program: Path) -> Path:
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


def _after_launcher(ctx: CollectContext, name: str) -> Path | None:
    """/usr/lib/ccache/gcc is ccache, which calls the next gcc on PATH."""
    paths = (resolved(path) for path in on_path(ctx, name))
    return next((path for path in paths if path.name not in LAUNCHERS), None)


def _wrapped(ctx: CollectContext, script: Path) -> Path | None:
    try:
        head = read(script, _SCRIPT_LIMIT)
    except OSError:
        return None
    if not head.startswith(b"#!") or b"sh" not in head.split(b"\n", 1)[0]:
        return None
    calls = _HANDS_ON.findall(head.decode("utf-8", "replace"))
    target = resolved(ctx.at(calls[-1])) if calls else None
    return target if target and runnable(target) else None


def version_of(ctx: CollectContext, found: Path, real: Path, *flags: str) -> Finished:
    """What a program says of its version. `found`: where PATH has it, `real`: what does the work.

    Scripts that the patient or the project brings, and those that a Python would run with its
    .pth files, are code of theirs and not run. Raises NoAnswer.
    """
    if not is_binary(real) and (_is_examined(ctx, found) or _is_examined(ctx, real)):
        raise NotStarted("is a script of what is examined: it is not run")
    if _is_of_python(real):
        raise NotStarted("is a script that Python runs: it is not run")
    # In "/": an empty entry in LD_LIBRARY_PATH means the folder at hand, and that may be the project.
    return ask([str(real), *flags], ctx.environ, _TIME_LIMIT, cwd="/")


def _is_examined(ctx: CollectContext, program: Path) -> bool:
    """Whether it lies in the patient, in the project, or in any other environment."""
    bin_folder = Path(os.path.realpath(program.parent))
    if any((bin_folder.parent / mark).exists() for mark in ("pyvenv.cfg", "conda-meta")):
        return True
    return any(bin_folder.is_relative_to(os.path.realpath(folder)) for folder in ctx.examined)


def _is_of_python(program: Path) -> bool:
    """The first line of a script, or of a shell's that calls Python in its second: ours do so."""
    try:
        head = read(program, _SCRIPT_LIMIT)
    except OSError:
        return False
    return head.startswith(b"#!") and any(b"python" in line for line in head.split(b"\n", 2)[:2])


class ToolkitPlace(Frozen):
    """A root folder, and how it was come by."""

    origin: str
    root: Path


def distinct(places: Iterable[ToolkitPlace]) -> Iterator[ToolkitPlace]:
    """Each folder once, under the first name that leads to it."""
    seen: set[Path] = set()
    for place in places:
        real = resolved(place.root)
        if real not in seen:
            seen.add(real)
            yield place


def from_variables(ctx: CollectContext, *names: str) -> Iterator[ToolkitPlace]:
    """Roots that variables name, whether they exist or not."""
    for name in names:
        value = ctx.environ.get(name)
        if value:
            yield ToolkitPlace(name, ctx.at(value))


def numbered(origin: str, parent: Path, pattern: str) -> Iterator[ToolkitPlace]:
    """Folders such as /usr/local/cuda-12.8, the highest version first."""
    found = sorted(parent.glob(pattern), key=lambda f: _version(f.name), reverse=True)
    yield from (ToolkitPlace(origin, folder) for folder in found[:64] if folder.is_dir())


def compiler_of(ctx: CollectContext, root: Path, name: str) -> tuple[Path | None, str | None]:
    """The compiler in root/bin as it really is, and the wrapper that leads there (if any)."""
    program = root / "bin" / name
    if not runnable(program):
        return None, None
    real = behind(ctx, program)
    same = real.name == name and real.parent.parent == resolved(root)
    return real, None if same else shown(ctx, program)


def headers_in(folders: Iterable[Path], wanted: Iterable[str]) -> tuple[list[str], list[str]]:
    """Those of `wanted` that one of the folders has, and the others."""
    places = [folder for folder in folders if folder.is_dir()]
    there: list[str] = []
    missing: list[str] = []
    for header in wanted:
        found = any((folder / header).is_file() for folder in places)
        (there if found else missing).append(header)
    return there, missing


def _version(name: str) -> tuple[int, ...]:
    digits = name.rpartition("-")[2].split(".")
    return tuple(int(part) for part in digits if part.isdecimal())
