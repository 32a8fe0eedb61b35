"""Calls of what is not followed: who opens which library, who imports what, what lies on the disk."""

from __future__ import annotations

import fnmatch
import sys
from functools import lru_cache
from typing import Any

from packaging.version import InvalidVersion, Version

from gpufix.source.python.import_expressions import ROUNDS
from gpufix.source.python.import_guards import catches, classes_of, kinds_by_name
from gpufix.source.python.import_operations import method, of_list, os_path
from gpufix.source.python.import_statements import Statements
from gpufix.source.python.import_values import (
    UNKNOWN,
    Class,
    Finder,
    Frame,
    Instance,
    Module,
    Outside,
    PathText,
    Raised,
    Release,
    Spec,
    Unknown,
    attribute,
    truth,
)
from gpufix.source.python.import_world import (
    GLOBAL,
    IMPORT,
    LAZY,
    NOW,
    OS,
    Fails,
    World,
    version_of,
)

# What opens a library by its path, and the exception that it raises when the loader refuses it.
_OPENERS = {
    "ctypes.CDLL": OS,
    "ctypes.PyDLL": OS,
    "ctypes.cdll.LoadLibrary": OS,
    "ctypes.pydll.LoadLibrary": OS,
    "ctypes.WinDLL": OS,
    "ctypes.windll.LoadLibrary": OS,
    "torch.ops.load_library": OS,
    "torch.classes.load_library": OS,
    "tensorflow.load_op_library": kinds_by_name("NotFoundError"),
    "tensorflow.load_library": kinds_by_name("NotFoundError"),
}
# What gives an operator of a library a Python implementation: it asks for the operator.
_REGISTER = ("torch.library.register_fake", "torch.library.impl_abstract")
_PARSES = ("packaging.version.Version", "packaging.version.parse", "pkg_resources.parse_version")
_PLAIN = sys.stdlib_module_names - {"ctypes", "importlib", "imp"}
_HANDLE = "ctypes.CDLL()"  # of an open library: it is there
_FIND = ("importlib.machinery.PathFinder.find_spec", "importlib.machinery.PathFinder().find_spec")


class OutsideCalls(Statements):
    """What calls do, as far as it bears on libraries."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.world: World = world
        self.flags: Any = NOW  # of dlopen, for extension modules
        self._blind = False  # libraries were loaded that were not followed

    def outside(self, name: str, args: list[Any], named: dict[Any, Any], frame: Frame) -> Any:
        """A call of what is not followed, by its name. Raises Fails."""
        first = args[0] if args else next(iter(named.values()), UNKNOWN)
        if name in _OPENERS:
            flags = args[1] if len(args) > 1 and "ctypes" in name else named.get("mode", NOW)
            return self._opened(first, flags, _OPENERS[name])
        for known in (self._of_imports, self._of_versions, self._of_disk, self._of_builtins):
            told = known(name, first, args, named)
            if told is not NotImplemented:
                return told
        if name == "globals":
            return {**frame.module.names}
        if name == "os.add_dll_directory" and isinstance(first, str):
            self.world.add_folder(first)
        if name in _REGISTER and isinstance(first, str):
            self._registered(first)
        if name == "ctypes.util.find_library" and isinstance(first, str):
            return self._sought(first)
        if name.endswith("load_nvidia_dynamic_lib") and isinstance(first, str):
            self.asked += 1
            self._blind |= not self.world.load_nvidia(first)
        else:
            self._blind |= _may_load(name)
        return UNKNOWN

    def _of_imports(self, name: str, first: Any, args: list[Any], named: dict[Any, Any]) -> Any:
        if name in ("importlib.import_module", "__import__"):
            package = args[1] if len(args) > 1 and name[0] == "i" else named.get("package", "")
            return self._dynamic(first, package)
        if name == "importlib.util.find_spec" and isinstance(first, str) and first[:1] != ".":
            return self._spec(first)
        if name in _FIND and isinstance(first, str):
            folders = args[1] if len(args) > 1 and isinstance(args[1], (list, tuple)) else ()
            found = (self._in_folder(folder, first) for folder in folders)
            return next((spec for spec in found if spec), None) if folders else UNKNOWN
        if name == "importlib.machinery.PathFinder":
            return Outside(f"{name}()")
        if name == "importlib.machinery.FileFinder":
            return Finder(first) if isinstance(first, str) else UNKNOWN
        if name == "importlib.util.spec_from_file_location" and len([*args, *named.values()]) > 1:
            path = args[1] if len(args) > 1 else named.get("location")
            return Spec(str(first), str(path)) if isinstance(path, str) else UNKNOWN
        if name == "importlib.machinery.ExtensionFileLoader" and len(args) > 1:
            return Spec(str(first), args[1]) if isinstance(args[1], str) else UNKNOWN
        if name in ("importlib.util.module_from_spec", "imp.load_dynamic"):
            path = first.path if isinstance(first, Spec) else (args[1:] or [UNKNOWN])[0]
            return self._module_at(path)
        return NotImplemented

    def _of_versions(self, name: str, first: Any, args: list[Any], named: dict[Any, Any]) -> Any:
        if not isinstance(first, str):
            return NotImplemented
        if name in _PARSES:
            try:
                return Release(Version(first))
            except InvalidVersion:
                return UNKNOWN
        if name in ("importlib.metadata.version", "importlib_metadata.version"):
            return self._known.get(version_of(first), UNKNOWN)
        return NotImplemented

    def _module_at(self, path: Any) -> Any:
        if isinstance(path, str) and (".so" in path or path.endswith(".pyd")):
            self.load(path, self.flags, IMPORT)
        elif not isinstance(path, str):
            self._blind = True
        return UNKNOWN

    def _spec(self, name: str) -> Any:
        parts = name.split(".")
        found = None
        for end in range(1, len(parts) + 1):
            found = self.world.find(".".join(parts[:end]))
            if found is None:
                return None
        return Spec(name, found.path) if found and found.path else Outside(name, is_module=True)

    def _in_folder(self, folder: Any, name: str) -> Spec | None:
        names = self.world.names_in(folder) if isinstance(folder, str) else None
        last = name.rpartition(".")[2]
        for suffix in (*self.world.suffixes, ".py"):
            if f"{last}{suffix}" in (names or ()):
                return Spec(name, f"{folder}/{last}{suffix}")
        return None

    def _of_disk(self, name: str, first: Any, args: list[Any], named: dict[Any, Any]) -> Any:
        if name.startswith("os.path."):
            told = name.removeprefix("os.path.")
            if told in ("exists", "isfile", "isdir") and isinstance(first, str):
                return self._on_disk(told, first)
            return os_path(told, args)
        if name in ("os.environ.get", "os.getenv") and isinstance(first, str):
            return self.world.environ.get(first, args[1] if len(args) > 1 else None)
        if name in ("pathlib.Path", "pathlib.PurePath", "pathlib.PosixPath"):
            texts = all(isinstance(a, str) for a in args)
            return PathText(os_path("join", args)) if args and texts else UNKNOWN
        if name in ("importlib.resources.files", "importlib_resources.files"):
            return self._files(first)
        if name in ("importlib.resources.as_file", "importlib_resources.as_file"):
            return first
        if name == "importlib.resources.path" and len(args) > 1 and isinstance(args[1], str):
            folder = self._files(first)
            return PathText(f"{folder}/{args[1]}") if isinstance(folder, str) else UNKNOWN
        if name in ("os.listdir", "glob.glob", "glob.iglob") and isinstance(first, str):
            return self._listed(first if name == "os.listdir" else "", first)
        return NotImplemented

    def _files(self, package: Any) -> Any:
        name = package.name if isinstance(package, Module) else package
        found = self.world.find(name) if isinstance(name, str) and name else None
        return PathText(found.path.rpartition("/")[0]) if found and found.path else UNKNOWN

    def _of_builtins(self, name: str, first: Any, args: list[Any], named: dict[Any, Any]) -> Any:
        if name == "sys.getdlopenflags":
            return self.flags
        if name == "sys.setdlopenflags":
            self.flags = first
            return None
        if name == "platform.system":
            return {"linux": "Linux", "win32": "Windows"}.get(self.world.platform, UNKNOWN)
        if name == "platform.python_implementation":
            return "CPython"
        if name == "platform.machine":
            return self.world.machine
        if name == "sysconfig.get_config_var" and first in ("EXT_SUFFIX", "SOABI"):
            suffix = self.world.suffixes[0]
            return suffix if first == "EXT_SUFFIX" else suffix.split(".")[1]
        if name == "contextlib.suppress":
            return Outside("contextlib.suppress()")
        if name in ("getattr", "hasattr") and len(args) > 1 and isinstance(args[1], str):
            return self._member_of(name, args)
        if name == "isinstance" and isinstance(first, Raised) and len(args) > 1:
            classes = classes_of(args[1])
            return UNKNOWN if classes is None else catches(classes, first.failure)
        if name == "str" and isinstance(first, Raised):
            return first
        if name in ("str", "os.fspath") and isinstance(first, (str, int)):
            return str(first)
        if name == "int" and isinstance(first, str) and len(args) == 1 and first.isascii():
            return int(first) if first.isdigit() else UNKNOWN
        if name == "bool" and args:
            known = truth(first)
            return UNKNOWN if known is None else known
        if name == "range" and args and all(isinstance(a, int) for a in args):
            return list(range(*args[:3])[: ROUNDS + 1]) if 0 not in args[2:] else UNKNOWN
        if not isinstance(first, (list, tuple)) or named:
            if name in ("list", "dict", "tuple") and not args and not named:
                return {} if name == "dict" else []
            return len(first) if name == "len" and isinstance(first, str) else NotImplemented
        return of_list(name, first, args)

    def _member_of(self, name: str, args: list[Any]) -> Any:
        owner, asked = args[0], args[1]
        if isinstance(owner, Outside) and self.world.lacks_name(owner.name, asked):
            return False if name == "hasattr" else (args[2] if len(args) > 2 else UNKNOWN)
        found = attribute(owner, asked)
        told = self._told(found) if isinstance(found, Outside) else found
        if name == "hasattr":
            return UNKNOWN if isinstance(told, (Unknown, Outside)) else True
        return told

    def of_value(self, owner: Any, name: str, args: list[Any]) -> Any:
        """A call of a method of a plain value. Raises Fails."""
        if isinstance(owner, PathText):
            if name in ("exists", "is_file", "is_dir"):
                return self._on_disk(name, owner)
            if name in ("glob", "iterdir"):
                wanted = args[0] if args and isinstance(args[0], str) else "*"
                return self._listed("", f"{owner}/{wanted}", PathText)
        if isinstance(owner, Finder) and name == "find_spec" and args and isinstance(args[0], str):
            return self._in_folder(owner.folder, args[0])
        if isinstance(owner, Spec):
            return self._module_at(owner.path) if name == "load_module" else UNKNOWN
        if isinstance(owner, (Unknown, Instance, Class)):
            if name == "dlopen" and args and isinstance(args[0], str):  # cffi's
                return self._by_cffi(args[0])
            self._blind |= _may_load(name)
            return UNKNOWN
        return method(owner, name, args)

    def _dynamic(self, name: Any, package: Any) -> Any:
        if not isinstance(name, str):
            return UNKNOWN
        if name.startswith("."):
            if not isinstance(package, str) or not package:
                return UNKNOWN
            level = len(name) - len(name.lstrip("."))
            above = package.split(".")
            name = ".".join([*above[: len(above) - level + 1], name.lstrip(".")]).strip(".")
        return self.import_module(name)

    def load(self, path: str, flags: Any, kinds: frozenset[str]) -> None:
        """With flags that only a run could tell, it is taken for the most that they may allow."""
        self.asked += 1
        known = flags if isinstance(flags, int) else GLOBAL | LAZY
        everywhere, lazy = bool(known & GLOBAL), bool(known & LAZY)
        loads = self.world.load(path, everywhere=everywhere, lazy=lazy)
        if loads == "loads":
            self.loaded.add(tuple(self.places))
            return
        failure = Fails(frozenset() if loads == "crashes" else kinds, library=path)
        failure.place = tuple(self.places)
        if loads == "lacks" and self._blind:
            failure.curable = True
            self.doubts.append(failure)
        else:
            raise failure

    def _opened(self, path: Any, flags: Any, kinds: frozenset[str]) -> Any:
        self.asked += 1
        if isinstance(path, str) and path and "/" not in path:
            located = self.world.locate(path)
            if located == "":
                self.absent[path] = path
                raise Fails(kinds, missing=path)
            path = located or UNKNOWN
        if isinstance(path, str) and path.startswith("/"):
            if not self.world.exists(path):
                raise Fails(kinds, missing=path)
            # ctypes adds RTLD_NOW to any mode.
            self.load(path, flags & ~LAZY if isinstance(flags, int) else GLOBAL, kinds)
            return Outside(_HANDLE, is_module=True)
        if path is None:  # the process itself
            return Outside(_HANDLE, is_module=True)
        self._blind = True
        return UNKNOWN

    def _sought(self, name: str) -> Any:
        """What `ctypes.util.find_library` finds."""
        found = self.world.find_library(name)
        if found == "":
            self.absent[name] = f"lib{name}.so"
            return None
        return UNKNOWN if found is None else found.rpartition("/")[2]

    def _by_cffi(self, name: str) -> Any:
        """`dlopen` of cffi tries what find_library finds for a name that the loader does not know."""
        if (
            "/" not in name
            and self.world.locate(name) == ""
            and self.world.find_library(name) != ""
        ):
            return UNKNOWN
        return self._opened(name, NOW, OS)

    def _registered(self, operator: str) -> None:
        """Fails when the library that defines the operator was refused."""
        for one in self.spared:
            defines = self.world.defines(one.library, operator)
            if defines is not False:
                failure = Fails(kinds_by_name("RuntimeError"), library=one.library)
                failure.place = one.place
                if defines:
                    raise failure
                self.doubts.append(failure)

    def _listed(self, folder: str, pattern: str, kind: type[str] = str) -> Any:
        """Names in a folder, or the paths that match a pattern in its last part, in some order."""
        above, _, last = pattern.rpartition("/")
        names = self.world.names_in(folder or above)
        if names is None or "**" in pattern or any(c in above for c in "*?["):
            return UNKNOWN
        if folder:
            return sorted(names)
        return [kind(f"{above}/{n}") for n in sorted(names) if fnmatch.fnmatchcase(n, last)]

    def _on_disk(self, how: str, path: str) -> Any:
        is_folder = self.world.names_in(path) is not None
        if how in ("isdir", "is_dir"):
            return is_folder
        there = self.world.exists(path)
        return there and not is_folder if how in ("isfile", "is_file") else there


@lru_cache(4_096)
def _may_load(name: str) -> bool:
    """Whether a function that is not followed may load libraries, by its name."""
    top, _, last = name.lower().rpartition(".")
    if top.partition(".")[0] in _PLAIN:
        return False
    return "load" in last or "dlopen" in last or last.endswith("dll")
