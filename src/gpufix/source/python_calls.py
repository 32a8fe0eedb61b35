"""Calls of one function made calls of another that takes the same arguments.

Only where the file itself settles what is called; every other use of the function is told, with why
it is left. The new module is imported beside the old one, wherever that is.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from gpufix.source.edit import Edit, Offsets
from gpufix.source.python_edit import finished
from gpufix.source.python_names import Import, Names
from gpufix.source.python_tree import Tree, dotted_name
from gpufix.source.python_uses import Rebinds, Uses


@dataclass(frozen=True)
class Redirected:
    """`text`: the changed file; None when nothing is changed. `calls`: first and last line of each
    call that was changed, as it was; `left`: (line, why) of what was not."""

    text: str | None
    calls: list[tuple[int, int]] = field(default_factory=list)
    left: list[tuple[int, str]] = field(default_factory=list)


def redirect(
    text: str,
    names: Collection[str],
    instead: str,
    not_within: Collection[str] = (),
    rebinds: Rebinds = lambda *_: True,
) -> Redirected:
    """Calls of any of `names` ("nvdiffrast.torch.rasterize") become calls of `instead`.

    not_within: classes in whose `with` the call is left alone. Raises NotPython.
    """
    tree = Tree(text)
    uses = Uses(tree, names, instead, not_within, rebinds)
    offsets = Offsets(text)
    edits: list[Edit] = []
    calls, left = [], uses.unsettled()
    givers: dict[int, list[Import]] = {}
    for node, head, origin in uses.settled():
        start, end = offsets.of(node)
        why = uses.doubt(node, head, origin)
        if why is None and text[start:end] != dotted_name(node):  # within an f-string, broken up
            why = "not written in one piece"
        if why is not None:
            left.append((node.lineno, why))
            continue
        edits.append(Edit(start, end, instead))
        call = tree.parents[node]
        calls.append((node.lineno, int(getattr(call, "end_lineno", node.lineno))))
        given = uses.names.givers(node, head)
        givers[id(given)] = given
    module = instead.rpartition(".")[0]
    every = [node for given in givers.values() for node in given]
    edits += _imports(text, tree, uses.names, offsets, every, module)
    changed = finished(text, tree, edits) if edits else None
    if edits and changed is None:
        return Redirected(
            None, [], sorted({*left, *((n, "it cannot be edited") for n, _ in calls)})
        )
    return Redirected(changed, sorted(calls), sorted(set(left)))


def _imports(
    text: str, tree: Tree, names: Names, offsets: Offsets, givers: list[Import], module: str
) -> Iterator[Edit]:
    """`import module` after each import that a changed call relies on: in a block once, and in a
    scope once when the first of them is always come to."""
    blocks: dict[ast.AST, list[ast.stmt]] = {}  # statement -> the list that holds it
    for parent in {tree.parents[node] for node in givers}:
        for _, value in ast.iter_fields(parent):
            blocks |= dict.fromkeys(value, value) if isinstance(value, list) else {}
    served: set[int] = set()
    for node in sorted(givers, key=lambda n: (n.lineno, n.col_offset)):
        scope, block = names.scope(node), blocks[node]
        if id(scope) in served or id(block) in served:
            continue
        served.add(id(scope if block is getattr(scope, "body", None) else block))
        if not any(_brings(other, module) for other in block):
            yield _beside(text, offsets, node, module)


def _brings(node: ast.stmt, module: str) -> bool:
    return isinstance(node, ast.Import) and any(
        alias.name == module and not alias.asname for alias in node.names
    )


def _beside(text: str, offsets: Offsets, node: Import, module: str) -> Edit:
    """A line of its own below the import, or `; import …` where that shares its line."""
    start, end = offsets.of(node)
    last = node.end_lineno or node.lineno
    indent, below = text[offsets.line_start(node.lineno) : start], offsets.line_start(last + 1)
    rest = text[end:below]
    ending = rest[len(rest.rstrip("\r\n")) :]
    if indent.strip() or not (rest.strip() == "" or rest.lstrip().startswith("#")):
        return Edit(end, end, f"; import {module}")
    if not ending:
        newline = "\r\n" if "\r\n" in text else "\n"
        return Edit(below, below, f"{newline}{indent}import {module}")
    return Edit(below, below, f"{indent}import {module}{ending}")
