"""What module code catches, raises, and may do: `try`, `with`, `raise`, and conditions not known."""

from __future__ import annotations

import ast
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from gpufix.source.python.import_expressions import Expressions
from gpufix.source.python.import_guards import (
    catches,
    classes_of,
    kinds_by_name,
    raised,
    says,
)
from gpufix.source.python.import_values import UNKNOWN, Frame, Module, Outside, PathText, Raised
from gpufix.source.python.import_world import Fails, Leaves, Return, Spared, Surroundings

Handler = tuple[ast.ExceptHandler, set[str] | None]  # None: what it takes only a run could tell


class Catching(Expressions):
    """Follows an exception to whoever takes it."""

    def __init__(self, world: Surroundings) -> None:
        super().__init__(world)
        self.loaded: set[tuple[str, ...]] = set()  # the places where a library was loaded
        self.spared: list[Spared] = []
        self.absent: dict[str, str] = {}  # libraries that were sought by a name, in vain
        self.perhaps_runs = 0  # conditions around, of which it is not known whether they hold
        self._guards: list[list[set[str] | None]] = []  # what each `try` around takes
        self._handled_now: list[Fails] = []  # by the handlers that run

    def perhaps(self, body: Sequence[ast.stmt], frame: Frame) -> None:
        """What may run: its failures are doubts, what it binds is unknown."""
        before = dict(frame.names)
        self.perhaps_runs += 1
        try:
            self.block(body, frame)
        except Fails as failure:
            self.doubts.append(failure)
        except (Return, Leaves):
            frame.doubtful = True
        finally:
            self.perhaps_runs -= 1
        for name, value in frame.names.items():
            if before.get(name, self) is not value and not isinstance(value, (Module, Outside)):
                frame.names[name] = UNKNOWN

    def misread(self, failure: Fails, frame: Frame) -> bool:
        """Whether a module would end by an exception of its own, which nobody takes.

        More likely something was told wrongly: its code goes on, and a doubt is kept.
        """
        own = not failure.library and not failure.missing
        taken = any(c is None or catches(c, failure) for every in self._guards for c in every)
        return own and frame.names is frame.module.names and not taken

    def _on_with(self, node: ast.With, frame: Frame) -> None:
        taken: set[str] | None = set()
        for item in node.items:
            call = item.context_expr
            value = self.value(call, frame)
            if item.optional_vars is not None:
                kept = value if isinstance(value, PathText) else UNKNOWN
                self.bind(item.optional_vars, kept, frame)
            if isinstance(value, Outside) and value.name == "contextlib.suppress()":
                args = call.args if isinstance(call, ast.Call) else [ast.Name("")]
                taken = classes_of([self.value(arg, frame) for arg in args])
            elif not _passes_on(
                self.value(call.func, frame) if isinstance(call, ast.Call) else value
            ):
                taken = None
        before = len(self.doubts)
        self._guards.append([taken])
        try:
            self.block(node.body, frame)
        except Fails as failure:
            if taken is None:
                self.doubts.append(failure)
            elif not catches(taken, failure):
                raise
            else:
                self._spare(failure, [], self.loaded)
        finally:
            self._guards.pop()
        for doubt in self._doubts_since(before):
            if taken and catches(taken, doubt):
                self._spare(doubt, [], self.loaded)
            else:
                self.doubts.append(doubt)

    def _doubts_since(self, before: int) -> list[Fails]:
        found = self.doubts[before:]
        del self.doubts[before:]
        return found

    def _on_try(self, node: ast.Try, frame: Frame) -> None:
        before = len(self.doubts)
        handlers = [(handler, self._taken(handler, frame)) for handler in node.handlers]
        try:
            try:
                self._guarded(node, handlers, frame)
            except Fails as failure:
                self._settle(handlers, before, frame)
                self._handled(handlers, failure, frame)
            except (Return, Leaves):
                self._settle(handlers, before, frame)
                raise
            else:
                self._settle(handlers, before, frame)
                self.block(node.orelse, frame)
        finally:
            self.block(node.finalbody, frame)

    _on_trystar = _on_try

    def _taken(self, handler: ast.ExceptHandler, frame: Frame) -> set[str] | None:
        if handler.type is None:
            return {"BaseException"}
        return classes_of(self.value(handler.type, frame))

    def _guarded(self, node: ast.Try, handlers: Sequence[Handler], frame: Frame) -> None:
        first = node.body[0]  # a name alone asks whether it is bound
        name = first.value if isinstance(first, ast.Expr) else None
        if isinstance(name, ast.Name) and not frame.has(name.id):
            raise Fails(kinds_by_name("NameError"))
        self._guards.append([taken for _, taken in handlers])
        try:
            self.block(node.body, frame)
        finally:
            self._guards.pop()

    def _settle(self, handlers: Sequence[Handler], before: int, frame: Frame) -> None:
        """Doubts of a body that its handlers would take are none, unless these raise again."""
        raises: dict[int, bool] = {}  # by handler
        for doubt in self._doubts_since(before):
            handler, taken = _first(handlers, doubt) or (None, None)
            if handler is None or taken is None:
                self.doubts.append(doubt)
                continue
            at, loaded = len(self.doubts), set(self.loaded)
            if id(handler) not in raises:
                self._catch(handler, doubt, frame)
                self._handled_now.append(doubt)
                self.perhaps(handler.body, frame)
                self._handled_now.pop()
                raises[id(handler)] = len(self.doubts) > at
            elif raises[id(handler)]:
                self.doubts.append(doubt)
            if not raises[id(handler)]:
                self._spare(doubt, handler.body, loaded)

    def _catch(self, handler: ast.ExceptHandler, failure: Fails, frame: Frame) -> None:
        frame.last = failure
        if handler.name:
            frame.names[handler.name] = Raised(failure)

    def _handled(self, handlers: Sequence[Handler], failure: Fails, frame: Frame) -> None:
        handler, taken = _first(handlers, failure) or (None, None)
        if handler is None:
            raise failure
        if taken is None:
            self.doubts.append(failure)
        self._catch(handler, failure, frame)
        loaded = set(self.loaded)
        self._handled_now.append(failure)
        try:
            self.block(handler.body, frame)
        except (Return, Leaves):
            self._spare(failure, handler.body, loaded)
            raise
        finally:
            self._handled_now.pop()
        self._spare(failure, handler.body, loaded)

    def _spare(
        self, failure: Fails, handler: Sequence[ast.stmt], loaded: set[tuple[str, ...]]
    ) -> None:
        """A failure that was caught. `loaded`: where libraries were, before the handler ran."""
        if failure.library:
            served = len(self.loaded) > len(loaded)
            self.spared.append(
                Spared(
                    failure.library,
                    failure.place,
                    says(handler),
                    served=served,
                    doubtful=failure.curable,
                )
            )

    def spares(self) -> tuple[Spared, ...]:
        """What was tried in vain; served too is what another library took the place of."""
        return tuple(
            replace(one, served=one.served or one.place in self.loaded) for one in self.spared
        )

    def _on_raise(self, node: ast.Raise, frame: Frame) -> None:
        """Of what was caught, or of what the code itself decides."""
        made = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
        around = self._handled_now[-1] if self._handled_now else None
        failure = raised(self.value(made, frame), frame.last or around)
        sought = not failure.missing or failure.missing in self.absent.values()
        if not failure.library and sought and node.exc is not None:
            failure.missing = self._named_absent(node.exc, frame) or failure.missing
        raise failure

    def _named_absent(self, node: ast.expr, frame: Frame) -> str:
        """A library that was sought in vain, where what is raised tells of it."""
        parts = node.args if isinstance(node, ast.Call) and self.absent else []
        said = " ".join(
            v for v in (self.value(part, frame) for part in parts) if isinstance(v, str)
        )
        return next((self.absent[name] for name in self.absent if name.lower() in said.lower()), "")


def _passes_on(manager: Any) -> bool:
    """Whether leaving a `with` is known to swallow nothing: of Python's own. What code defines may, as optuna's does."""
    if isinstance(manager, PathText):
        return True
    if not isinstance(manager, Outside):
        return False
    top = manager.name.partition(".")[0]
    return top in sys.stdlib_module_names or top == "torch" or "." not in manager.name


def _first(handlers: Sequence[Handler], failure: Fails) -> Handler | None:
    """The handler that takes the exception."""
    return next((h for h in handlers if h[1] is None or catches(h[1], failure)), None)
