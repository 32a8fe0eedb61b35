"""What a source asks of other modules by name, and what one binds: told without running either."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from textwrap import dedent

_FROM = re.compile(
    r"^from[ \t]+(\.*[\w.]*)[ \t]+import[ \t]+(\([^)]{0,8000}\)|[^\n#;]+)", re.MULTILINE
)
_PLAIN = re.compile(
    r"^import[ \t]+([A-Za-z]\w*(?:\.\w+)*)(?:[ \t]+as[ \t]+(\w+))?[ \t]*(?:#.*)?$", re.MULTILINE
)
_WITHIN = re.compile(
    r"^[ \t]+from[ \t]+([A-Za-z]\w*(?:\.\w+)*)[ \t]+import[ \t]+(\([^)]{0,8000}\)|[^\n#;]+)",
    re.MULTILINE,
)
_COMMENT = re.compile(r"#[^\n]*")
_DOTTED = re.compile(r"(?<![\w.\"'])(\w+)((?:\.[A-Za-z_]\w*)+)")
# A body of `try`, and handlers that raise again.
_TRIED = re.compile(
    r"^try:[ \t]*(?:#.*)?\n((?:[ \t]+\S.*\n|[ \t]*\n){1,60}?)(?=except\b.*:[ \t]*(?:#.*)?\n(?:[ \t]+\S.*\n|[ \t]*\n){0,20}?[ \t]+raise\b)",
    re.MULTILINE,
)


def tried_in_vain(text: str) -> str:
    """What a module tries at its top and cannot do without: its handlers raise."""
    return "\n".join(dedent(found[1]) for found in _TRIED.finditer(text))


def asked_of_modules(text: str, more: str = "") -> Iterator[str]:
    """Dotted names that a source takes from modules at once: `from a.b import c`, and `a.b.c` after `import a.b`.

    `text`: a source without the bodies of its functions. `more`: what else of it runs at once.
    """
    aliases: dict[str, str] = {}
    for found in _FROM.finditer(text):
        for name, alias in _members(found[2]):
            if found[1][:1] != ".":
                yield f"{found[1]}.{name}"
                aliases[alias] = f"{found[1]}.{name}"
    for found in _PLAIN.finditer(text):
        aliases[found[2] or found[1].partition(".")[0]] = (
            found[1] if found[2] else found[1].partition(".")[0]
        )
    if aliases:
        for part in filter(None, (text, more)):
            for first, rest in _DOTTED.findall(part):
                if first in aliases:
                    yield aliases[first] + rest
    if "import" in more:
        for found in _WITHIN.finditer(more):
            yield from (f"{found[1]}.{name}" for name, _ in _members(found[2]))


_IMPORTED = re.compile(
    r"^(?:from[ \t]+([A-Za-z]\w*(?:\.\w+)*)[ \t]+import\b|import[ \t]+([A-Za-z]\w*(?:\.\w+)*))",
    re.MULTILINE,
)


def imported_modules(text: str) -> list[str]:
    """The modules that a source imports under no condition."""
    return list(dict.fromkeys(found[1] or found[2] for found in _IMPORTED.finditer(text)))


def star_imports(text: str, package: str) -> list[str]:
    """The modules of which a source takes every name."""
    found = []
    for statement in re.finditer(
        r"^[ \t]*from[ \t]+(\.*[\w.]*)[ \t]+import[ \t]*\(?[ \t]*\*", text, re.M
    ):
        base = statement[1]
        level = len(base) - len(base.lstrip("."))
        if level:
            above = package.split(".")[: len(package.split(".")) - level + 1]
            base = ".".join([*above, *filter(None, [base.lstrip(".")])])
        found.append(base)
    return found


def bound_names(tree: ast.Module) -> frozenset[str]:
    """What statements of a module bind, under whatever condition; functions by `global` only."""
    found: set[str] = set()
    pending: list[ast.AST] = [tree]
    while pending:
        node = pending.pop()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            found.add(node.name)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            found.update(n for g in ast.walk(node) if isinstance(g, ast.Global) for n in g.names)
            continue
        if isinstance(node, ast.alias):
            found.add(node.asname or node.name.partition(".")[0])
        elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            found.add(node.id)
        elif isinstance(node, ast.ExceptHandler) and node.name:
            found.add(node.name)
        elif isinstance(node, ast.Global):
            found.update(node.names)
        elif isinstance(name := getattr(node, "name", None), str):  # patterns of `match`
            found.add(name)
        pending.extend(ast.iter_child_nodes(node))
    return frozenset(found)


def _members(listed: str) -> Iterator[tuple[str, str]]:
    """ "(a as b, c)" → ("a", "b"), ("c", "c")."""
    for part in _COMMENT.sub("", listed).strip("()").replace("\\", " ").split(","):
        words = part.split()
        if words and words[0].isidentifier():
            yield words[0], words[-1]
