"""Expressions of module code: their values, and the imports and libraries that calls in them bring."""

from __future__ import annotations

import ast
import fnmatch
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

from gpufix.source.python.import_values import (
    UNKNOWN,
    Frame,
    Function,
    Outside,
    PathText,
    attribute,
    bounded,
    compared,
    joined,
    method,
    os_path,
    truth,
)
from gpufix.source.python.import_world import GLOBAL, LAZY, NOW, Fails, Return, TooMuch, World

_STEPS = 200_000  # statements and expressions of one import
_DEPTH = 60  # nested calls and imports
ROUNDS = 64  # of a loop
_LOADERS = {
    "ctypes.CDLL",
    "ctypes.PyDLL",
    "ctypes.cdll.LoadLibrary",
    "ctypes.pydll.LoadLibrary",
    "torch.ops.load_library",
    "torch.classes.load_library",
}


class Expressions(ABC):
    """Evaluates what can be told; importing.py runs statements and modules."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.doubts: list[Fails] = []
        self.flags: Any = NOW  # of dlopen, for extension modules
        self._steps = self._depth = 0
        self._blind = False  # libraries were loaded that were not followed

    @abstractmethod
    def import_module(self, name: str) -> Any:
        """The module of a dotted name. Raises Fails."""

    @abstractmethod
    def block(self, body: Sequence[ast.stmt], frame: Frame) -> None:
        """Run statements. Raises Fails, Return, Leaves."""

    def step(self) -> None:
        """Count one. Raises TooMuch."""
        self._steps += 1
        if self._steps > _STEPS:
            raise TooMuch

    @contextmanager
    def deeper(self) -> Iterator[None]:
        self._depth += 1
        if self._depth > _DEPTH:
            raise TooMuch
        try:
            yield
        finally:
            self._depth -= 1

    def value(self, node: ast.expr | None, frame: Frame) -> Any:
        if node is None:
            return None
        self.step()
        tell = getattr(self, f"_of_{type(node).__name__.lower()}", None)
        if tell is not None:
            return tell(node, frame)
        if not isinstance(
            node, (ast.Lambda, ast.ListComp, ast.GeneratorExp, ast.DictComp, ast.SetComp)
        ):
            for child in ast.iter_child_nodes(node):
                if isinstance(child, ast.expr):
                    self.value(child, frame)
        return UNKNOWN

    def _of_constant(self, node: ast.Constant, frame: Frame) -> Any:
        return node.value

    def _of_name(self, node: ast.Name, frame: Frame) -> Any:
        found = frame.get(node.id)
        return self._known(found) if isinstance(found, Outside) else found

    def _of_tuple(self, node: ast.Tuple, frame: Frame) -> Any:
        return tuple(self.value(part, frame) for part in node.elts)

    def _of_list(self, node: ast.List, frame: Frame) -> Any:
        return [self.value(part, frame) for part in node.elts]

    def _of_joinedstr(self, node: ast.JoinedStr, frame: Frame) -> Any:
        parts = []
        for part in node.values:
            held = part.value if isinstance(part, ast.FormattedValue) else part
            value = self.value(held, frame)
            if not isinstance(value, (str, int)) or getattr(part, "format_spec", None):
                return UNKNOWN
            parts.append(str(value))
        return bounded("".join(parts))

    def _of_binop(self, node: ast.BinOp, frame: Frame) -> Any:
        return joined(node.op, self.value(node.left, frame), self.value(node.right, frame))

    def _of_unaryop(self, node: ast.UnaryOp, frame: Frame) -> Any:
        value = self.value(node.operand, frame)
        known = truth(value)
        if isinstance(node.op, ast.Not):
            return UNKNOWN if known is None else not known
        return -value if isinstance(node.op, ast.USub) and isinstance(value, int) else UNKNOWN

    def _of_boolop(self, node: ast.BoolOp, frame: Frame) -> Any:
        ends = isinstance(node.op, ast.Or)
        unsure, value = False, UNKNOWN
        for part in node.values:
            value = self.value(part, frame)
            known = truth(value)
            unsure |= known is None
            if known is ends:
                return value if not unsure or ends is known else UNKNOWN
        return UNKNOWN if unsure else value

    def _of_compare(self, node: ast.Compare, frame: Frame) -> Any:
        values = [self.value(part, frame) for part in (node.left, *node.comparators)]
        found = [compared(op, *pair) for op, pair in zip(node.ops, pairwise(values), strict=True)]
        if False in [f for f in found if f is not UNKNOWN]:
            return False
        return UNKNOWN if UNKNOWN in found else True

    def _of_ifexp(self, node: ast.IfExp, frame: Frame) -> Any:
        known = truth(self.value(node.test, frame))
        return UNKNOWN if known is None else self.value(node.body if known else node.orelse, frame)

    def _of_subscript(self, node: ast.Subscript, frame: Frame) -> Any:
        value = self.value(node.value, frame)
        if isinstance(node.slice, ast.Slice):
            lower, upper = (
                self.value(node.slice.lower, frame),
                self.value(node.slice.upper, frame),
            )
            whole = isinstance(value, (str, list, tuple)) and node.slice.step is None
            numbers = all(n is None or isinstance(n, int) for n in (lower, upper))
            return value[lower:upper] if whole and numbers else UNKNOWN
        key = self.value(node.slice, frame)
        if isinstance(value, Outside) and value.name == "os.environ" and isinstance(key, str):
            return self.world.environ.get(key, UNKNOWN)
        try:
            return (
                value[key]
                if isinstance(value, (str, list, tuple)) and isinstance(key, int)
                else UNKNOWN
            )
        except IndexError:
            return UNKNOWN

    def _of_attribute(self, node: ast.Attribute, frame: Frame) -> Any:
        value = self.value(node.value, frame)
        found = attribute(value, node.attr)
        if isinstance(found, Outside):
            return self._known(found)
        return found

    def _known(self, name: Outside) -> Any:
        told: dict[str, Any] = {
            "sys.platform": self.world.platform,
            "sys.version_info": tuple(self.world.version),
            "sys.version_info.major": self.world.version[0],
            "sys.version_info.minor": self.world.version[1],
            "os.name": "posix",
            "os.sep": "/",
            "os.pathsep": ":",
            "sys.maxsize": 2**63 - 1,
            "typing.TYPE_CHECKING": False,
            "os.RTLD_LAZY": LAZY,
            "os.RTLD_NOW": NOW,
            "os.RTLD_GLOBAL": GLOBAL,
            "os.RTLD_LOCAL": 0,
            "ctypes.RTLD_GLOBAL": GLOBAL,
            "ctypes.RTLD_LOCAL": 0,
        }
        return told.get(name.name, name)

    def _of_call(self, node: ast.Call, frame: Frame) -> Any:
        owner = self.value(node.func.value, frame) if isinstance(node.func, ast.Attribute) else None
        if isinstance(node.func, ast.Attribute):
            called = attribute(owner, node.func.attr)
        else:
            called = self.value(node.func, frame)
        args = [self.value(part, frame) for part in node.args]
        named = {k.arg: self.value(k.value, frame) for k in node.keywords}
        if isinstance(called, Function):
            return self._called(called, node, args, named)
        if isinstance(called, Outside):
            return self._outside(called.name, args, named, frame)
        if isinstance(node.func, ast.Attribute):
            if isinstance(owner, PathText) and node.func.attr in ("exists", "is_file", "is_dir"):
                return self._on_disk(node.func.attr, owner)
            if isinstance(owner, PathText) and node.func.attr in ("glob", "iterdir"):
                wanted = args[0] if args and isinstance(args[0], str) else "*"
                return self._listed("", f"{owner}/{wanted}", PathText)
            self._blind |= owner is UNKNOWN and _may_load(node.func.attr)
            return method(owner, node.func.attr, args)
        return UNKNOWN

    def _called(
        self, function: Function, node: ast.Call, args: list[Any], named: dict[Any, Any]
    ) -> Any:
        given = function.node.args
        names = [a.arg for a in (*given.posonlyargs, *given.args)]
        local: dict[str, Any] = {
            a.arg: UNKNOWN for a in (*given.args, *given.posonlyargs, *given.kwonlyargs)
        }
        for value, name in zip(reversed(given.defaults), reversed(names), strict=False):
            local[name] = self.value(value, function.frame)
        for only, default in zip(given.kwonlyargs, given.kw_defaults, strict=True):
            local[only.arg] = self.value(default, function.frame) if default else UNKNOWN
        if not any(isinstance(a, ast.Starred) for a in node.args):
            local |= dict(zip(names, args, strict=False))
        local |= {k: v for k, v in named.items() if k in local}
        if isinstance(function.node, ast.AsyncFunctionDef) or _yields(function.node):
            return UNKNOWN
        frame = Frame(function.frame.module, local, function.frame)
        with self.deeper():
            try:
                self.block(function.node.body, frame)
            except Return as returned:
                return UNKNOWN if frame.doubtful else returned.value
            except Fails as failure:
                if frame.module.aside and not failure.library:
                    return UNKNOWN
                if not frame.doubtful:
                    raise
                self.doubts.append(failure)
        return UNKNOWN if frame.doubtful else None

    def _outside(self, name: str, args: list[Any], named: dict[Any, Any], frame: Frame) -> Any:
        first = args[0] if args else UNKNOWN
        if name in _LOADERS:
            return self._opened(first, args[1] if len(args) > 1 else named.get("mode", NOW))
        if name in ("importlib.import_module", "__import__"):
            package = args[1] if len(args) > 1 and name[0] == "i" else named.get("package", "")
            return self._dynamic(first, package)
        if name == "importlib.util.find_spec" and isinstance(first, str) and first[:1] != ".":
            return None if self._absent(first) else UNKNOWN
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
        if name == "sys.getdlopenflags":
            return self.flags
        if name == "sys.setdlopenflags":
            self.flags = first
            return None
        if name in ("os.listdir", "glob.glob") and isinstance(first, str):
            return self._listed(first if name == "os.listdir" else "", first)
        if name == "platform.system":
            return {"linux": "Linux", "win32": "Windows"}.get(self.world.platform, UNKNOWN)
        if name == "platform.machine":
            return self.world.machine
        if name == "contextlib.suppress":
            return Outside("contextlib.suppress()")
        if name in ("str", "os.fspath") and isinstance(first, (str, int)):
            return str(first)
        if name in ("tuple", "list", "sorted") and isinstance(first, (list, tuple)) and not named:
            return sorted(first) if name == "sorted" and _of_one_kind(first) else list(first)
        if name == "range" and args and all(isinstance(a, int) for a in args):
            return list(range(*args[:3])[: ROUNDS + 1]) if 0 not in args[2:] else UNKNOWN
        if name == "len" and isinstance(first, (str, list, tuple)):
            return len(first)
        if name.endswith("load_nvidia_dynamic_lib") and isinstance(first, str):
            self._blind |= not self.world.load_nvidia(first)
            return UNKNOWN
        self._blind |= _may_load(name)
        return UNKNOWN

    def _absent(self, name: str) -> bool:
        parts = name.split(".")
        return any(self.world.find(".".join(parts[:n])) is None for n in range(1, len(parts) + 1))

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

    def load(self, path: str, flags: Any, kind: str) -> None:
        """With flags that only a run could tell, it is taken for the most that they may allow."""
        known = flags if isinstance(flags, int) else GLOBAL | LAZY
        everywhere, lazy = bool(known & GLOBAL), bool(known & LAZY)
        loads = self.world.load(path, everywhere=everywhere, lazy=lazy)
        failure = Fails(kind, library=path)
        if loads == "lacks" and self._blind:
            self.doubts.append(failure)
        elif loads != "loads":
            raise failure

    def _opened(self, path: Any, flags: Any) -> Any:
        if isinstance(path, str) and path.startswith("/"):
            if not self.world.exists(path):
                raise Fails("OSError", missing=path)
            # ctypes adds RTLD_NOW to any mode.
            self.load(path, flags & ~LAZY if isinstance(flags, int) else GLOBAL, "OSError")
        else:
            self._blind = True
        return UNKNOWN

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


def _of_one_kind(values: Sequence[Any]) -> bool:
    """Whether they can be sorted."""
    return any(all(isinstance(value, kind) for value in values) for kind in (str, int))


def _yields(node: ast.FunctionDef) -> bool:
    return any(isinstance(n, (ast.Yield, ast.YieldFrom)) for n in ast.walk(node))


def _may_load(name: str) -> bool:
    """Whether a function that is not followed may load libraries, by its name."""
    last = name.rpartition(".")[2].lower()
    return "load" in last or "dlopen" in last or last.endswith("dll")
