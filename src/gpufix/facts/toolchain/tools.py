"""Compilers and build tools, and their versions."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

from gpufix.facts.context import CollectContext
from gpufix.facts.reading import text
from gpufix.facts.toolchain.programs import (
    LAUNCHERS,
    behind,
    on_path,
    resolved,
    runnable,
    shown,
    version_of,
    which,
)
from gpufix.files import read
from gpufix.model import Python, Tool
from gpufix.process import NoAnswer

_PROGRAM_LIMIT = 64 << 20
_IN_NAME = re.compile(r"-(\d+(?:\.\d+)*)$")


class ToolVersions:
    """Remembers what each program said: gcc, cc and gcc-12 are mostly one file."""

    def __init__(self, ctx: CollectContext) -> None:
        self._ctx = ctx
        self._known: dict[str, str | None] = {}

    def compiler(self, name: str, found: Path, real: Path) -> str | None:
        """ "12.2.0", or "12" for a compiler that only its numbered name leads to."""
        # One release's gcc and g++ lie side by side and report the same version.
        key = str(real).replace("g++", "gcc").replace("clang++", "clang")
        if key not in self._known:
            numbered = _IN_NAME.search(name)
            if numbered:
                return numbered[1]
            self._known[key] = _of_clang(real) or self._run(found, real)
        return self._known[key]

    def cmake(self, real: Path) -> str | None:
        """ "3.25.1", from the folder of modules beside it and the file; starting cmake takes tens of ms."""
        shares = {
            p.name[len("cmake-") :] for p in (real.parent.parent / "share").glob("cmake-[0-9]*")
        }
        release = shares.pop() if len(shares) == 1 else None
        return _with_patch(real, release) if release else None

    def _run(self, found: Path, real: Path) -> str | None:
        clang = "clang" in real.name
        flags = ["-dumpversion"] if clang else ["-dumpfullversion", "-dumpversion"]
        try:
            answer = version_of(self._ctx, found, real, *flags)
        except NoAnswer as error:
            self._ctx.gap("tools", shown(self._ctx, real), error)
            return None
        said = re.fullmatch(r"\d+(\.\d+)*", text(answer.out).strip())
        return said[0] if said else None


def _with_patch(real: Path, release: str) -> str:
    """The last "3.25.N" in the program, which names 3.25.0, too; the release itself where it names none."""
    pattern = re.compile(rb"%s\.(\d{1,2})(?![\d.])" % re.escape(release.encode()))
    try:
        program = read(real, _PROGRAM_LIMIT)
    except OSError:
        return release
    found = [
        int(m[1]) for m in pattern.finditer(program) if program[m.start() - 1] not in b".0123456789"
    ]
    return f"{release}.{max(found)}" if found else release


def _of_clang(real: Path) -> str | None:
    """clang's resource folder is named after its version; starting clang links a 100 MB library."""
    if "clang" not in real.name:
        return None
    folders = [p.name for p in (real.parent.parent / "lib" / "clang").glob("[0-9]*")]
    return folders[0] if len(folders) == 1 else None


_COMPILERS = ("gcc", "g++", "clang", "clang++", "cc", "c++")
_OTHERS = ("ninja", "cmake", "make", "git", "uv", "hipcc")
_NUMBERED = re.compile(r"(?:gcc|g\+\+|clang|clang\+\+)-\d+(?:\.\d+)?")


def collect(ctx: CollectContext, python: Python | None) -> list[Tool]:
    """Tools on PATH and in the patient's bin folder; then those that CC and CXX name; then pip.

    A compiler's version is complete ("12.2.0") where the bare name finds it, and as written in
    the name for the rest ("gcc-11" is "11"): asking every one would cost more than all else here.
    """
    versions = ToolVersions(ctx)
    named = [(p.name, p) for p in _compilers(ctx)]
    found: list[Tool | None] = [_compiler(ctx, versions, name, path) for name, path in named]
    found += [_other(ctx, python, versions, name) for name in _OTHERS]
    found += [_from_variable(ctx, versions, variable) for variable in ("CC", "CXX")]
    return [tool for tool in (*found, _pip(python)) if tool]


def _compilers(ctx: CollectContext) -> Iterator[Path]:
    for name in _COMPILERS:
        path = which(ctx, name)
        if path:
            yield path
    yield from _numbered(ctx)


def _numbered(ctx: CollectContext) -> Iterator[Path]:
    """gcc-12, clang++-19 ...: the first of each name on PATH."""
    first: dict[str, Path] = {}
    for folder in ctx.environ.get("PATH", "").split(os.pathsep):
        if not folder.startswith("/"):
            continue
        try:
            with os.scandir(ctx.at(folder)) as entries:
                names = [entry.name for entry in entries if _NUMBERED.fullmatch(entry.name)]
        except OSError:
            continue
        for name in names:
            path = ctx.at(folder) / name
            if name not in first and runnable(path):
                first[name] = path
    yield from (first[name] for name in sorted(first))


def _compiler(ctx: CollectContext, versions: ToolVersions, name: str, path: Path) -> Tool:
    real = behind(ctx, path)
    called = real if resolved(path).name in LAUNCHERS else path
    return Tool(name=name, path=shown(ctx, called), version=versions.compiler(name, path, real))


def _from_variable(ctx: CollectContext, versions: ToolVersions, variable: str) -> Tool | None:
    """CC and CXX may hold a launcher and flags: "ccache /opt/gcc/bin/gcc -m64"."""
    try:
        words = shlex.split(ctx.environ.get(variable, ""))
    except ValueError:
        return None
    program = next((w for w in words if Path(w).name not in LAUNCHERS), None)
    if program is None:
        return None
    path = ctx.at(program) if program.startswith("/") else which(ctx, program)
    if path is None or not runnable(path):
        ctx.gap("tools", variable, f"names {program}, which is not an executable file")
        return None
    return _compiler(ctx, versions, path.name, path)


def _other(
    ctx: CollectContext, python: Python | None, versions: ToolVersions, name: str
) -> Tool | None:
    path = next(on_path(ctx, name), None)
    if path is None and python is not None:
        own = Path(python.prefix) / "bin" / name
        path = own if runnable(own) else None
    if path is None:
        return None
    version = versions.cmake(resolved(path)) if name == "cmake" else None
    return Tool(name=name, path=shown(ctx, path), version=version)


def _pip(python: Python | None) -> Tool | None:
    """pip as `python -m pip` would find it."""
    for site in python.site_dirs if python else ():
        package = Path(site) / "pip"
        if (package / "__main__.py").is_file():
            found = next(Path(site).glob("pip-*.dist-info"), None)
            version = found.name[len("pip-") : -len(".dist-info")] if found else None
            return Tool(name="pip", path=str(package), version=version)
    return None
