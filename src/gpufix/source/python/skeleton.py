"""A Python source without its functions' parameters and bodies, which are parsed when they are called.

Most of a module is inside of functions, most of which nobody calls while it is imported: parsing them is
nine tenths of the time that it takes to read a package.
"""

from __future__ import annotations

import ast
import re
from functools import cache, cached_property

from gpufix.source.python.tree import NotPython, parsed

# Both begin with a literal, by which the search skips quickly.
_DEF = re.compile(r"\n([ \t]*)((?:async[ \t]+)?def[ \t]+\w+)[ \t]*(?=\()")
_NAMED = re.compile(r"\bdef[ \t]+(\w+)")
_COLON = re.compile(r":[ \t]*(?:#.*)?$")
_HEADER = 100  # lines of one header


class Late:
    """A function that is parsed when first asked for."""

    def __init__(self, text: str, line: int) -> None:
        self.text, self._line = text, line

    @cached_property
    def name(self) -> str:
        """What it is called."""
        found = _NAMED.search(self.text)
        return found[1] if found else ""

    @cached_property
    def header(self) -> str:
        """Its parameters and what it returns, which are evaluated where it stands."""
        start = self.text.find("(")
        return self.text[start : _end_of_header(self.text, start)]

    @cached_property
    def node(self) -> ast.FunctionDef | ast.AsyncFunctionDef:
        """Raises NotPython."""
        above = "\n" * (self._line - 1)
        if self.text[:1] in " \t":
            above = f"{above[1:]}if 1:\n"
        made = parsed(above + self.text).body[-1]
        node = made.body[-1] if isinstance(made, ast.If) else made
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            raise NotPython("no function")
        return node


Functions = dict[int, Late]  # by line


def skeleton(text: str) -> tuple[ast.Module, Functions]:
    """The tree, with `def name(): ...` in the place of functions, and those. Raises NotPython.

    Of code in a text the bodies are lost.
    """
    cut, functions = _without_functions("\n" + text.removeprefix("\ufeff"))
    if functions:
        try:
            return parsed(cut), functions
        except NotPython:  # a body ends elsewhere than its indentation says
            pass
    return parsed(text), {}


def cut_functions(text: str) -> tuple[str, list[Late]]:
    """A source with `def name(): ...` in the place of functions, and these: of the module and of its classes."""
    cut, functions = _without_functions("\n" + text.removeprefix("\ufeff"))
    return cut, list(functions.values())


def _without_functions(text: str) -> tuple[str, Functions]:
    """Of a text that a line break was put before."""
    kept, at, line = [], 0, 0
    functions: Functions = {}
    while (head := _DEF.search(text, at)) is not None:
        start = _end_of_header(text, head.end())
        stop = _outdent(head[1]).search(text, start) if start else None
        end = stop.start() if stop else len(text)
        whole = text[head.start() + 1 : end]
        # A string may reach over the end.
        if not start or end <= start or whole.count('"""') % 2 or whole.count("'''") % 2:
            kept.append(text[at : head.end()])
            line += text.count("\n", at, head.end())
            at = head.end()
            continue
        line += text.count("\n", at, head.start()) + 1
        functions[line] = Late(whole, line)
        lines = whole.count("\n")
        kept += [text[at : head.start() + 1], f"{head[1]}{head[2]}(): ...", "\n" * lines]
        line += lines
        at = end
    return "".join([*kept, text[at:]])[1:], functions


def _end_of_header(text: str, start: int) -> int:
    """Where the line of a function's colon ends, of parameters that begin here; 0 where its body may be in that line."""
    opened = 0
    for _ in range(_HEADER):
        end = text.find("\n", start)
        part = text[start:end] if end >= 0 else text[start:]
        opened += part.count("(") - part.count(")")
        if opened <= 0:
            return end if end > 0 and opened == 0 and _COLON.search(part) else 0
        if end < 0:
            break
        start = end + 1
    return 0


@cache
def _outdent(indent: str) -> re.Pattern[str]:
    """The next line that is no deeper than this, empty ones and comments left out."""
    if "\t" in indent:
        return re.compile(rf"\n(?!{indent}[ \t]+\S|[ \t]*(?:#[^\n]*)?(?:\n|\Z))")
    return re.compile(rf"\n {{0,{len(indent)}}}(?=[^\s#])")
