"""What `import` runs, followed without running it: does a module's import fail, and by what.

Module code is interpreted as far as it can be told: imports, try/except, conditions on the platform,
loops over literals, the module's own functions when it calls them. Where only a run could tell, a failure
becomes a doubt, never a verdict.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from typing import Any

from gpufix.source.python.import_expressions import ROUNDS, Expressions
from gpufix.source.python.import_values import (
    UNKNOWN,
    Frame,
    Function,
    Module,
    Outside,
    attribute,
    truth,
)
from gpufix.source.python.import_world import Fails, Leaves, Outcome, Return, TooMuch, World
from gpufix.source.python.tree import dotted_name, parsed

_CAUGHT_BY = {
    "ImportError": {"ImportError", "Exception", "BaseException"},
    "ModuleNotFoundError": {"ModuleNotFoundError", "ImportError", "Exception", "BaseException"},
    "OSError": {"OSError", "IOError", "EnvironmentError", "Exception", "BaseException"},
}


def outcome(world: World, name: str, then: Iterable[str] = ()) -> Outcome:
    """What `import name` would do. `then`: modules that are imported after it, whatever comes of it."""
    importer = _Importer(world)
    told = _outcome(importer, name)
    for module in then:
        _outcome(importer, module)
    return told


def _outcome(importer: _Importer, name: str) -> Outcome:
    try:
        importer.import_module(name)
    except Fails as failure:
        if failure.library or failure.missing:
            return Outcome("fails", failure.library, failure.missing, _chain(failure))
        return Outcome("unsure")
    except (TooMuch, RecursionError, Return, Leaves):  # the last two: `return` outside a function
        return Outcome("unsure")
    if importer.doubts:
        doubt = importer.doubts[0]
        return Outcome("unsure", doubt.library, doubt.missing, _chain(doubt))
    return Outcome("works")


def _chain(failure: Fails) -> tuple[str, ...]:
    """From the import on, the innermost place of each file."""
    places: dict[str, str] = {}
    for place in reversed(failure.chain):
        places.pop(path := place.rpartition(":")[0], None)
        places[path] = place
    return tuple(places.values())


class _Importer(Expressions):
    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._modules: dict[str, Any] = {}

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
            raise Fails("ModuleNotFoundError", missing=name)
        if found.kind == "outside":
            module: Any = Outside(name, is_module=True)
            self.world.entered(name)
        elif found.kind == "extension":
            self.load(found.path, self.flags, "ImportError")
            module = Outside(name, is_module=True)
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

    def _run(self, module: Module) -> None:
        try:
            tree = parsed(self.world.text(module.path))
        except (OSError, ValueError):
            if not module.aside:
                self.doubts.append(Fails("SyntaxError"))  # or another Python's syntax
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

    # Statements

    def block(self, body: Sequence[ast.stmt], frame: Frame) -> None:
        for statement in body:
            self.step()
            try:
                self._statement(statement, frame)
            except Fails as failure:
                failure.chain.append(f"{frame.module.path}:{statement.lineno}")
                raise

    def _statement(self, node: ast.stmt, frame: Frame) -> None:
        run = getattr(self, f"_on_{type(node).__name__.lower()}", None)
        if run is not None:
            run(node, frame)

    def _on_expr(self, node: ast.Expr, frame: Frame) -> None:
        self.value(node.value, frame)

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
                raise Fails("ImportError")
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
        value = self.value(node.value, frame)
        for target in node.targets:
            self._bind(target, value, frame)

    def _on_annassign(self, node: ast.AnnAssign, frame: Frame) -> None:
        if node.value is not None:
            self._bind(node.target, self.value(node.value, frame), frame)

    def _on_augassign(self, node: ast.AugAssign, frame: Frame) -> None:
        self.value(node.value, frame)
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
            self.value(decorator, frame)
        called = (d.func if isinstance(d, ast.Call) else d for d in node.decorator_list)
        plain = all(dotted_name(name) in _TRANSPARENT for name in called)
        frame.names[node.name] = Function(node, frame) if plain else UNKNOWN

    def _on_global(self, node: ast.Global, frame: Frame) -> None:
        frame.outer.update(node.names)

    def _on_classdef(self, node: ast.ClassDef, frame: Frame) -> None:
        for part in (*node.bases, *node.decorator_list):
            self.value(part, frame)
        self.block(node.body, Frame(frame.module, {}, frame, frame.doubtful))
        frame.names[node.name] = UNKNOWN

    def _on_return(self, node: ast.Return, frame: Frame) -> None:
        raise Return(self.value(node.value, frame) if node.value else None)

    def _on_break(self, node: ast.Break, frame: Frame) -> None:
        raise Leaves(ends=True)

    def _on_continue(self, node: ast.Continue, frame: Frame) -> None:
        raise Leaves(ends=False)

    def _on_if(self, node: ast.If, frame: Frame) -> None:
        known = truth(self.value(node.test, frame))
        if known is not None:
            self.block(node.body if known else node.orelse, frame)
            return
        self._perhaps(node.body, frame)
        self._perhaps(node.orelse, frame)

    def _perhaps(self, body: Sequence[ast.stmt], frame: Frame) -> None:
        """What may run: its failures are doubts, what it binds is unknown."""
        before = dict(frame.names)
        try:
            self.block(body, frame)
        except Fails as failure:
            self.doubts.append(failure)
        except (Return, Leaves):
            frame.doubtful = True
        for name, value in frame.names.items():
            if before.get(name, self) is not value and not isinstance(value, (Module, Outside)):
                frame.names[name] = UNKNOWN

    def _on_while(self, node: ast.While, frame: Frame) -> None:
        if truth(self.value(node.test, frame)) is not False:
            self._perhaps(node.body, frame)

    def _on_match(self, node: Any, frame: Frame) -> None:
        self.value(node.subject, frame)
        for case in node.cases:
            self._perhaps(case.body, frame)

    def _on_for(self, node: ast.For, frame: Frame) -> None:
        every = self.value(node.iter, frame)
        if not isinstance(every, (list, tuple)) or len(every) > ROUNDS:
            self._bind(node.target, UNKNOWN, frame)
            self._perhaps(node.body, frame)
            self._perhaps(node.orelse, frame)
            return
        for value in every:
            self._bind(node.target, value, frame)
            try:
                self.block(node.body, frame)
            except Leaves as leaves:
                if leaves.ends:
                    return
        self.block(node.orelse, frame)

    def _on_with(self, node: ast.With, frame: Frame) -> None:
        caught: set[str] | None = set()
        for item in node.items:
            call = item.context_expr
            value = self.value(call, frame)
            if item.optional_vars is not None:
                self._bind(item.optional_vars, UNKNOWN, frame)
            if isinstance(value, Outside) and value.name == "contextlib.suppress()":
                caught = _classes(call.args) if isinstance(call, ast.Call) else None
        try:
            self.block(node.body, frame)
        except Fails as failure:
            if caught is None:
                self.doubts.append(failure)
            elif not _catch(caught, failure):
                raise

    def _on_try(self, node: ast.Try, frame: Frame) -> None:
        try:
            try:
                self.block(node.body, frame)
            except Fails as failure:
                self._handled(node, failure, frame)
            else:
                self.block(node.orelse, frame)
        finally:
            self.block(node.finalbody, frame)

    _on_trystar = _on_try

    def _handled(self, node: ast.Try, failure: Fails, frame: Frame) -> None:
        for handler in node.handlers:
            classes = _classes([handler.type] if handler.type else [ast.Name("BaseException")])
            if classes is None:  # of which class it is, only a run could tell
                self.doubts.append(failure)
            elif not _catch(classes, failure):
                continue
            if handler.name:
                frame.names[handler.name] = UNKNOWN
            frame.last = failure
            self.block(handler.body, frame)
            return
        raise failure

    def _on_raise(self, node: ast.Raise, frame: Frame) -> None:
        """Of what was caught, or of what the code itself decides, which is followed no further."""
        last = frame.last
        kind = _raised(node.exc) or (last.kind if last else "Exception")
        again = Fails(kind, last.library, last.missing) if last else Fails(kind)
        again.chain = list(last.chain) if last else []
        raise again

    def _on_assert(self, node: ast.Assert, frame: Frame) -> None:
        self.value(node.test, frame)


_TRANSPARENT = {"cache", "lru_cache", "functools.cache", "functools.lru_cache"}


def _catch(classes: set[str], failure: Fails) -> bool:
    return bool(classes & _CAUGHT_BY.get(failure.kind, {"Exception", "BaseException"}))


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
