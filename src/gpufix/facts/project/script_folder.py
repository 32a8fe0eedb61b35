"""Scripts of the folder that somebody works in: which installed modules its files stand before."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from posixpath import dirname

from gpufix.facts.context import CollectContext
from gpufix.facts.libraries.modules import Modules
from gpufix.facts.reading import text
from gpufix.files import read_whole
from gpufix.frozen import Frozen
from gpufix.model import Python, Shadow
from gpufix.source.python.asked_names import Asked, asked, bound
from gpufix.source.python.tree import NotPython, Tree, known_tree
from gpufix.source.source_text import decode

_LIMIT, _FILES, _ENTRIES = 256 << 10, 60, 2_000
_FOLDERS, _TESTS = 8, {"test", "tests", "testing", "docs"}
_MODULES = ("py", "so", "pyc")  # how files of modules end
_DEFINES = ("", "def ", "async def ", "class ")  # what stands before a name on its line
_LONGEST = len("\nasync def ")
_BOUND = re.compile(r" *[(:=]")
# They run in environments of their own, or before anything is installed.
_APART = {"setup", "conftest", "noxfile", "fabfile", "sitecustomize", "usercustomize"}


class Script(Frozen):
    """A source of the folder. package: what its relative imports are relative to."""

    path: str
    text: str
    tree: Tree
    package: str = ""

    @cached_property
    def asks(self) -> tuple[Asked, ...]:
        return tuple(asked(self.tree, self.package))


def collect(
    ctx: CollectContext, python: Python | None, root: Path | None
) -> tuple[list[Shadow], dict[str, str]]:
    """What stands in the way in the project's, else the current folder, in folders of scripts in it,
    and on PYTHONPATH; and the modules that scripts import and that are nowhere."""
    if python is None:
        return [], {}
    here = str(root or ctx.cwd)
    apart = ctx.environ.get("PYTHONSAFEPATH") or _is_shared(ctx, here)
    folders = [] if apart else [here, *_below(here)]
    modules, scripts = Modules(python), []
    shadows: list[Shadow] = []
    for folder in folders:
        own = _scripts(folder)
        shadows += _shadows(folder, own, modules)
        scripts += own
    for folder in _added(python):
        beside = replace(python, sys_path=[p for p in python.sys_path if p != folder])
        own = [] if folder == here else _scripts(folder)
        shadows += _shadows(folder, [*scripts, *own], Modules(beside))
    unmet: dict[str, str] = {}
    installed = _Installed()
    for script in scripts:
        for one in script.asks:
            held = _held(here, one.module) or _held(dirname(script.path), one.module)
            if not held and (lost := _unmet(one, modules, installed)):
                unmet.setdefault(lost, text(f"{script.path}:{one.line}"))
    return list({(s.path, s.lost): s for s in shadows}.values()), unmet


class _Installed:
    """The names that installed modules bind: each is read, and parsed, once at most."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}
        self._names: dict[str, frozenset[str] | None] = {}

    def lacks(self, path: str, package: str, module: str, name: str) -> bool:
        """Whether a module surely binds no such name."""
        if path not in self._texts:
            self._texts[path] = _text(path) or ""
        source = self._texts[path]
        if _evidently_binds(source, name):
            return False  # as most are
        if path not in self._names:
            script = _script(path, package)
            names = bound(script.text, script.tree, module) if script else None
            self._names[path] = None if names is None else frozenset(names)
        known = self._names[path]
        return known is not None and name not in known


def _evidently_binds(source: str, name: str) -> bool:
    """Whether a line begins with a name's definition or assignment."""
    at = source.find(name)
    while at >= 0:
        _, newline, before = source[max(0, at - _LONGEST) : at].rpartition("\n")
        begins = before in _DEFINES and (newline or at == len(before))
        if begins and _BOUND.match(source, at + len(name)):
            return True
        at = source.find(name, at + 1)
    return False


def _unmet(one: Asked, modules: Modules, installed: _Installed) -> str | None:
    """What nothing that is installed has: the module, or the name that is imported from it."""
    if modules.lacks(one.module):
        return one.module
    found = modules.find(one.module)
    if not one.name or found is None or found.kind != "source":
        return None
    package = one.module if found.is_package else ""
    name = f"{one.module}.{one.name}"
    if not installed.lacks(found.path, package, one.module, one.name):
        return None
    return name if modules.lacks(name) else None


def _is_shared(ctx: CollectContext, folder: str) -> bool:
    """A home, or the root: nobody's project. In a package lie modules, not scripts."""
    package = "__init__.py" in _names_in(folder)
    return package or folder in ("/", str(ctx.home), str(ctx.home.parent))


def _below(folder: str) -> list[str]:
    """Folders of scripts, each of which Python puts on sys.path when it runs one: they are no packages."""
    names = (n for n in sorted(_names_in(folder)) if n[:1] not in "._" and n not in _TESTS)
    found = (f"{folder}/{name}" for name in names if "." not in name)
    plain = ((path, _names_in(path)) for path in found)
    return [
        path
        for path, inner in plain
        if "__init__.py" not in inner and any(name.endswith(".py") for name in inner)
    ][:_FOLDERS]


def _added(python: Python) -> list[str]:
    """The folders of sys.path that are of neither an installation's nor the environment's."""
    own = (python.prefix, python.base_prefix, *python.site_dirs)
    return [p for p in python.sys_path if not any(f"{p}/".startswith(f"{o}/") for o in own)][:4]


def _held(folder: str, module: str) -> bool:
    path = Path(folder, module.partition(".")[0])
    return path.is_dir() or path.with_name(f"{path.name}.py").exists()


def _scripts(folder: str) -> list[Script]:
    """The Python files of a folder, and the `__init__.py` of its packages."""
    names = sorted(_names_in(folder))
    if len(names) > _ENTRIES:
        return []
    plain = [(f"{folder}/{n}", "") for n in names if n.endswith(".py") and n[:-3] not in _APART]
    return [one for path, package in plain[:_FILES] if (one := _script(path, package))]


def _names_in(folder: str) -> list[str]:
    try:
        return [entry.name for entry in os.scandir(folder)]
    except (OSError, ValueError):
        return []


def _text(path: str) -> str | None:
    try:
        return decode(read_whole(path, _LIMIT)).text
    except (OSError, ValueError):
        return None


def _script(path: str, package: str) -> Script | None:
    source = _text(path)
    try:
        return None if source is None else Script(path, source, known_tree(source), package)
    except NotPython:
        return None


def _shadows(folder: str, scripts: Sequence[Script], modules: Modules) -> Iterator[Shadow]:
    """What of an installed module is asked for, where a file of the folder takes its name."""
    for name in sorted({one.module.partition(".")[0] for script in scripts for one in script.asks}):
        standing, found = _standing(folder, name), modules.find(name)
        if standing is None or found is None or found.kind == "outside":
            continue
        if found.path and os.path.realpath(found.path) == os.path.realpath(standing.path):
            continue  # installed from here
        for script in (*scripts, *([standing] if standing.package else [])):
            lost = next((o for o in script.asks if _is_lost(o, name, standing, modules)), None)
            if lost:
                yield Shadow(
                    name=name,
                    path=text(standing.path),
                    hidden=text(found.path or name),
                    lost=".".join(filter(None, [lost.module, lost.name])),
                    place=text(f"{script.path}:{lost.line}"),
                )
                break


def _standing(folder: str, name: str) -> Script | None:
    """The file, or package, of a folder that an import of the name finds."""
    if "__init__.py" in _names_in(f"{folder}/{name}"):
        return _script(f"{folder}/{name}/__init__.py", name)
    return _script(f"{folder}/{name}.py", "")


def _is_lost(one: Asked, name: str, standing: Script, modules: Modules) -> bool:
    """Whether the installed module has what is asked for, and the file that stands before it has not."""
    top, _, inner = one.module.partition(".")
    if top != name:
        return False
    if inner:
        return modules.find(one.module) is not None and not _has_module(standing, inner)
    if not one.name or _has_module(standing, one.name):
        return False
    names = bound(standing.text, standing.tree, standing.package)
    return names is not None and one.name not in names and _installed_has(name, one.name, modules)


def _has_module(standing: Script, inner: str) -> bool:
    if not standing.package:
        return False
    first = inner.partition(".")[0]
    named = (n.partition(".") for n in _names_in(dirname(standing.path)))
    return any(n == first and (not dot or e.endswith(_MODULES)) for n, dot, e in named)


def _installed_has(name: str, wanted: str, modules: Modules) -> bool:
    found = modules.find(name)
    if modules.find(f"{name}.{wanted}") is not None:
        return True
    if found is None or found.kind != "source":
        return False
    try:
        return re.search(rf"\b{re.escape(wanted)}\b", modules.text(found.path)) is not None
    except (OSError, ValueError):
        return False
