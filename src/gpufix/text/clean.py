"""Untrusted text made fit for display, plain lines that reports share, and what an exception says."""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Sized

from gpufix.model import Evidence, Finding


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


def located(item: Evidence) -> str:
    """ "setup.py:12: " before the text of a piece of evidence; empty when it is no place."""
    if item.path and item.line:
        return f"{item.path}:{item.line}: "
    return f"{item.path}: " if item.path else ""


def below(finding: Finding, depth: int = 0) -> Iterator[tuple[int, Finding]]:
    """All that follows from a finding, each with its depth, a cause before its consequences."""
    for consequence in finding.consequences:
        yield depth, consequence
        yield from below(consequence, depth + 1)


def and_more(things: Sized) -> str:
    """What follows the first of several: " (and 3 more)", else nothing."""
    return f" (and {len(things) - 1} more)" if len(things) > 1 else ""


def counted(number: int, noun: str) -> str:
    """ "1 error", "2 errors"; empty for none."""
    return f"{number} {noun}{'' if number == 1 else 's'}" if number else ""


_WORDS = 300
_FRAMES = 20


def words(error: BaseException) -> str:
    """Its type and repr on one line, cut; its type where no repr can be made."""
    name = type(error).__name__
    try:
        shown = repr(error)
    except Exception:
        shown = f"{name}, whose repr crashes"
    shown = shown if name in shown else f"{name}: {shown}"
    shown = plain(shown.replace("\n", " "))
    return shown if len(shown) <= _WORDS else shown[:_WORDS] + "…"


def plain(text: str) -> str:
    """Text that can be encoded: a lone surrogate is written as its escape."""
    return text.encode("utf-8", "backslashreplace").decode()


def places(error: BaseException) -> list[tuple[str, int]]:
    """File and line of every frame that it came through, the outermost first."""
    steps = traceback.walk_tb(error.__traceback__)
    return [(plain(frame.f_code.co_filename), line or 0) for frame, line in steps]


def trace(error: BaseException) -> list[str]:
    """The traceback's lines: of a deep one the innermost frames."""
    frames = "".join(traceback.format_tb(error.__traceback__, limit=-_FRAMES))
    return ["Traceback (most recent call last):", *plain(frames).splitlines(), words(error)]
