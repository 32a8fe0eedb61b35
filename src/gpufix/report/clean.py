"""Untrusted text made fit for display: no control sequence reaches a terminal or a log parser."""

from __future__ import annotations


def clean(text: str, keep_newlines: bool = False) -> str:
    r"""Replace what could act on a terminal by its escape ("\x1b", "\u202e").

    Printable is what Unicode calls so: no control, format (bidi), separator, surrogate, private
    or unassigned character survives.
    """
    if text.isprintable():
        return text
    return "".join(_shown(c, keep_newlines) for c in text)


def inert(line: str) -> str:
    r"""A line that no CI runner reads as a command: ` ::error::…` becomes `\::error::…`.

    A runner looks at the start of a line, indented or not, for `::`, and everywhere for `##[`:
    https://github.com/actions/runner ActionCommand.cs. Folding can bring any word to the start.
    """
    line = line.replace("##[", "#\\#[")
    return f"\\{line.lstrip()}" if line.lstrip().startswith("::") else line


def _shown(char: str, keep_newlines: bool) -> str:
    if char.isprintable() or (char == "\n" and keep_newlines):
        return char
    code = ord(char)
    width, letter = (2, "x") if code < 0x100 else (4, "u") if code < 0x10000 else (8, "U")
    return f"\\{letter}{code:0{width}x}"
