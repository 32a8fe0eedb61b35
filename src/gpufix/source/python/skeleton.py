"""A Python source without the bodies of its functions, which are parsed when they are called.

Most of a module is inside of functions, most of which nobody calls while it is imported: parsing them is
nine tenths of the time that it takes to read a package.
"""

from __future__ import annotations

import ast
import re
from functools import cache

from gpufix.source.python.tree import NotPython, parsed

_DEF = re.compile(r"^([ \t]*)(?:async[ \t]+)?def[ \t]+\w+[ \t]*\(([^\n]*)\n", re.MULTILINE)
_COLON = re.compile(r":[ \t]*(?:#.*)?$")
# The last line of a header of several lines.
_CLOSED = re.compile(r"^[ \t]*\)[^\n]*:[ \t]*(?:#[^\n]*)?\n", re.MULTILINE)

Bodies = dict[int, str]  # by the line that they begin in


def skeleton(text: str) -> tuple[ast.Module, Bodies]:
    """The tree, with `...` in the place of bodies, and those. Raises NotPython.

    Of code in a text the bodies are lost.
    """
    found = _without_bodies(text.removeprefix("\ufeff"))
    if found is not None:
        try:
            return parsed(found[0]), found[1]
        except NotPython:  # a body ends elsewhere than its indentation says
            pass
    return parsed(text), {}


def body_at(text: str, line: int) -> list[ast.stmt]:
    """The statements of a body that begins in a line. Raises NotPython."""
    function = parsed(f"def _():\n{text}").body[0]
    ast.increment_lineno(function, line - 2)
    return function.body if isinstance(function, ast.FunctionDef) else []


def _without_bodies(text: str) -> tuple[str, Bodies] | None:
    """None where a string seems to reach over the end of a body."""
    kept, bodies, at, line = [], {}, 0, 1
    while (head := _DEF.search(text, at)) is not None:
        start = _end_of_header(text, head)
        stop = _outdent(head[1]).search(text, start) if start else None
        end = stop.start() if stop else len(text)
        if not start or end <= start:
            kept.append(text[at : head.end()])
            line += text.count("\n", at, head.end())
            at = head.end()
            continue
        body = text[start:end]
        if body.count('"""') % 2 or body.count("'''") % 2:
            return None
        line += text.count("\n", at, start)
        lines = body.count("\n")
        bodies[line] = body
        kept += [text[at:start], f"{head[1]} ...", "\n" * lines]
        line += lines
        at = end
    return "".join([*kept, text[at:]]), bodies


def _end_of_header(text: str, head: re.Match[str]) -> int:
    """Where the line after a function's colon begins; 0 for a body in the header's own line."""
    first = head[2]
    if first.count("(") + 1 > first.count(")"):
        closed = _CLOSED.search(text, head.end())
        return closed.end() if closed else 0
    return head.end() if _COLON.search(first) else 0


@cache
def _outdent(indent: str) -> re.Pattern[str]:
    """The beginning of a line that is no deeper than this, empty ones and comments left out."""
    return re.compile(rf"^(?!{indent}[ \t]+\S|[ \t]*(?:#[^\n]*)?$)", re.MULTILINE)
