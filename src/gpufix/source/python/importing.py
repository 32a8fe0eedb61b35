"""What `import` runs, followed without running it: does a module's import fail, and by what.

Module code is interpreted as far as it can be told: imports, try/except, conditions on the platform,
loops over literals, the module's own functions when it calls them. Where only a run could tell, a failure
becomes a doubt, never a verdict.
"""

from __future__ import annotations

import ast
import fnmatch
import warnings
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal, Protocol

from gpufix.source.python.import_values import (
    UNKNOWN,
    Frame,
    Function,
    Module,
    Outside,
    PathText,
    attribute,
    compared,
    joined,
    method,
    os_path,
    truth,
)

_STEPS = 200_000  # statements and expressions of one import
_DEPTH = 60  # nested calls and imports
_LAZY, _NOW, _GLOBAL = 0x1, 0x2, 0x100  # dlfcn.h of Linux
_ROUNDS = 64  # of a loop


@dataclass(frozen=True)
class Found:
    """Where a module lies. `outside`: it is there, and not followed."""

    kind: Literal["source", "extension", "namespace", "outside"]
    path: str = ""
    is_package: bool = False


Loads = Literal["loads", "lacks", "refused"]


class World(Protocol):
    """The patient's disk and variables, as the import system sees them."""

    version: tuple[int, ...]
    platform: str  # sys.platform
    machine: str
    environ: Mapping[str, str]

    def find(self, name: str) -> Found | None:
        """A module by its dotted name; None when there is none."""
        ...

    def text(self, path: str) -> str:
        """A source. Raises OSError, ValueError."""
        ...

    def names_in(self, folder: str) -> Collection[str] | None:
        """What a folder holds; None for what is no folder."""
        ...

    def exists(self, path: str) -> bool:
        """Whether something lies there."""
        ...

    def load(self, path: str, *, everywhere: bool, lazy: bool) -> Loads:
        """Load a library, for all that are loaded after it or for itself, now or symbol by symbol.

        "lacks": refused for want of a library or a symbol, which another could have brought before.
        """
        ...

    def entered(self, name: str) -> None:
        """A module that is not followed was imported: it may have loaded libraries."""
        ...


@dataclass(frozen=True)
class Outcome:
    """Of an import. `library`: what the loader refuses; `missing`: a module that is not there.

    `chain`: the places that lead to it, "FILE:LINE", from the import on.
    """

    state: Literal["works", "fails", "unsure"]
    library: str = ""
    missing: str = ""
    chain: tuple[str, ...] = ()


class _Fails(Exception):
    """An exception that the patient's code would meet. `kind`: its class."""

    def __init__(self, kind: str, library: str = "", missing: str = "") -> None:
        super().__init__(kind)
        self.kind, self.library, self.missing = kind, library, missing
        self.chain: list[str] = []


class _Return(Exception):
    def __init__(self, value: Any) -> None:
        super().__init__()
        self.value = value


class _Leaves(Exception):
    """break and continue."""

    def __init__(self, ends: bool) -> None:
        super().__init__()
        self.ends = ends


class _TooMuch(Exception):
    """The code is larger than what is followed."""


_CAUGHT_BY = {
    "ImportError": {"ImportError", "Exception", "BaseException"},
    "ModuleNotFoundError": {"ModuleNotFoundError", "ImportError", "Exception", "BaseException"},
    "OSError": {"OSError", "IOError", "EnvironmentError", "Exception", "BaseException"},
}
_LOADERS = {
    "ctypes.CDLL",
    "ctypes.PyDLL",
    "ctypes.cdll.LoadLibrary",
    "ctypes.pydll.LoadLibrary",
    "torch.ops.load_library",
    "torch.classes.load_library",
}


def outcome(world: World, name: str) -> Outcome:
    """What `import name` would do."""
    importer = _Importer(world)
    try:
        importer.import_module(name)
    except _Fails as failure:
        if failure.library or failure.missing:
            return Outcome("fails", failure.library, failure.missing, _chain(failure))
        return Outcome("unsure")
    except (_TooMuch, RecursionError):
        return Outcome("unsure")
    if importer.doubts:
        doubt = importer.doubts[0]
        return Outcome("unsure", doubt.library, doubt.missing, _chain(doubt))
    return Outcome("works")


def _chain(failure: _Fails) -> tuple[str, ...]:
    """From the import on, the innermost place of each file."""
    places: dict[str, str] = {}
    for place in reversed(failure.chain):
        places.pop(path := place.rpartition(":")[0], None)
        places[path] = place
    return tuple(places.values())


class _Importer:
    def __init__(self, world: World) -> None:
        self.world = world
        self.doubts: list[_Fails] = []
        self._modules: dict[str, Any] = {}
        self._failed: dict[str, _Fails] = {}
        self._steps = self._depth = 0
        self._flags: Any = _NOW  # of dlopen, for extension modules
        self._blind = False  # libraries were loaded that were not followed

    # Modules

    def import_module(self, name: str) -> Any:
        """The module of a dotted name, its parents first, as `import` does it."""
        parts, module = name.split("."), None
        for end in range(1, len(parts) + 1):
            module = self._one(".".join(parts[:end]))
            if end > 1 and isinstance(
                parent := self._modules.get(".".join(parts[: end - 1])), Module
            ):
                parent.names[parts[end - 1]] = module
            if isinstance(module, Outside) and end < len(parts):
                return Outside(name, is_module=True)
        return module

    def _one(self, name: str) -> Any:
        if name in self._modules:
            return self._modules[name]
        found = self.world.find(name)
        if found is None:
            raise _Fails("ModuleNotFoundError", missing=name)
        if found.kind == "outside":
            module: Any = Outside(name, is_module=True)
            self.world.entered(name)
        elif found.kind == "extension":
            self._load(found.path, self._flags, "ImportError")
            module = Outside(name, is_module=True)
        else:
            package = name if found.is_package else name.rpartition(".")[0]
            module = Module(name, found.path, package)
        self._modules[name] = module
        if found.kind == "source":
            try:
                self._run(module)
            except _Fails:
                del self._modules[name]
                raise
        return module

    def _run(self, module: Module) -> None:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                tree = ast.parse(self.world.text(module.path).removeprefix("\ufeff"))
        except (OSError, SyntaxError, ValueError, MemoryError):
            self.doubts.append(_Fails("SyntaxError"))  # or another Python's syntax
            return
        module.names |= {
            "__file__": module.path,
            "__name__": module.name,
            "__package__": module.package,
        }
        module.names["__path__"] = [module.path.rpartition("/")[0]]
        with self._deeper():
            self._block(tree.body, Frame(module, module.names))

    @contextmanager
    def _deeper(self) -> Iterator[None]:
        self._depth += 1
        if self._depth > _DEPTH:
            raise _TooMuch
        try:
            yield
        finally:
            self._depth -= 1

    # Statements

    def _block(self, body: Sequence[ast.stmt], frame: Frame) -> None:
        for statement in body:
            self._steps += 1
            if self._steps > _STEPS:
                raise _TooMuch
            try:
                self._statement(statement, frame)
            except _Fails as failure:
                failure.chain.append(f"{frame.module.path}:{statement.lineno}")
                raise

    def _statement(self, node: ast.stmt, frame: Frame) -> None:
        run = getattr(self, f"_on_{type(node).__name__.lower()}", None)
        if run is not None:
            run(node, frame)

    def _on_expr(self, node: ast.Expr, frame: Frame) -> None:
        self._value(node.value, frame)

    def _on_import(self, node: ast.Import, frame: Frame) -> None:
        for alias in node.names:
            module = self.import_module(alias.name)
            top = alias.name.partition(".")[0]
            frame.names[alias.asname or top] = module if alias.asname else self._modules[top]

    def _on_importfrom(self, node: ast.ImportFrom, frame: Frame) -> None:
        base = node.module or ""
        if node.level:
            above = frame.module.package.split(".")
            above = above[: len(above) - node.level + 1]
            if not above or not above[0]:
                raise _Fails("ImportError")
            base = ".".join([*above, *([base] if base else [])])
        module = self.import_module(base)
        for alias in node.names:
            if alias.name == "*":
                if isinstance(module, Module):
                    frame.names |= {k: v for k, v in module.names.items() if k[:1] != "_"}
                continue
            frame.names[alias.asname or alias.name] = self._member(module, base, alias.name)

    def _member(self, module: Any, base: str, name: str) -> Any:
        if not isinstance(module, Module):
            return attribute(module, name)
        if name in module.names:
            return module.names[name]
        if module.package == base and self.world.find(f"{base}.{name}") is not None:
            return self.import_module(f"{base}.{name}")
        return UNKNOWN  # bound in a way that was not followed

    def _on_assign(self, node: ast.Assign, frame: Frame) -> None:
        value = self._value(node.value, frame)
        for target in node.targets:
            self._bind(target, value, frame)

    def _on_annassign(self, node: ast.AnnAssign, frame: Frame) -> None:
        if node.value is not None:
            self._bind(node.target, self._value(node.value, frame), frame)

    def _on_augassign(self, node: ast.AugAssign, frame: Frame) -> None:
        self._value(node.value, frame)
        self._bind(node.target, UNKNOWN, frame)

    def _bind(self, target: ast.expr, value: Any, frame: Frame) -> None:
        if isinstance(target, ast.Name):
            names = frame.module.names if target.id in frame.outer else frame.names
            names[target.id] = value
        elif isinstance(target, (ast.Tuple, ast.List)):
            same = isinstance(value, (list, tuple)) and len(value) == len(target.elts)
            for at, part in enumerate(target.elts):
                self._bind(part, value[at] if same else UNKNOWN, frame)

    def _on_functiondef(self, node: ast.FunctionDef, frame: Frame) -> None:
        for decorator in node.decorator_list:
            self._value(decorator, frame)
        plain = all(_dotted(d) in _TRANSPARENT for d in node.decorator_list)
        frame.names[node.name] = Function(node, frame) if plain else UNKNOWN

    def _on_global(self, node: ast.Global, frame: Frame) -> None:
        frame.outer.update(node.names)

    def _on_classdef(self, node: ast.ClassDef, frame: Frame) -> None:
        for part in (*node.bases, *node.decorator_list):
            self._value(part, frame)
        self._block(node.body, Frame(frame.module, {}, frame, frame.doubtful))
        frame.names[node.name] = UNKNOWN

    def _on_return(self, node: ast.Return, frame: Frame) -> None:
        raise _Return(self._value(node.value, frame) if node.value else None)

    def _on_break(self, node: ast.Break, frame: Frame) -> None:
        raise _Leaves(ends=True)

    def _on_continue(self, node: ast.Continue, frame: Frame) -> None:
        raise _Leaves(ends=False)

    def _on_if(self, node: ast.If, frame: Frame) -> None:
        known = truth(self._value(node.test, frame))
        if known is not None:
            self._block(node.body if known else node.orelse, frame)
            return
        self._perhaps(node.body, frame)
        self._perhaps(node.orelse, frame)

    def _perhaps(self, body: Sequence[ast.stmt], frame: Frame) -> None:
        """What may run: its failures are doubts, what it binds is unknown."""
        before = dict(frame.names)
        try:
            self._block(body, frame)
        except _Fails as failure:
            self.doubts.append(failure)
        except (_Return, _Leaves):
            frame.doubtful = True
        for name, value in frame.names.items():
            if before.get(name, self) is not value and not isinstance(value, (Module, Outside)):
                frame.names[name] = UNKNOWN

    def _on_while(self, node: ast.While, frame: Frame) -> None:
        if truth(self._value(node.test, frame)) is not False:
            self._perhaps(node.body, frame)

    def _on_match(self, node: Any, frame: Frame) -> None:
        self._value(node.subject, frame)
        for case in node.cases:
            self._perhaps(case.body, frame)

    def _on_for(self, node: ast.For, frame: Frame) -> None:
        every = self._value(node.iter, frame)
        if not isinstance(every, (list, tuple)) or len(every) > _ROUNDS:
            self._bind(node.target, UNKNOWN, frame)
            self._perhaps(node.body, frame)
            self._perhaps(node.orelse, frame)
            return
        for value in every:
            self._bind(node.target, value, frame)
            try:
                self._block(node.body, frame)
            except _Leaves as leaves:
                if leaves.ends:
                    return
        self._block(node.orelse, frame)

    def _on_with(self, node: ast.With, frame: Frame) -> None:
        caught: set[str] | None = set()
        for item in node.items:
            call = item.context_expr
            value = self._value(call, frame)
            if item.optional_vars is not None:
                self._bind(item.optional_vars, UNKNOWN, frame)
            if isinstance(value, Outside) and value.name == "contextlib.suppress()":
                assert isinstance(call, ast.Call)
                caught = _classes(call.args)
        try:
            self._block(node.body, frame)
        except _Fails as failure:
            if caught is None:
                self.doubts.append(failure)
            elif not caught & _CAUGHT_BY.get(failure.kind, {"Exception", "BaseException"}):
                raise

    def _on_try(self, node: ast.Try, frame: Frame) -> None:
        try:
            try:
                self._block(node.body, frame)
            except _Fails as failure:
                self._handled(node, failure, frame)
            else:
                self._block(node.orelse, frame)
        finally:
            self._block(node.finalbody, frame)

    _on_trystar = _on_try

    def _handled(self, node: ast.Try, failure: _Fails, frame: Frame) -> None:
        for handler in node.handlers:
            classes = _classes([handler.type] if handler.type else [ast.Name("BaseException")])
            if classes is None:  # of which class it is, only a run could tell
                self.doubts.append(failure)
            elif not classes & _CAUGHT_BY.get(failure.kind, {"Exception", "BaseException"}):
                continue
            if handler.name:
                frame.names[handler.name] = UNKNOWN
            frame.names[_LAST] = failure
            self._block(handler.body, frame)
            return
        raise failure

    def _on_raise(self, node: ast.Raise, frame: Frame) -> None:
        """Of what was caught, or of what the code itself decides, which is followed no further."""
        last = frame.names.get(_LAST)
        kind = _raised(node.exc) or (last.kind if last else "Exception")
        again = _Fails(kind, last.library, last.missing) if last else _Fails(kind)
        again.chain = list(last.chain) if last else []
        raise again

    def _on_assert(self, node: ast.Assert, frame: Frame) -> None:
        self._value(node.test, frame)

    # Expressions

    def _value(self, node: ast.expr | None, frame: Frame) -> Any:
        if node is None:
            return None
        self._steps += 1
        if self._steps > _STEPS:
            raise _TooMuch
        tell = getattr(self, f"_of_{type(node).__name__.lower()}", None)
        if tell is not None:
            return tell(node, frame)
        if not isinstance(
            node, (ast.Lambda, ast.ListComp, ast.GeneratorExp, ast.DictComp, ast.SetComp)
        ):
            for child in ast.iter_child_nodes(node):
                if isinstance(child, ast.expr):
                    self._value(child, frame)
        return UNKNOWN

    def _of_constant(self, node: ast.Constant, frame: Frame) -> Any:
        return node.value

    def _of_name(self, node: ast.Name, frame: Frame) -> Any:
        found = frame.get(node.id)
        return self._known(found) if isinstance(found, Outside) else found

    def _of_tuple(self, node: ast.Tuple, frame: Frame) -> Any:
        return tuple(self._value(part, frame) for part in node.elts)

    def _of_list(self, node: ast.List, frame: Frame) -> Any:
        return [self._value(part, frame) for part in node.elts]

    def _of_joinedstr(self, node: ast.JoinedStr, frame: Frame) -> Any:
        parts = []
        for part in node.values:
            held = part.value if isinstance(part, ast.FormattedValue) else part
            value = self._value(held, frame)
            if not isinstance(value, (str, int)) or getattr(part, "format_spec", None):
                return UNKNOWN
            parts.append(str(value))
        return "".join(parts)

    def _of_binop(self, node: ast.BinOp, frame: Frame) -> Any:
        return joined(node.op, self._value(node.left, frame), self._value(node.right, frame))

    def _of_unaryop(self, node: ast.UnaryOp, frame: Frame) -> Any:
        value = self._value(node.operand, frame)
        known = truth(value)
        if isinstance(node.op, ast.Not):
            return UNKNOWN if known is None else not known
        return -value if isinstance(node.op, ast.USub) and isinstance(value, int) else UNKNOWN

    def _of_boolop(self, node: ast.BoolOp, frame: Frame) -> Any:
        ends = isinstance(node.op, ast.Or)
        unsure, value = False, UNKNOWN
        for part in node.values:
            value = self._value(part, frame)
            known = truth(value)
            unsure |= known is None
            if known is ends:
                return value if not unsure or ends is known else UNKNOWN
        return UNKNOWN if unsure else value

    def _of_compare(self, node: ast.Compare, frame: Frame) -> Any:
        values = [self._value(part, frame) for part in (node.left, *node.comparators)]
        found = [compared(op, *pair) for op, pair in zip(node.ops, pairwise(values), strict=True)]
        if False in [f for f in found if f is not UNKNOWN]:
            return False
        return UNKNOWN if UNKNOWN in found else True

    def _of_ifexp(self, node: ast.IfExp, frame: Frame) -> Any:
        known = truth(self._value(node.test, frame))
        return UNKNOWN if known is None else self._value(node.body if known else node.orelse, frame)

    def _of_subscript(self, node: ast.Subscript, frame: Frame) -> Any:
        value = self._value(node.value, frame)
        if isinstance(node.slice, ast.Slice):
            lower, upper = (
                self._value(node.slice.lower, frame),
                self._value(node.slice.upper, frame),
            )
            whole = isinstance(value, (str, list, tuple)) and node.slice.step is None
            numbers = all(n is None or isinstance(n, int) for n in (lower, upper))
            return value[lower:upper] if whole and numbers else UNKNOWN
        key = self._value(node.slice, frame)
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
        value = self._value(node.value, frame)
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
            "os.RTLD_LAZY": _LAZY,
            "os.RTLD_NOW": _NOW,
            "os.RTLD_GLOBAL": _GLOBAL,
            "os.RTLD_LOCAL": 0,
            "ctypes.RTLD_GLOBAL": _GLOBAL,
            "ctypes.RTLD_LOCAL": 0,
        }
        return told.get(name.name, name)

    def _of_call(self, node: ast.Call, frame: Frame) -> Any:
        owner = (
            self._value(node.func.value, frame) if isinstance(node.func, ast.Attribute) else None
        )
        if isinstance(node.func, ast.Attribute):
            called = attribute(owner, node.func.attr)
        else:
            called = self._value(node.func, frame)
        args = [self._value(part, frame) for part in node.args]
        named = {k.arg: self._value(k.value, frame) for k in node.keywords}
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
            local[name] = self._value(value, function.frame)
        for only, default in zip(given.kwonlyargs, given.kw_defaults, strict=True):
            local[only.arg] = self._value(default, function.frame) if default else UNKNOWN
        if not any(isinstance(a, ast.Starred) for a in node.args):
            local |= dict(zip(names, args, strict=False))
        local |= {k: v for k, v in named.items() if k in local}
        if isinstance(function.node, ast.AsyncFunctionDef) or _yields(function.node):
            return UNKNOWN
        frame = Frame(function.frame.module, local, function.frame)
        with self._deeper():
            try:
                self._block(function.node.body, frame)
            except _Return as returned:
                return UNKNOWN if frame.doubtful else returned.value
            except _Fails as failure:
                if not frame.doubtful:
                    raise
                self.doubts.append(failure)
        return UNKNOWN if frame.doubtful else None

    def _outside(self, name: str, args: list[Any], named: dict[Any, Any], frame: Frame) -> Any:
        first = args[0] if args else UNKNOWN
        if name in _LOADERS:
            return self._opened(first, args[1] if len(args) > 1 else named.get("mode", _NOW))
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
            return self._flags
        if name == "sys.setdlopenflags":
            self._flags = first
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
            return sorted(first) if name == "sorted" and UNKNOWN not in first else list(first)
        if name == "range" and args and all(isinstance(a, int) for a in args):
            return list(range(*args[:3]))[: _ROUNDS + 1] if 0 not in args[2:] else UNKNOWN
        if name == "len" and isinstance(first, (str, list, tuple)):
            return len(first)
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

    def _load(self, path: str, flags: Any, kind: str) -> None:
        """With flags that only a run could tell, it is taken for the most that they may allow."""
        known = flags if isinstance(flags, int) else _GLOBAL | _LAZY
        everywhere, lazy = bool(known & _GLOBAL), bool(known & _LAZY)
        loads = self.world.load(path, everywhere=everywhere, lazy=lazy)
        failure = _Fails(kind, library=path)
        if loads == "lacks" and self._blind:
            self.doubts.append(failure)
        elif loads != "loads":
            raise failure

    def _opened(self, path: Any, flags: Any) -> Any:
        if isinstance(path, str) and path.startswith("/"):
            if not self.world.exists(path):
                raise _Fails("OSError", missing=path)
            # ctypes adds RTLD_NOW to any mode.
            self._load(path, flags & ~_LAZY if isinstance(flags, int) else _GLOBAL, "OSError")
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


_TRANSPARENT = {"cache", "lru_cache", "functools.cache", "functools.lru_cache"}
_LAST = " last"  # the exception that was caught last in a frame


def _classes(nodes: Sequence[ast.expr]) -> set[str] | None:
    """The names of exception classes; None when one is not a plain name."""
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Tuple):
            inner = _classes(node.elts)
            if inner is None:
                return None
            found |= inner
        elif isinstance(node, ast.Name):
            found.add(node.id)
        elif isinstance(node, ast.Attribute):
            found.add(node.attr)
        else:
            return None
    return found


def _raised(node: ast.expr | None) -> str:
    """The class of a raised exception, as far as handlers here know it."""
    called = node.func if isinstance(node, ast.Call) else node
    name = called.id if isinstance(called, ast.Name) else ""
    return name if name in (*_CAUGHT_BY, "RuntimeError", "Exception") else ""


def _may_load(name: str) -> bool:
    """Whether a function that is not followed may load libraries, by its name."""
    last = name.rpartition(".")[2].lower()
    return "load" in last or "dlopen" in last or last.endswith("dll")


def _dotted(node: ast.expr) -> str:
    return ast.unparse(node.func if isinstance(node, ast.Call) else node)


def _yields(node: ast.FunctionDef) -> bool:
    return any(isinstance(n, (ast.Yield, ast.YieldFrom)) for n in ast.walk(node))
