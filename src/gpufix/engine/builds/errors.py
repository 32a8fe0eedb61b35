"""The first real error lines of a build's log: what went wrong, not what followed from it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

# Compilers, linkers, nvcc's stages, CMake, make and ninja on missing inputs.
_REAL = re.compile(
    r"""
      (?::\d+|\(\d+\))(?::\d+)?:\s+(?:fatal\s+)?error\b      # file.cpp:3:5: error:  file.cu(3): error:
    | \b(?:fatal\s+error|nvcc\s+fatal|ptxas\s+(?:fatal|error)|nvlink\s+(?:fatal|error))\b
    | \bnvcc\s+error\b | \bdied\s+due\s+to\s+signal\b
    | \bundefined\s+reference\s+to\b | \bld(?:\.\w+)?:\s.*(?:cannot\s+find|error|undefined)
    | ^CMake\s+Error\b | \bNo\s+rule\s+to\s+make\s+target\b | ^ninja:\s+(?:error|fatal):
    | \bNo\s+space\s+left\s+on\s+device\b | \bcommand\s+not\s+found\b
    | \bvirtual\s+memory\s+exhausted\b | \bcc1plus:\s.*(?:error|out\s+of\s+memory)
    | ^\#error\b | \bKilled\s+signal\s+terminated\s+program\b
    """,
    re.VERBOSE | re.IGNORECASE,
)
# The last line of a Python traceback.
_RAISED = re.compile(r"^(?:[A-Za-z_][\w.]*\.)?[A-Z]\w*(?:Error|Exception|Unavailable|NotFound)\b:?")
# Said because something else failed before.
_FOLLOWS = re.compile(
    r"subprocess-exited-with-error|exited? with (?:code|status)|failed with exit (?:code|status)"
    r"|returned non-zero exit status|Error compiling objects for extension|metadata-generation-failed"
    r"|failed-wheel-build|Failed building (?:wheel|editable)|Could not build wheels|build stopped"
    r"|CalledProcessError|InstallationSubprocessError|SystemExit",
)
_TOOL = re.compile(r"^(?:error|ERROR|fatal):\s+\S")
_CONTEXT = 2  # lines after an error that show the place in the source
_WIDTH, _LINES = 400, 200_000


def first_errors(log: str, most: int = 3) -> list[str]:
    """Up to `most` errors in the log's order, each with the lines that show the place.

    Compiler and linker messages first; without any, the exceptions; then lines that begin with
    "error:".
    """
    lines = [_plain(line) for line in log.splitlines()[:_LINES]]
    for pattern in (_REAL, _RAISED, _TOOL):
        found = list(_matches(lines, pattern))
        if found:
            return [_with_context(lines, at) for at in found[:most]]
    return []


def _plain(line: str) -> str:
    """Without colours and the indentation that pip adds."""
    return re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", line).strip()[:_WIDTH]


def _matches(lines: Sequence[str], pattern: re.Pattern[str]) -> Iterator[int]:
    seen: set[str] = set()
    for at, line in enumerate(lines):
        if pattern.search(line) and not _FOLLOWS.search(line) and line not in seen:
            if line.startswith("$ "):  # the command itself
                continue
            seen.add(line)
            yield at


def _with_context(lines: Sequence[str], at: int) -> str:
    """gcc and nvcc show the source line and a caret below; CMake its message."""
    shown = [lines[at]]
    for line in lines[at + 1 : at + 1 + _CONTEXT]:
        if line.startswith("CMake") or not re.match(r"\d+ \||\||\^|[A-Za-z].*[;{(]\s*$", line):
            is_text = lines[at].startswith("CMake Error") and bool(line)
            if not is_text:
                break
        shown.append(line)
    return "\n".join(shown)
