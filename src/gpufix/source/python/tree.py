"""A parsed Python file: parents, assignments by name, and the conditions that guard a place."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import TypeVar, cast

from gpufix.source.parsed_once import ParsedOnce

UNSURE = "?"  # a condition that only a run could tell
_NEVER = "never"
# Values of fields that hold no nodes; contexts and operators are shared between all nodes.
_SHARED = (ast.expr_context, ast.operator, ast.unaryop, ast.boolop, ast.cmpop)
_SHARED_KINDS = {kind for base in _SHARED for kind in base.__subclasses__()}
_LEAVES = {int, str, type(None), *_SHARED_KINDS}
_KINDS = {kind for kind in vars(ast).values() if isinstance(kind, type)}
_INNER = {kind for kind in _KINDS if issubclass(kind, ast.AST) and kind not in _SHARED_KINDS}
# What projects call the answer to "is this a build for AMD GPUs?": IS_ROCM, is_rocm_pytorch().
_HIP_NAME = re.compile(
    r"(?i)^(?:is|use|using|for|build|with)_?(?:rocm|hip)(?:_|$)|^(?:rocm|hip)_build$"
)
_CHILDLESS = {ast.Name, ast.Constant, ast.alias, ast.Pass, ast.Global, ast.Nonlocal}
_FUNCTIONS = ast.FunctionDef | ast.AsyncFunctionDef
_Node = TypeVar("_Node", bound=ast.AST)


class NotPython(ValueError):
    """A file that does not parse; says where."""


def parsed(text: str) -> ast.Module:
    """The tree of a source. Raises NotPython."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text.removeprefix("\ufeff"))
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise NotPython(f"does not parse: {error}") from None


# The tree of a build file, and of what it imports. Raises NotPython.
of_build_file = ParsedOnce(parsed)


class Tree:
    """One file. `folder` is where it lies, for what it computes from `__file__`."""

    def __init__(
        self,
        text: str,
        folder: str = "/project",
        parse: Callable[[str], ast.Module] = parsed,
    ) -> None:
        """Raises NotPython."""
        self.module = parse(text)
        self.folder = folder
        self.nodes: list[ast.AST] = [self.module]
        self.parents: dict[ast.AST, ast.AST] = {}
        self._by_type: dict[type[ast.AST], list[ast.AST]] = {}
        for parent in self.nodes:  # grows: breadth first, as ast.walk
            self._by_type.setdefault(parent.__class__, []).append(parent)
            if parent.__class__ in _CHILDLESS:  # most are
                continue
            for value in parent.__dict__.values():
                if value.__class__ in _LEAVES:
                    continue
                for child in value if value.__class__ is list else (value,):
                    if child.__class__ in _INNER:
                        self.parents[child] = parent
                        self.nodes.append(child)

    def each(self, kind: type[_Node]) -> list[_Node]:
        """Every node of exactly one type, breadth first."""
        return cast("list[_Node]", self._by_type.get(kind, []))

    @cached_property
    def assigned(self) -> dict[str, list[ast.expr]]:
        """Every value that a name is given anywhere in the file; scopes are not told apart."""
        found: dict[str, list[ast.expr]] = {}
        for node in self.each(ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    found.setdefault(target.id, []).append(node.value)
        for noted in self.each(ast.AnnAssign):
            if isinstance(noted.target, ast.Name):
                found.setdefault(noted.target.id, []).extend([noted.value] if noted.value else [])
        return found

    @cached_property
    def functions(self) -> dict[str, ast.FunctionDef]:
        """Functions by name, methods too."""
        return {node.name: node for node in self.each(ast.FunctionDef)}

    def ancestors(self, node: ast.AST) -> Iterator[tuple[ast.AST, ast.AST]]:
        """(ancestor, the child of it on the way to the node), from the inside out."""
        while (parent := self.parents.get(node)) is not None:
            yield parent, node
            node = parent

    def function_around(self, node: ast.AST) -> str:
        """Its name; "" at the top."""
        around = (each for each, _ in self.ancestors(node) if isinstance(each, _FUNCTIONS))
        return next((function.name for function in around), "")

    def guards(self, node: ast.AST) -> list[str]:
        """Conditions that hold wherever the node is reached: see `condition`."""
        found: list[str] = []
        for parent, child in self.ancestors(node):
            if isinstance(parent, (ast.If, ast.IfExp)) and child is not parent.test:
                body: list[ast.AST] = (
                    [*parent.body] if isinstance(parent, ast.If) else [parent.body]
                )
                found += self.condition(parent.test, child in body)
            elif (isinstance(parent, ast.Try) and isinstance(child, ast.ExceptHandler)) or (
                isinstance(parent, (ast.While, ast.Match))
                and child is not getattr(parent, "test", None)
            ):
                found.append(UNSURE)
        return list(dict.fromkeys(found))

    def tried(self, node: ast.AST) -> bool:
        """Whether an exception handler, or suppress(), stands around the node."""
        for parent, child in self.ancestors(node):
            if isinstance(parent, ast.Try):
                if child in parent.body and parent.handlers:
                    return True
            elif isinstance(parent, ast.ExceptHandler):
                return True
            elif isinstance(parent, ast.With):
                calls = [i.context_expr for i in parent.items]
                if any("suppress" in ast.dump(c) or "raises" in ast.dump(c) for c in calls):
                    return True
        return False

    def condition(self, test: ast.expr, holds: bool) -> list[str]:
        """A test as facts: "env:NAME" (set), "hip", "windows", "mac", "gpu", "!…", "?", "never"."""
        if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
            return self.condition(test.operand, not holds)
        if isinstance(test, ast.BoolOp):
            joined = isinstance(test.op, ast.And) == holds
            parts = [part for value in test.values for part in self.condition(value, holds)]
            return parts if joined else [UNSURE]
        if isinstance(test, ast.Constant):
            return [] if bool(test.value) == holds else [_NEVER]
        fact, positive = self._fact(test)
        if fact == "":
            return [] if positive == holds else [_NEVER]
        if fact is None:
            return [UNSURE]
        return [fact if positive == holds else f"!{fact}"]

    def _fact(self, test: ast.expr) -> tuple[str | None, bool]:
        if isinstance(test, ast.Compare) and len(test.ops) == 1:
            return self._compared(test.left, test.ops[0], test.comparators[0])
        if isinstance(test, ast.Name):
            values = self.assigned.get(test.id, [])
            fact, positive = self._fact(values[0]) if len(values) == 1 else (None, True)
            named = fact is None and _HIP_NAME.search(test.id)
            return ("hip", True) if named else (fact, positive)
        if name := environment_name(test):
            return f"env:{name}", True
        dotted = dotted_name(test.func if isinstance(test, ast.Call) else test)
        if dotted in ("torch.version.hip", "IS_HIP_EXTENSION", "cpp_extension.IS_HIP_EXTENSION"):
            return "hip", True
        if dotted == "torch.cuda.is_available":
            return "gpu", True
        if dotted in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
            return "", False
        if dotted and _HIP_NAME.search(dotted.rpartition(".")[2]):
            return "hip", True
        return None, True

    def _compared(self, left: ast.expr, op: ast.cmpop, right: ast.expr) -> tuple[str | None, bool]:
        equal = isinstance(op, (ast.Eq, ast.Is))
        if isinstance(right, ast.Constant) and isinstance(
            op, (ast.Eq, ast.NotEq, ast.Is, ast.IsNot)
        ):
            name = dotted_name(left)
            if (name, right.value) in (("os.name", "nt"), ("sys.platform", "win32")):
                return "windows", equal
            if (name, right.value) == ("sys.platform", "darwin"):
                return "mac", equal
            if name == "__name__":
                return "", equal
            if isinstance(right.value, str) and right.value.lower() in ("hip", "rocm"):
                return "hip", equal
            if right.value is None:
                fact, positive = self._fact(left)
                return fact, positive != equal
        if isinstance(left, ast.Constant) and dotted_name(right) == "os.environ":
            return f"env:{left.value!s}", isinstance(op, ast.In)
        return None, True


def dotted_name(node: ast.AST) -> str | None:
    """ "os.environ" for the expression of that name; None for any other."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(parts)]) if isinstance(node, ast.Name) else None


def environment_name(node: ast.AST) -> str | None:
    """NAME of os.environ.get("NAME"...), os.getenv("NAME"...) and os.environ["NAME"]."""
    if isinstance(node, ast.Call):
        called = dotted_name(node.func)
        first = node.args[0] if node.args else None
        if called in ("os.environ.get", "os.getenv", "environ.get", "getenv"):
            return _text(first)
    elif isinstance(node, ast.Subscript) and dotted_name(node.value) in ("os.environ", "environ"):
        return _text(node.slice)
    return None


def _text(node: ast.AST | None) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


# The tree of a file of which several readers ask. Raises NotPython.
known_tree = ParsedOnce(Tree)
