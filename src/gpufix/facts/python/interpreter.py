"""The patient's interpreter: found, asked what only it can say, and laid out on the disk."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from gpufix.facts.context import CollectContext
from gpufix.facts.python.choice import choice
from gpufix.facts.python.remains import hollow, other_sites
from gpufix.facts.python.site_paths import SitePaths, is_dir
from gpufix.facts.reading import json_text, text
from gpufix.facts.windows.layout import NoVersion, describe
from gpufix.facts.windows.layout import place as windows_place
from gpufix.files import is_binary, is_windows_program
from gpufix.model import Python
from gpufix.process import NoAnswer, ask

_PROBE = Path(__file__).with_name("probe.py")
_OLDEST = (3, 7)  # that probe.py is written for
_TIMEOUT = 10.0
_DISTRIBUTION = (".dist-info", ".egg-info", ".egg-link")

Kind = Literal["venv", "uv", "conda", "system", "pyenv", "embedded", "other"]


class NoInterpreter(Exception):
    """`path` was to be the patient's interpreter and is none; `why` in a few words."""

    def __init__(self, path: str, why: str):
        super().__init__(f"{path} is not a usable Python: {why}")
        self.path, self.why = path, why


def collect(
    ctx: CollectContext, executable: str | None, project: Path | None = None
) -> Python | None:
    """Describe the interpreter `executable` (a file, an environment's folder, or a command).

    Without one: the environment that is active, or the project's; None when there is none. Raises
    NoInterpreter when the named one is unusable; an unusable one that was chosen is a gap, and None.
    """
    if executable is not None:
        return replace(_describe(ctx, _locate(ctx, executable)), chosen="named with --python")
    found = choice(ctx, project)
    if found is None:
        return None
    try:
        return replace(_describe(ctx, _locate(ctx, found.path)), chosen=text(found.why))
    except NoInterpreter as error:
        ctx.gap("python", text(error.path), error.why)
        return None


def _locate(ctx: CollectContext, given: str) -> Path:
    """An executable file, its symbolic links kept: a venv is told by where the link lies."""
    if "\0" in given or not given.strip():
        raise NoInterpreter(
            repr(text(given)), "an interpreter's or an environment's path is needed"
        )
    path = Path(given).expanduser().absolute()
    if path.is_dir():
        return _inside(path, text(given))
    if not os.path.lexists(path) and os.sep not in given and not given.startswith("."):
        import shutil  # which imports three compressors

        found = shutil.which(given, path=ctx.environ.get("PATH", os.defpath))
        if found is None:
            raise NoInterpreter(text(given), "no such file, and no such command on PATH")
        path = Path(found).absolute()
    _require_program(path, text(given))
    return path


def _inside(folder: Path, given: str) -> Path:
    for path in (folder / "bin" / "python", folder / "bin" / "python3"):
        if os.path.lexists(path):
            _require_program(path, given)
            return path
    if found := windows_place(folder.as_posix()):
        return Path(found.program)
    raise NoInterpreter(given, "a folder without bin/python, Scripts/python.exe and python.exe")


def _require_program(path: Path, given: str) -> None:
    if path.is_symlink() and not path.exists():
        there = text(os.path.realpath(path))
        raise NoInterpreter(given, f"{text(str(path))} is a link to {there}, which is gone")
    if not path.exists():
        raise NoInterpreter(given, "no such file")
    if not path.is_file():
        raise NoInterpreter(given, "not a file")
    if is_windows_program(path):
        return
    if not os.access(path, os.X_OK):
        raise NoInterpreter(given, "not executable")
    marks = (path.parent.parent / mark for mark in ("pyvenv.cfg", "conda-meta"))
    if not is_binary(path) and any(mark.exists() for mark in marks):
        raise NoInterpreter(
            given, f"{text(str(path))} is a script of the environment: it is not run"
        )


def _ask(ctx: CollectContext, path: Path) -> dict[str, Any]:
    """What the probe prints. Raises NoInterpreter."""
    environ = {k: v for k, v in ctx.environ.items() if not k.startswith(("PYTHON", "__PYVENV"))}
    try:
        answer = ask([str(path), "-I", "-S", "-B", str(_PROBE)], environ, _TIMEOUT)
    except NoAnswer as error:
        raise NoInterpreter(text(str(path)), str(error)) from error
    if answer.code != 0:
        if version := _too_old(path, environ):
            why = f"it is Python {version}; gpufix examines {_OLDEST[0]}.{_OLDEST[1]} and later"
            raise NoInterpreter(text(str(path)), why)
        reply = text(answer.err[:300]).strip().splitlines()
        detail = f": {reply[0]}" if reply else ""
        raise NoInterpreter(text(str(path)), f"it exits with {answer.code}{detail}")
    try:
        said_last = answer.out.decode("ascii").strip().splitlines()[-1]
        facts = json.loads(said_last)
        if not isinstance(facts, dict) or not isinstance(facts["extension_suffixes"], list):
            raise TypeError("not a probe's answer")
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise NoInterpreter(text(str(path)), "it does not answer as a Python does") from error
    return facts


def _too_old(path: Path, environ: Mapping[str, str]) -> str | None:
    """The version of a Python that the probe is not made for; None for any other program."""
    try:
        answer = ask([str(path), "-V"], environ, _TIMEOUT)  # on stderr before 3.4
    except NoAnswer:
        return None
    found = re.match(rb"Python ((\d+)\.(\d+)[\w.+]{0,20})", answer.out or answer.err)
    if found is None or (int(found[2]), int(found[3])) >= _OLDEST:
        return None
    return found[1].decode("ascii")


def _describe(ctx: CollectContext, path: Path) -> Python:
    if is_windows_program(path) and (found := windows_place(path.as_posix())):
        try:
            described = describe(ctx, found)
        except NoVersion as error:
            if os.name != "nt":
                raise NoInterpreter(text(str(path)), str(error)) from error
        else:
            return _confirmed(ctx, path, described) if os.name == "nt" else described
    reply = _ask(ctx, path)
    try:
        return _assemble(ctx, reply)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise NoInterpreter(
            text(str(path)), f"its answer makes no sense: {text(str(error))}"
        ) from error


def _confirmed(ctx: CollectContext, path: Path, described: Python) -> Python:
    """On Windows itself: its files say where things lie, the interpreter which one it is.

    One with a ._pth is not asked: for it Python runs `import site`, whatever -S says, and with that
    the lines of .pth files. One that does not start is a gap: its files may tell why.
    """
    if described.kind == "embedded":
        return described
    try:
        said = _assemble(ctx, _ask(ctx, path))
    except NoInterpreter as error:
        ctx.gap("python", text(str(path)), error.why)
        return described
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        ctx.gap("python", text(str(path)), f"its answer makes no sense: {text(str(error))}")
        return described
    known = {os.path.normcase(found) for found in described.sys_path}
    further = [found for found in said.sys_path if os.path.normcase(found) not in known]
    return replace(
        described,
        version=said.version,
        implementation=said.implementation,
        tag=said.tag,
        soabi=said.soabi,
        extension_suffixes=said.extension_suffixes,
        sys_path=[*described.sys_path, *further],
    )


def _assemble(ctx: CollectContext, reply: dict[str, Any]) -> Python:
    venv: dict[str, str] | None = reply["venv"]
    whole_system = venv is None or venv.get("include-system-site-packages", "").lower() == "true"
    user_site = _user_site(ctx, reply) if whole_system else None
    layout = _layout(ctx, reply, user_site, whole_system)
    marker = Path(reply["stdlib"], "EXTERNALLY-MANAGED")
    has_marker = venv is None and marker.is_file()
    kind, sites = _kind(ctx, reply), list(_holders(layout))
    return Python(
        executable=text(reply["executable"]),
        program=_program(reply),
        version=json_text(reply["version"]),
        implementation=json_text(reply["implementation"]),
        tag=_tag(reply),
        soabi=_soabi(reply["extension_suffixes"]),
        extension_suffixes=[json_text(suffix) for suffix in reply["extension_suffixes"]],
        machine=json_text(reply["machine"]),
        prefix=text(reply["prefix"]),
        base_prefix=text(reply["base_prefix"]),
        kind=kind,
        externally_managed=text(str(marker)) if has_marker else None,
        site_dirs=[text(p) for p in sites],
        user_site=text(user_site) if user_site else None,
        sys_path=[text(p) for p in layout.paths],
        pth_files=layout.pth_files,
        include=text(reply["include"]),
        has_headers=Path(reply["include"], "Python.h").is_file(),
        libpython=text(reply["libpython"]) if reply["libpython"] else None,
        platform=json_text(reply["platform"]),
        other_sites=other_sites(str(reply["prefix"]), kind, sites),
        hollow=hollow(sites),
    )


def _layout(
    ctx: CollectContext, reply: dict[str, Any], user_site: str | None, whole_system: bool
) -> SitePaths:
    """sys.path in the order of `site.main`: PYTHONPATH, stdlib, venv, user site, base prefix."""
    layout = SitePaths(ctx)
    outside = ctx.environ.get("PYTHONPATH", "").split(os.pathsep)
    layout.add(str(Path(p).absolute()) for p in outside if p and "\0" not in p)
    layout.add(reply["stdlib_path"])
    if reply["venv"] is not None:
        for folder in reply["site_packages"]:
            layout.add_site(folder)
    if user_site:
        layout.add_site(user_site)
    if whole_system:
        for folder in reply["base_site_packages"]:
            layout.add_site(folder)
    for folder in reply["wrapper_site_packages"]:
        layout.add_site(folder)
    return layout


def _user_site(ctx: CollectContext, reply: dict[str, Any]) -> str | None:
    if ctx.environ.get("PYTHONNOUSERSITE") or not reply["user_site"]:
        return None
    usual = (
        Path(ctx.environ.get("APPDATA", ""), "Python") if os.name == "nt" else ctx.home / ".local"
    )
    base = ctx.environ.get("PYTHONUSERBASE") or usual
    folder = str(Path(base).expanduser() / reply["user_site"])
    return folder if is_dir(folder) else None


def _holders(layout: SitePaths) -> Iterator[str]:
    """Folders of sys.path that distributions may lie in: site folders, and others with metadata."""
    seen: set[str] = set()
    for path in layout.paths:
        if (real := os.path.realpath(path)) in seen or not is_dir(path):
            continue
        if path in layout.sites or _has_metadata(path):
            seen.add(real)
            yield path


def _has_metadata(folder: str) -> bool:
    if folder.endswith("lib-dynload"):
        return False
    try:
        with os.scandir(folder) as entries:
            return any(e.name.endswith(_DISTRIBUTION) or e.name == "EGG-INFO" for e in entries)
    except OSError:
        return False


def _tag(reply: dict[str, Any]) -> str:
    major, minor = reply["version"].split(".")[:2]
    short = {"cpython": "cp", "pypy": "pp"}.get(reply["implementation"], reply["implementation"])
    return f"{short}{major}{minor}{'t' if 't' in reply['abiflags'] else ''}"


def _program(reply: dict[str, Any]) -> str | None:
    program: str | None = reply["program"]
    if program is None or program == os.path.realpath(reply["executable"]):
        return None
    return text(program)


def _soabi(suffixes: list[str]) -> str | None:
    first = suffixes[0] if suffixes else ""
    return first[1:].rpartition(".")[0] or None


def _kind(ctx: CollectContext, reply: dict[str, Any]) -> Kind:
    venv, prefix = reply["venv"], Path(reply["prefix"])
    if (prefix / "conda-meta").is_dir():
        return "conda"
    if venv is not None:
        return "uv" if "uv" in venv else "venv"
    pyenv = Path(ctx.environ.get("PYENV_ROOT") or ctx.home / ".pyenv")
    if pyenv / "versions" in prefix.parents or ".pyenv" in prefix.parts:
        return "pyenv"
    return "system" if str(prefix) in ("/usr", "/usr/local") else "other"
