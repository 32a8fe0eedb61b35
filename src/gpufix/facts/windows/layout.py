"""A Windows Python, described from its files: nothing of it is run."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Literal

from gpufix.binary.pe import PeError, PeFile
from gpufix.facts.context import CollectContext
from gpufix.facts.python.site_paths import SitePaths, is_dir
from gpufix.facts.reading import read, text, why
from gpufix.facts.windows.paths import below, here, is_windows_path, names_in
from gpufix.frozen import Frozen
from gpufix.model import Python

_LIMIT = 64 << 10
_DLL = re.compile(r"python(\d)(\d+)(t?)\.dll", re.IGNORECASE)
_PTH = re.compile(r"python(?:(\d)(\d+)(t?))?\._pth", re.IGNORECASE)
_NUMBERS = re.compile(r"(\d+)\.(\d+)(?:\.(\d+))?")
_MACHINES = {"x86_64": "AMD64", "aarch64": "ARM64", "i386": "x86"}
_TAGS = {"AMD64": "win_amd64", "ARM64": "win_arm64", "x86": "win32"}
# What portable programs call the folder of their Python: ComfyUI's own spells it so.
_PORTABLE = ("python_embeded", "python_embedded")
_METADATA = (".dist-info", ".egg-info")
Kind = Literal["venv", "uv", "conda", "embedded", "other"]


class Place(Frozen):
    """An environment's folder, and its python.exe."""

    folder: str
    program: str


def place(given: str) -> Place | None:
    """The Windows Python that a folder, or a python.exe, is of; None where there is none."""
    if Path(given).is_file():
        if not given.lower().endswith(".exe"):
            return None
        folder, above = str(Path(given).parent), str(Path(given).parents[1])
        is_venv = Path(folder).name.lower() == "scripts" and below(above, "pyvenv.cfg")
        return Place(above if is_venv else folder, given)
    for names in (("Scripts", "python.exe"), ("python.exe",)):
        if program := below(given, *names):
            return Place(given, program)
    for name in _PORTABLE:
        if program := below(given, name, "python.exe"):
            return Place(str(Path(program).parent), program)
    return None


class _Base(Frozen):
    """The installation that an environment is made from. folder: where it lies here, if anywhere."""

    folder: str | None
    named: str  # as pyvenv.cfg has it
    dll: str | None = None
    version: str | None = None
    tag: str | None = None


class NoVersion(ValueError):
    """Nothing tells which Python it is, or its own DLL is not there."""


def describe(ctx: CollectContext, found: Place) -> Python:
    """Raises NoVersion."""
    settings = _settings(ctx, found.folder)
    base = _base(ctx, found, settings)
    pth = _pth(found.folder, base.tag) if settings is None else None
    tag, version = _identity(base, settings, pth)
    machine = _machine(base.dll or found.program)
    layout, user = _layout(ctx, found.folder, base, settings, pth, tag)
    include = f"{base.folder or base.named}/include"
    return Python(
        executable=text(found.program),
        version=version,
        tag=tag,
        soabi=f"{tag}-{_TAGS[machine]}",
        extension_suffixes=[f".{tag}-{_TAGS[machine]}.pyd", ".pyd"],
        machine=machine,
        prefix=text(found.folder),
        base_prefix=text(base.folder or base.named),
        kind=_kind(found.folder, settings, pth),
        site_dirs=[text(path) for path in _holders(layout)],
        user_site=text(user) if user else None,
        sys_path=[text(path) for path in layout.paths],
        pth_files=layout.pth_files,
        include=text(include),
        has_headers=Path(include, "Python.h").is_file(),
        libpython=text(base.dll) if base.dll else None,
        platform="win32",
    )


def _settings(ctx: CollectContext, folder: str) -> dict[str, str] | None:
    """The keys of pyvenv.cfg; None where there is none."""
    path = below(folder, "pyvenv.cfg")
    if path is None:
        return None
    try:
        lines = read(path, _LIMIT).decode("utf-8-sig", "replace").splitlines()
    except OSError as error:
        ctx.gap("python", text(path), f"cannot be read: {why(error)}")
        return {}
    pairs = (line.partition("=") for line in lines if "=" in line)
    return {key.strip().lower(): value.strip() for key, _, value in pairs}


def _pth(folder: str, tag: str | None) -> str | None:
    """The python3XX._pth of an embedded Python: it replaces all other ways to sys.path.

    That of another Python is not read.
    """
    found = [n for n in names_in(folder) if _PTH.fullmatch(n)]
    own = [n for n in found if tag and n.lower() in (f"python{tag[2:]}._pth", "python._pth")]
    return next(iter(own if tag else found), None)


def _base(ctx: CollectContext, found: Place, settings: dict[str, str] | None) -> _Base:
    if settings is None:
        return _installation(found.folder, found.folder)
    home = settings.get("home", "")
    folder = here(home, found.folder)
    if folder is None:
        reason = f"it is made from {home or 'a Python'}, which is not in reach"
        ctx.gap("python", text(found.folder), text(reason))
        return _Base(None, home)
    return _installation(folder, home)


def _installation(folder: str, named: str) -> _Base:
    """Its DLL: the one that python.exe imports, whatever lies beside it; else the newest."""
    dlls = {n.lower(): m for n in names_in(folder) if (m := _DLL.fullmatch(n))}
    wanted = _imported(f"{folder}/python.exe")
    if wanted and wanted not in dlls:
        raise NoVersion(f"its python.exe needs {wanted}, which is not beside it")
    name = wanted or max(dlls, key=lambda n: (int(dlls[n][2]), n), default=None)
    if name is None:
        return _Base(folder, named)
    own, path = dlls[name], f"{folder}/{dlls[name][0]}"
    return _Base(folder, named, path, _dll_version(path), f"cp{own[1]}{own[2]}{own[3]}".lower())


def _imported(program: str) -> str | None:
    """The python3XX.dll that a program imports; of a launcher, none."""
    try:
        needed = PeFile(program).needed
    except PeError:
        return None
    return next((name.lower() for name in needed if _DLL.fullmatch(name)), None)


def _dll_version(path: str) -> str | None:
    """Of python3XX.dll: 3.11.9150.1013 is 3.11.9 (PC/python_ver_rc.h: micro * 1000 + level)."""
    try:
        version = PeFile(path).version
    except PeError:
        return None
    return f"{version[0]}.{version[1]}.{version[2] // 1000}" if version else None


def _identity(base: _Base, settings: dict[str, str] | None, pth: str | None) -> tuple[str, str]:
    told = settings or {}
    version = base.version or told.get("version") or told.get("version_info") or ""
    found = _NUMBERS.match(version)
    if found:
        micro = f".{found[3]}" if found[3] else ""
        plain = f"{found[1]}.{found[2]}{micro}"
        return base.tag or f"cp{found[1]}{found[2]}", plain
    named = _PTH.fullmatch(pth or "")
    tag = base.tag or (f"cp{named[1]}{named[2]}{named[3]}" if named and named[2] else None)
    if tag is None:
        raise NoVersion("no python3XX.dll, pyvenv.cfg or python3XX._pth tells its version")
    return tag, f"{tag[2]}.{tag[3:].rstrip('t')}"


def _machine(path: str) -> str:
    try:
        return _MACHINES.get(PeFile(path).machine, "AMD64")
    except PeError:
        return "AMD64"


def _kind(folder: str, settings: dict[str, str] | None, pth: str | None) -> Kind:
    if is_dir(f"{folder}/conda-meta"):
        return "conda"
    if settings is not None:
        return "uv" if "uv" in settings else "venv"
    return "embedded" if pth else "other"


def _layout(
    ctx: CollectContext,
    folder: str,
    base: _Base,
    settings: dict[str, str] | None,
    pth: str | None,
    tag: str,
) -> tuple[SitePaths, str | None]:
    """sys.path as PC/getpath and site make it, and the user's own site folder where it counts."""
    layout = SitePaths(ctx, near=folder)
    if pth is not None:
        runs_site = _read_pth(ctx, layout, folder, pth)
        if runs_site:
            _add_sites(layout, folder)
        return layout, None
    outside = ctx.environ.get("PYTHONPATH", "").split(os.pathsep)
    layout.add(str(Path(p).absolute()) for p in outside if p and "\0" not in p)
    own = base.folder
    if own:
        layout.add([f"{own}/python{tag[2:]}.zip", below(own, "DLLs") or f"{own}/DLLs"])
        layout.add([below(own, "Lib") or f"{own}/Lib", own])
    if settings is not None:
        _add_sites(layout, folder)
    whole = settings is None or settings.get("include-system-site-packages", "").lower() == "true"
    user = _user_site(ctx, folder, tag) if whole else None
    if user:
        layout.add_site(user)
    if whole and own:
        _add_sites(layout, own)
    return layout, user


def _add_sites(layout: SitePaths, prefix: str) -> None:
    """site.getsitepackages: the prefix, and Lib/site-packages below it."""
    for path in (prefix, below(prefix, "Lib", "site-packages")):
        if path:
            layout.add_site(path)


def _read_pth(ctx: CollectContext, layout: SitePaths, folder: str, name: str) -> bool:
    """Add what a ._pth lists; whether it says `import site`."""
    try:
        lines = read(f"{folder}/{name}", _LIMIT).decode("utf-8-sig", "replace").splitlines()
    except OSError as error:
        ctx.gap("python", text(f"{folder}/{name}"), f"cannot be read: {why(error)}")
        return False
    runs = False
    for line in map(str.strip, lines):
        if line in ("import site", "import  site"):
            runs = True
        elif line and not line.startswith(("#", "import ")) and "\0" not in line:
            layout.add([os.path.normpath(_beside(folder, line))])
    return runs


def _beside(folder: str, line: str) -> str:
    if is_windows_path(line):
        return here(line, folder) or line
    parts = [part for part in re.split(r"[\\/]+", line) if part]
    return below(folder, *parts) or "/".join([folder, *parts])


def _user_site(ctx: CollectContext, folder: str, tag: str) -> str | None:
    r"""AppData\Roaming\Python\Python311\site-packages of the user in whose folder it lies."""
    if ctx.environ.get("PYTHONNOUSERSITE"):
        return None
    roaming = ctx.environ.get("APPDATA") if os.name == "nt" else _roaming(folder)
    if not roaming:
        return None
    return below(roaming, "Python", f"Python{tag[2:]}", "site-packages")


def _roaming(folder: str) -> str | None:
    """Of the user whose name stands in the path; of several users, nobody else's counts."""
    parents = [folder, *map(str, Path(folder).parents)]
    for inner, outer in pairwise(parents):
        if Path(outer).name.lower() == "users":
            return below(inner, "AppData", "Roaming")
    return None


def _holders(layout: SitePaths) -> Iterator[str]:
    """Folders that distributions may lie in. The prefix is a site folder that mostly holds none."""
    seen: set[str] = set()
    for path in layout.paths:
        if not is_dir(path) or (real := os.path.realpath(path)) in seen:
            continue
        seen.add(real)
        is_site = path in layout.sites and Path(path).name.lower() == "site-packages"
        if is_site or any(name.endswith(_METADATA) for name in names_in(path)):
            yield path
