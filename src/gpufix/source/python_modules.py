"""Imports and the names that are used of modules, resolved through aliases."""

from __future__ import annotations

import ast
import re
from functools import cache
from typing import Any

from gpufix.knowledge.table import table
from gpufix.source.python_tree import Tree, dotted_name

_START = (
    ast.If,
    ast.Try,
    ast.FunctionDef,
    ast.AsyncFunctionDef,
    ast.ClassDef,
    ast.With,
    ast.Lambda,
)


@cache
def watched() -> frozenset[str]:
    """Dotted names that some release of their package no longer has."""
    return frozenset(table("removed_names")["names"])


@cache
def _patterns() -> list[re.Pattern[bytes]]:
    """Each begins with a literal, by which the search skips quickly."""
    lasts: dict[str, list[str]] = {}
    for name in watched():
        package, _, last = name.rpartition(".")
        lasts.setdefault(package.partition(".")[0], []).append(re.escape(last))
    names = {package: "|".join(sorted(found)) for package, found in lasts.items()}
    parts = (
        rf"np\.(?:{names['numpy']})\b",
        rf"numpy(?:\.| import[^\n]*\b)(?:{names['numpy']})\b",
        rf"torch(?:\.| import[^\n]*\b)(?:{names['torch']})\b",
        r"\.total_mem\b",
        "functional_tensor",
        "huggingface_hub",
    )
    return [re.compile(part.encode()) for part in parts]


def may_use_removed(data: bytes) -> bool:
    """Whether a file may use a removed name."""
    return any(pattern.search(data) for pattern in _patterns())


def imports(tree: Tree, module: str) -> bool:
    """Whether a module, or something of it, is imported anywhere."""
    return any(name == module or name.startswith(f"{module}.") for name, _ in _imported(tree))


def import_at_start(tree: Tree, package: str) -> int | None:
    """The line of an import that running the file always comes to; None = none, or guarded."""
    lines = [
        int(getattr(node, "lineno", 1))
        for name, node in _imported(tree)
        if name.split(".")[0] == package
        and not any(isinstance(parent, _START) for parent, _ in tree.ancestors(node))
    ]
    return min(lines, default=None)


def setup_name(tree: Tree) -> str | None:
    """The name= of the call of setup(); "" when it is not a literal, None without such a call."""
    from gpufix.source.arch_flags import UNKNOWN
    from gpufix.source.python_strings import strings

    for node in tree.each(ast.Call):
        if dotted_name(node.func) in ("setup", "setuptools.setup"):
            given = [k.value for k in node.keywords if k.arg == "name"]
            text = strings(tree, given[0])[0] if given else ""
            return text if UNKNOWN not in text else "?"
    return None


def removed(tree: Tree) -> list[dict[str, Any]]:
    """Uses of watched names that no handler and no version test stands around."""
    aliases = _aliases(tree)
    rows: list[dict[str, Any]] = []
    for name, node in [*_imported(tree), *_attributes(tree, aliases)]:
        full = name if name in watched() else _module_of(name)
        if full is None or tree.tried(node) or _tested(tree, node, full):
            continue
        rows.append({"name": full, "line": getattr(node, "lineno", 1)})
    rows += [
        {"name": "torch.cuda.get_device_properties().total_mem", "line": node.lineno}
        for node in _total_mem(tree, aliases)
    ]
    return rows


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


def _tested(tree: Tree, node: ast.AST, name: str) -> bool:
    """Whether an enclosing test asks for a version, or whether the name exists."""
    last = name.rpartition(".")[2]
    for parent, child in tree.ancestors(node):
        test = parent.test if isinstance(parent, (ast.If, ast.IfExp, ast.While)) else None
        if isinstance(parent, ast.BoolOp):
            test = parent.values[0]
        if test is None or child is test:
            continue
        text = ast.dump(test)
        if any(
            word in text.lower() for word in ("version", "hasattr", "torch_1", "major", "minor")
        ):
            return True
        if f"'{last}'" in text:
            return True
    return False


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
