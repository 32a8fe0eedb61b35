"""What the names of a Python file stand for, and which modules and attributes it uses."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cache, cached_property
from typing import NamedTuple

from gpufix.knowledge.data_table import table
from gpufix.source.arch_flags import UNKNOWN
from gpufix.source.python.flags import strings
from gpufix.source.python.release_tests import tested
from gpufix.source.python.tree import Tree, dotted_name
from gpufix.source.source_facts import RemovedName

_NAMES = 10_000  # bytes in the brackets of an import
_GOES_ON = (b"\\", b"\r")  # at the end of a line
_JOINED = re.compile(rb"\\?\r?\n")
Import = ast.Import | ast.ImportFrom
Scope = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


class Bindings:
    """The bindings of one file. A name that is bound twice is settled when both say the same."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self.bindings: dict[str, list[ast.AST]] = {}
        self._imports: dict[str, dict[ast.AST, list[Import]]] = {}  # name -> scope -> imports
        self._others: dict[tuple[str, str], ast.AST | None] = {}
        self._origins: dict[str, set[str]] = {}
        for node in sorted(tree.nodes, key=_place):
            for name in _bound(node):
                self.bindings.setdefault(name, []).append(node)
                if isinstance(node, (ast.Import, ast.ImportFrom)):
                    scopes = self._imports.setdefault(name, {})
                    scopes.setdefault(self.scope(node), []).append(node)
                    found = origin(node, name)
                    self._origins.setdefault(name, set()).update([found] if found else [])

    def origins(self, name: str) -> set[str]:
        """What its imports say it is: {"nvdiffrast.torch"} of `import nvdiffrast.torch as dr`."""
        return self._origins.get(name, set())

    def meaning(self, dotted: str) -> str | None:
        """ "nvdiffrast.torch.rasterize" of "dr.rasterize"; None where imports do not settle it."""
        head, dot, rest = dotted.partition(".")
        origins = self.origins(head)
        first = next(iter(origins), None)
        if first is None or self.otherwise(head, first):
            return None
        return f"{first}{dot}{rest}"

    def otherwise(self, name: str, wanted: str) -> ast.AST | None:
        """A binding that makes something else of it. `name = None` does not: nothing uses that."""
        if (name, wanted) not in self._others:
            every = self.bindings.get(name, [])
            other = next((node for node in every if self._differs(node, name, wanted)), None)
            self._others[name, wanted] = other
        return self._others[name, wanted]

    def givers(self, node: ast.AST, name: str) -> list[Import]:
        """The imports by which a name is bound where a node uses it, in their order.

        Those of the innermost scope that has some; none: it is not imported there.
        """
        scopes = self._imports.get(name, {})
        return next((scopes[s] for s in self._visible(node) if s in scopes), [])

    def scope(self, node: ast.AST) -> ast.AST:
        """The function, class or module that a statement binds its names in."""
        return next(p for p, _ in self._tree.ancestors(node) if isinstance(p, Scope))

    @cached_property
    def stars(self) -> list[ast.ImportFrom]:
        """Every `import *`: below another import, it may bind any name anew."""
        every = self._tree.each(ast.ImportFrom)
        return [n for n in every if n.names[0].name == "*"]

    def _visible(self, node: ast.AST) -> Iterator[ast.AST]:
        """Scopes from the inside out; of classes, only that of the statement itself."""
        first = True
        for parent, child in self._tree.ancestors(node):
            if not isinstance(parent, Scope):
                continue
            if not isinstance(child, ast.stmt) and child is not parent.body:
                continue  # a decorator or a default: evaluated outside
            if first or not isinstance(parent, ast.ClassDef):
                yield parent
            first = False

    def _differs(self, node: ast.AST, name: str, wanted: str) -> bool:
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            return origin(node, name) != wanted
        return not self._is_none(node)

    def _is_none(self, node: ast.AST) -> bool:
        """The target of `name = None`, or an annotation alone."""
        parent = self._tree.parents.get(node)
        if not isinstance(parent, (ast.Assign, ast.AnnAssign)):
            return False
        value = parent.value
        return value is None or (isinstance(value, ast.Constant) and value.value is None)


def origin(node: Import, name: str) -> str | None:
    """The dotted name that an import binds `name` to; None: it does not, or relative to a package."""
    for alias in node.names:
        if isinstance(node, ast.ImportFrom):
            if (alias.asname or alias.name) == name and node.module and not node.level:
                return f"{node.module}.{alias.name}"
        elif alias.asname == name:
            return alias.name
        elif alias.asname is None and alias.name.partition(".")[0] == name:
            return name
    return None


def _place(node: ast.AST) -> tuple[int, int]:
    return getattr(node, "lineno", 0), getattr(node, "col_offset", 0)


def _bound(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Name):
        if not isinstance(node.ctx, ast.Load):
            yield node.id
    elif isinstance(node, (ast.Import, ast.ImportFrom)):
        yield from (alias.asname or alias.name.partition(".")[0] for alias in node.names)
    elif isinstance(node, ast.arg):
        yield node.arg
    elif isinstance(node, (ast.Global, ast.Nonlocal)):
        yield from node.names
    elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        yield node.name
    elif isinstance(node, (ast.ExceptHandler, ast.MatchAs, ast.MatchStar)):
        yield from [node.name] if node.name else []
    elif isinstance(node, ast.MatchMapping) and node.rest:
        yield node.rest


@cache
def watched() -> frozenset[str]:
    """Dotted names that some release of their package no longer has."""
    return frozenset(table("removed_names")["names"])


class _Sieve(NamedTuple):
    """A module that a file imports, and what uses of its removed names look like."""

    module: bytes  # as it stands on a line with an import
    lines: Sequence[re.Pattern[bytes]]  # expressions on such a line
    text: Sequence[re.Pattern[bytes]]  # anywhere. Each begins with a literal: so all skip quickly


@cache
def _sieves() -> Sequence[_Sieve]:
    numpy, hub = _beneath("numpy"), _beneath("huggingface_hub")
    rows: tuple[tuple[str, list[str], list[str]], ...] = (
        ("numpy", [_asked("numpy")], [rf"np\.(?:{numpy.dotted})\b", _used("numpy")]),
        ("torch", [_asked("torch")], [_used("torch"), r"\.total_mem\b"]),
        ("torchaudio", [_asked("torchaudio")], [_used("torchaudio")]),
        ("torchvision", [], ["functional_tensor"]),
        ("flash_attn", [_asked("flash_attn")], [_used("flash_attn")]),
        ("huggingface_hub", [], [rf"huggingface_hub(?=[\s\S]*\b(?:{hub.lasts})\b)"]),
    )
    return [_Sieve(word.encode(), _compiled(lines), _compiled(text)) for word, lines, text in rows]


def _compiled(patterns: Iterable[str]) -> Sequence[re.Pattern[bytes]]:
    return [re.compile(pattern.encode()) for pattern in patterns]


class _Beneath(NamedTuple):
    """The watched names of a package as alternatives of an expression."""

    dotted: str  # without the package
    lasts: str  # the last components


def _beneath(package: str) -> _Beneath:
    found = sorted(name[len(package) + 1 :] for name in watched() if name.startswith(f"{package}."))
    lasts = {re.escape(name.rpartition(".")[2]) for name in found}
    return _Beneath("|".join(map(re.escape, found)), "|".join(sorted(lasts)))


def _asked(package: str) -> str:
    """A removed name on the line that imports it."""
    names = _beneath(package)
    return rf"from[ \t]+{package}(?:\.\w+)*[ \t]+import\b[^\n]*\b(?:{names.lasts})\b"


def _used(package: str) -> str:
    return rf"{package}\.(?:{_beneath(package).dotted})\b"


def import_lines(data: bytes) -> bytes:
    """The statements that may import something, each on one line."""
    found = []
    at = data.find(b"import")
    while at >= 0:
        begin, end = data.rfind(b"\n", 0, at) + 1, _line_end(data, at)
        line = data[begin:end]
        if b"(" in line or line[-1:] in _GOES_ON or data[begin - 2 : begin - 1] in _GOES_ON:
            begin, end = _statement(data, at, begin, end)
            line = _JOINED.sub(b" ", data[begin:end])
        found.append(line)
        at = data.find(b"import", end)
    return b"\n".join(found)


def _statement(data: bytes, at: int, begin: int, end: int) -> tuple[int, int]:
    """The lines that a backslash or a bracket joins to one with an import."""
    while data.endswith((b"\\\n", b"\\\r\n"), 0, begin):
        begin = data.rfind(b"\n", 0, begin - 1) + 1
    while data.endswith((b"\\", b"\\\r"), 0, end) and end < len(data):
        end = _line_end(data, end + 1)
    if data.find(b"(", at, end) > data.find(b")", at, end):
        end = max(end, data.find(b")", end, end + _NAMES))
    return begin, end


def _line_end(data: bytes, at: int) -> int:
    end = data.find(b"\n", at)
    return end if end >= 0 else len(data)


def may_use_removed(data: bytes, imports: bytes) -> bool:
    """Whether a file may use a removed name. imports: its lines with imports."""
    for module, lines, text in _sieves():
        if module in imports and (
            any(pattern.search(imports) for pattern in lines)
            or any(pattern.search(data) for pattern in text)
        ):
            return True
    return False


def imports(tree: Tree, module: str) -> bool:
    """Whether a module, or something of it, is imported anywhere."""
    return any(name == module or name.startswith(f"{module}.") for name, _ in _imported(tree))


def imported(tree: Tree) -> tuple[str, ...]:
    """The first component of everything that a file imports, wherever; sorted."""
    return tuple(sorted({name.split(".")[0] for name, _ in _imported(tree)}))


_SETUPS = ("setuptools.setup", "skbuild.setup", "distutils.core.setup")


def setup_name(tree: Tree) -> str | None:
    """The name= of the call of setup(); "?" when it is no literal, "" when there is none, None without a call."""
    names = {
        "setup",
        "setuptools.setup",
        *(name for name, full in _aliases(tree).items() if full in _SETUPS),
    }
    for assigned in tree.each(ast.Assign):  # run = setuptools.setup
        if dotted_name(assigned.value) in names:
            names.update(filter(None, map(dotted_name, assigned.targets)))
    for node in tree.each(ast.Call):
        if dotted_name(node.func) in names:
            given = [k.value for k in node.keywords if k.arg == "name"]
            text = strings(tree, given[0])[0] if given else ""
            return text if UNKNOWN not in text else "?"
    return None


def removed(tree: Tree) -> tuple[RemovedName, ...]:
    """Uses of watched names that no handler and no version test stands around."""
    aliases = _aliases(tree)
    rows: list[RemovedName] = []
    for name, node in [*_imported(tree), *_attributes(tree, aliases)]:
        full = name if name in watched() else _module_of(name)
        if full is None or tree.tried(node) or tested(tree, node, full, aliases):
            continue
        rows.append(RemovedName(full, getattr(node, "lineno", 1)))
    rows += [
        RemovedName("torch.cuda.get_device_properties().total_mem", node.lineno)
        for node in _total_mem(tree, aliases)
    ]
    return tuple(rows)


def _module_of(name: str) -> str | None:
    """torch._six.inf is a use of torch._six."""
    while (name := name.rpartition(".")[0]) and name not in watched():
        pass
    return name or None


def _imported(tree: Tree) -> list[tuple[str, ast.AST]]:
    found: list[tuple[str, ast.AST]] = []
    for node in tree.each(ast.Import):
        found += [(alias.name, node) for alias in node.names]
    for origin in tree.each(ast.ImportFrom):
        if origin.module and not origin.level:
            found += [(f"{origin.module}.{alias.name}", origin) for alias in origin.names]
    return found


def _aliases(tree: Tree) -> dict[str, str]:
    """Local name → what it stands for."""
    found: dict[str, str] = {}
    for node in tree.each(ast.Import):
        for alias in node.names:
            first = alias.name if alias.asname else alias.name.split(".")[0]
            found[alias.asname or first] = first
    for origin in tree.each(ast.ImportFrom):
        if origin.module and not origin.level:
            for alias in origin.names:
                found[alias.asname or alias.name] = f"{origin.module}.{alias.name}"
    return found


def _attributes(tree: Tree, aliases: dict[str, str]) -> list[tuple[str, ast.AST]]:
    """Attributes that are read of imported modules. Names that the file assigns are its own."""
    found: list[tuple[str, ast.AST]] = []
    for node in tree.each(ast.Attribute):
        if not isinstance(node.ctx, ast.Load):
            continue
        dotted = dotted_name(node)
        head, _, rest = (dotted or "").partition(".")
        if head in aliases and head not in tree.assigned:
            found.append((f"{aliases[head]}.{rest}", node))
    return [(name, node) for name, node in found if name in watched()]


def _total_mem(tree: Tree, aliases: dict[str, str]) -> list[ast.Attribute]:
    """x.total_mem where x is what get_device_properties() gave."""
    if not any(a == "torch" or a.startswith("torch.") for a in aliases.values()):
        return []
    found = []
    for node in tree.each(ast.Attribute):
        if node.attr == "total_mem":
            origin = node.value
            values = tree.assigned.get(origin.id, []) if isinstance(origin, ast.Name) else [origin]
            if values and all(_properties(v) for v in values) and not tree.tried(node):
                found.append(node)
    return found


def _properties(node: ast.AST) -> bool:
    name = dotted_name(node.func) if isinstance(node, ast.Call) else None
    return (name or "").endswith("get_device_properties")
