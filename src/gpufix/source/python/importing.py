"""What `import` runs, followed without running it: does a module's import fail, and by what.

Module code is interpreted as far as it can be told: imports, try/except, conditions on the platform,
loops over literals and folders, the module's own functions and classes when it calls them. Where only
a run could tell, a failure becomes a doubt, never a verdict.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Literal

from gpufix.source.python.import_calls import OutsideCalls
from gpufix.source.python.import_expressions import STEPS
from gpufix.source.python.import_values import (
    UNKNOWN,
    AnyFunction,
    Frame,
    Function,
    Module,
    Outside,
    attribute,
)
from gpufix.source.python.import_world import (
    IMPORT,
    NO_MODULE,
    Fails,
    Leaves,
    Outcome,
    Return,
    TooMuch,
    World,
)
from gpufix.source.python.skeleton import Functions, skeleton
from gpufix.source.python.tree import NotPython

Parsed = dict[str, tuple[ast.Module, Functions]]  # by path
_CALLS = 8  # functions of one module that are followed
_OPENS = re.compile(
    r"\b(?:__)?import|\b(?:CDLL|PyDLL|LoadLibrary|load_library|load_op_library|dlopen|import_module)\b"
)


def outcome(world: World, name: str) -> Outcome:
    """What `import name` would do."""
    return Session(world).follow(name)


class Session:
    """Imports in one process, one after the other."""

    def __init__(self, world: World, steps: int = STEPS, parsed: Parsed | None = None) -> None:
        """`parsed`: sources that others parsed, and will."""
        self.left = steps  # statements and expressions that may still run
        self._importer = _Importer(world, {} if parsed is None else parsed)

    def follow(self, name: str) -> Outcome:
        """What `import name` would do, after those that were followed before."""
        return self._told(partial(self._importer.import_module, name))

    def calls(self, name: str) -> Iterator[tuple[str, Outcome]]:
        """What calls of an imported module's functions would do, of those that open or import."""
        module = self._importer.module(name)
        names = module.names if isinstance(module, Module) else {}
        found = [f for f in names.values() if isinstance(f, Function) and f.frame.module is module]
        for function in [f for f in found if f.mentions(_OPENS)][:_CALLS]:
            yield function.node.name, self._told(partial(self._importer.call, function, [], {}))

    def _told(self, run: Callable[[], object]) -> Outcome:
        importer = self._importer
        importer.begin(min(self.left, STEPS))
        state: Literal["works", "fails", "unsure"] = "works"
        failure, whole = None, True
        try:
            run()
        except Fails as met:
            state, failure = "fails" if met.library or met.missing else "unsure", met
        except (TooMuch, RecursionError):
            state, whole = "unsure", False
        except (Return, Leaves):  # `return` outside a function
            state = "unsure"
        self.left -= importer.steps
        named = [doubt for doubt in importer.doubts if doubt.named]
        if state == "works" and importer.doubts:
            state, failure = "unsure", importer.doubts[0]
        return Outcome(
            state,
            failure.library if failure else "",
            failure.missing if failure else "",
            _chain(failure) if failure else (),
            importer.spares(),
            tuple(dict.fromkeys(d.library for d in importer.doubts if d.library and not d.named)),
            tuple(dict.fromkeys(filter(None, (d.library or d.missing for d in named)))),
            whole and not importer.unread,
        )


def _chain(failure: Fails) -> tuple[str, ...]:
    """From the import on, the innermost place of each file."""
    places: dict[str, str] = {}
    for place in reversed(failure.chain):
        places.pop(path := place.rpartition(":")[0], None)
        places[path] = place
    return tuple(places.values())


class _Importer(OutsideCalls):
    def __init__(self, world: World, parsed: Parsed) -> None:
        super().__init__(world)
        self._parsed = parsed
        self._modules: dict[str, Any] = {}
        self.unread = False

    def begin(self, steps: int) -> None:
        """Another import, of so many steps at most, in the process as it is now."""
        self.most = steps
        self.steps = self._depth = self.perhaps_runs = 0
        self._guards = []
        self.doubts, self.spared, self.loaded, self.unread = [], [], set(), False
        self.absent = {}
        self.places = [""]

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
                if self.world.lacks(name):
                    raise Fails(NO_MODULE, missing=name)
                return Outside(name, is_module=True)
        return module

    def module(self, name: str) -> Any:
        """What was imported under a name, if it was."""
        return self._modules.get(name)

    def top_of(self, name: str) -> Any:
        """The outermost package of an imported module."""
        return self._modules[name]

    def _one(self, name: str) -> Any:
        if name in self._modules:
            return self._modules[name]
        self.asked += 1
        found = self.world.find(name)
        if found is None:
            raise Fails(NO_MODULE, missing=name)
        if found.kind == "outside":
            module: Any = Outside(name, is_module=True)
            self.world.entered(name)
        elif found.kind == "extension":
            self.load(found.path, self.flags, IMPORT)
            module = Outside(name, is_module=True)
            self._modules[name] = module
            for other in self.world.named_in(found.path):
                self._perhaps_import(other)
        else:
            package = name if found.is_package else name.rpartition(".")[0]
            module = Module(name, found.path, package, found.aside)
        self._modules[name] = module
        if found.kind == "source":
            try:
                self._run(module)
            except Fails as failure:
                del self._modules[name]
                if not found.aside or failure.library:
                    raise
                module = self._modules[name] = Outside(name, is_module=True)
        return module

    def _perhaps_import(self, name: str) -> None:
        """What compiled code may import, at once or in one of its functions."""
        before = len(self.doubts)
        try:
            self.import_module(name)
        except Fails as failure:
            self.doubts.append(failure)
        for doubt in self.doubts[before:]:
            doubt.named = True

    def _run(self, module: Module) -> None:
        try:
            tree, module.functions = self._source(module.path)
        except (OSError, ValueError):
            if not module.aside:
                self.unread = True
                self.doubts.append(Fails(IMPORT))  # or another Python's syntax
            return
        module.names |= {
            "__file__": module.path,
            "__name__": module.name,
            "__package__": module.package,
        }
        module.names["__path__"] = [module.path.rpartition("/")[0]]
        before = len(self.doubts)
        with self.deeper():
            self.block(tree.body, Frame(module, module.names))
        if module.aside:
            self.doubts[before:] = [doubt for doubt in self.doubts[before:] if doubt.library]

    def _source(self, path: str) -> tuple[ast.Module, Functions]:
        text = self.world.text(path)
        if path not in self._parsed:
            self._parsed[path] = skeleton(text)
        return self._parsed[path]

    def whole_of(self, function: Function) -> AnyFunction | None:
        """The parameters and body of a function; None when they cannot be parsed."""
        try:
            return function.whole()
        except NotPython:
            self.unread = True
            return None

    def import_from(self, node: ast.ImportFrom, frame: Frame) -> None:
        """Run a `from` import. Raises Fails."""
        base = node.module or ""
        if node.level:
            above = frame.module.package.split(".")
            above = above[: len(above) - node.level + 1]
            if not above or not above[0]:
                raise Fails(IMPORT)
            base = ".".join([*above, *([base] if base else [])])
        module = self.import_module(base)
        for alias in node.names:
            if alias.name == "*":
                if isinstance(module, Module):
                    frame.names |= {k: v for k, v in module.names.items() if k[:1] != "_"}
                continue
            frame.names[alias.asname or alias.name] = self._member(module, base, alias.name)

    def _is_tried(self) -> bool:
        """Whether a `try` around takes that a name cannot be imported."""
        return any(c and c & IMPORT for every in self._guards for c in every)

    def _member(self, module: Any, base: str, name: str) -> Any:
        if not isinstance(module, Module):
            if isinstance(module, Outside) and self.world.lacks_name(base, name):
                raise Fails(IMPORT, missing=f"{base}.{name}")
            return attribute(module, name)
        if name in module.names:
            return module.names[name]
        if module.package == base and self.world.find(f"{base}.{name}") is not None:
            return self.import_module(f"{base}.{name}")
        if module.package == base and "__getattr__" not in module.names and self._is_tried():
            raise Fails(IMPORT)
        return UNKNOWN  # bound in a way that was not followed
