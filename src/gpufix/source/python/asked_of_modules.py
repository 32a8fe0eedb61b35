"""What a source asks of other modules by name, and what one binds: told without running either."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from textwrap import dedent

from gpufix.source.python.tree import parsed

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
_TARGETS = (ast.Name, ast.Tuple, ast.List, ast.Starred)
_COMMENT = re.compile(r"#[^\n]*")
_DOTTED = re.compile(r"(?<![\w.\"'])(\w+)((?:\.[A-Za-z_]\w*)+)")
# A body of `try`, and handlers that raise again.
_TRIED = re.compile(
    r"\ntry:[ \t]*(?:#.*)?\n((?:[ \t]+\S.*\n|[ \t]*\n){1,60}?)(?=except\b.*:[ \t]*(?:#.*)?\n(?:[ \t]+\S.*\n|[ \t]*\n){0,20}?[ \t]+raise\b)"
)


def tried_in_vain(text: str) -> str:
    """What a module tries at its top and cannot do without: its handlers raise."""
    return "\n".join(dedent(found[1]) for found in _TRIED.finditer(f"\n{text}"))


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


_STATEMENT = re.compile(r"[ \t]*(?:from[ \t]+([A-Za-z]\w*(?:\.\w+)*)[ \t]+)?import[ \t]+")
_LISTED = re.compile(r"\([^)]{0,8000}\)|[^\n#;]+")
_MODULE = re.compile(r"([A-Za-z]\w*(?:\.\w+)*)(?:[ \t]+as[ \t]+(\w+))?")
_REST = re.compile(r"(?:\.[A-Za-z_]\w*)+")


def possibly_asked(
    text: str, tells: Callable[[str], bool], is_module: Callable[[str], bool]
) -> set[str]:
    """Dotted names: at least the modules and names that `asked_of_modules` tells of any part of a source.

    `tells`: whether names of a package are asked for. Words are looked for, and no pattern is tried at each
    line: that is ten times as fast. What follows a name that is no module is another's, and left out.
    """
    names: set[str] = set()
    aliases: dict[str, set[str]] = {}
    for found in _statements(text):
        base = found[1]
        plain = None if base else _MODULE.match(text, found.end())
        if plain and tells(top := plain[1].partition(".")[0]):
            aliases.setdefault(plain[2] or top, set()).add(plain[1] if plain[2] else top)
        elif base and tells(base.partition(".")[0]):
            listed = _LISTED.match(text, found.end())
            for name, alias in _members(listed[0]) if listed else ():
                dotted = f"{base}.{name}"
                names.add(dotted)
                if is_module(dotted):
                    aliases.setdefault(alias, set()).add(dotted)
    for alias, targets in aliases.items():
        names.update(target + rest for rest in _rests(text, alias) for target in targets)
    return names


def _statements(text: str) -> Iterator[re.Match[str]]:
    """The beginnings of imports, up to what they name."""
    at = text.find("import")
    while at >= 0:
        found = _STATEMENT.match(text, text.rfind("\n", 0, at) + 1)
        if found and found.end() > at:
            yield found
        at = text.find("import", at + 1)


def _rests(text: str, alias: str) -> set[str]:
    """What stands after a name: ".b.c" of "a.b.c"."""
    whole, rests = f"{alias}.", set()
    at = text.find(whole)
    while at >= 0:
        before = text[at - 1] if at else "\n"
        rest = _REST.match(text, at + len(alias))
        if rest and not (before.isalnum() or before in "_.\"'"):
            rests.add(rest[0])
        at = text.find(whole, at + len(whole))
    return rests


def imported_modules(text: str) -> list[str]:
    """The modules that a source imports under no condition."""
    bases = (
        found[1] or (plain[1] if (plain := _MODULE.match(text, found.end())) else "")
        for found in _statements(text)
        if not text[found.start()].isspace()
    )
    return list(dict.fromkeys(filter(None, bases)))


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


def bound_names(text: str) -> frozenset[str]:
    """What statements of a module bind, under whatever condition; functions by `global` only. Raises NotPython."""
    found: set[str] = set()
    # Most nodes are of expressions, which bind nothing but by ":=".
    walrus, has_global = ":=" in text, "global" in text
    pending: list[ast.AST] = [parsed(text)]
    while pending:
        node = pending.pop()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            found.add(node.name)
            every = ast.walk(node) if has_global else ()
            found.update(name for g in every if isinstance(g, ast.Global) for name in g.names)
            continue
        if isinstance(node, ast.alias):
            found.add(node.asname or node.name.partition(".")[0])
        elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            found.add(node.id)
        elif isinstance(node, ast.Global):
            found.update(node.names)
        elif isinstance(name := getattr(node, "name", None), str):  # classes, handlers, patterns
            found.add(name)
        children = ast.iter_child_nodes(node)
        pending.extend(
            one for one in children if walrus or not isinstance(one, ast.expr) or _is_target(one)
        )
    return frozenset(found)


def _is_target(node: ast.expr) -> bool:
    return isinstance(node, _TARGETS) and not isinstance(node.ctx, ast.Load)


def _members(listed: str) -> Iterator[tuple[str, str]]:
    """ "(a as b, c)" → ("a", "b"), ("c", "c")."""
    for part in _COMMENT.sub("", listed).strip("()").replace("\\", " ").split(","):
        words = part.split()
        if words and words[0].isidentifier():
            yield words[0], words[-1]
