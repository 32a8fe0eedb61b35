"""Give a file of the project that hides an installed package another name."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from posixpath import basename, dirname

from gpufix.evidence.view import View
from gpufix.fixes.registry import fix
from gpufix.model import Finding, Plan, Remove, Skip, WriteFile
from gpufix.model.payload import HiddenModule
from gpufix.source.python.asked_names import bound
from gpufix.source.python.tree import NotPython, known_tree

NAME = "rename-module"
_PACKAGING = ("setup.py", "setup.cfg", "pyproject.toml")


@fix(NAME, "WHL512")
def rename_module(finding: Finding, view: View) -> Plan | Skip | None:
    """With an underscore behind its name, where nothing in the project asks for what is in it."""
    if not isinstance(finding.payload, HiddenModule):
        return None
    path = finding.payload.path
    new = f"{path.removesuffix('.py')}_.py"
    source = view.source(path)
    reason = "it is not read here" if source is None else _against(path, basename(new), view)
    if source is None or reason:
        return finding.skip(NAME, str(reason))
    return finding.plan(
        NAME,
        "unsafe",
        f"rename {path} to {basename(new)}",
        WriteFile(path=new, content=source.text, encoding=source.encoding),
        Remove(path=path),
        subjects=[path],
        notes=[
            "nothing in the project imports what is in it; who runs it calls it by its new name"
        ],
    )


def _against(path: str, new: str, view: View) -> str | None:
    """Why the file cannot move."""
    project, file = view.facts.project, basename(path)
    if project is None or not path.startswith(f"{project.root}/"):
        return f"{path} is not the project's"
    if not path.endswith(".py") or file == "__init__.py":
        return f"{path} is a package"
    around = view.project_names(dirname(path))
    if not around or new in around:
        return f"{new} is there already" if around else f"the folder of {path} cannot be read"
    relative = path.removeprefix(f"{project.root}/")
    mentions = [m for m in view.project_mentions(relative) or () if m.path != relative]
    if mentions:
        return f"{mentions[0].path}:{mentions[0].line} names {file}"
    name = file.removesuffix(".py")
    packaging = [f for f in _PACKAGING if f in (view.project_names(project.root) or ())]
    if packaged := next((f for f in packaging if _lists(view, f"{project.root}/{f}", name)), None):
        return f"{packaged} lists modules"
    return _used(path, project.root, name, view)


def _lists(view: View, path: str, name: str) -> bool:
    source = view.source(path)
    text = source.text if source else ""
    return bool(re.search(r"py[-_]modules", text)) and bool(re.search(rf"\b{name}\b", text))


def _used(path: str, root: str, name: str, view: View) -> str | None:
    """Who imports the file on purpose, or may."""
    holders, names = view.project_holders(name), _bound(view, path)
    if holders is None or names is None:
        return f"what {path} binds is not known"
    for holder in holders:
        full = f"{root}/{holder}"
        if full == path:
            continue
        source = view.source(full)
        try:
            tree = ast.parse(source.text) if source else None
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            tree = None
        if tree is None:
            return f"{holder} cannot be read"
        if line := next(_uses(tree, name, names), None):
            return f"{holder}:{line} may mean {path}"
    return None


def _bound(view: View, path: str) -> set[str] | None:
    source = view.source(path)
    try:
        return bound(source.text, known_tree(source.text), "") if source else None
    except NotPython:
        return None


def _uses(tree: ast.Module, name: str, names: set[str]) -> Iterator[int]:
    """The lines that ask for what the file binds, wherever they stand, or that only a run could tell."""
    known: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            known |= {a.asname or name for a in node.names if a.name == name}
        elif _is_of(node, name, names):
            yield getattr(node, "lineno", 1)
    attributes = {id(n.value): n for n in ast.walk(tree) if isinstance(n, ast.Attribute)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id in known:
            asked = attributes.get(id(node))
            if asked is None or asked.attr in names:
                yield node.lineno


def _is_of(node: ast.AST, name: str, names: set[str]) -> bool:
    """Whether a statement imports the file itself, what it binds, or either by a text."""
    if isinstance(node, ast.Call):
        return _by_name(node, name)
    if not isinstance(node, ast.ImportFrom):
        return False
    asked = {alias.name for alias in node.names}
    if node.level:
        return node.module == name or name in asked
    return node.module == name and bool(asked & {*names, "*"})


def _by_name(call: ast.Call, name: str) -> bool:
    """Whether it imports, or runs, the module by a text."""
    function = call.func
    called = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    texts = [a.value for a in call.args if isinstance(a, ast.Constant)]
    return called in ("import_module", "__import__", "run_module") and name in texts
