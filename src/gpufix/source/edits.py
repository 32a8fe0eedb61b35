"""Edits of a text by offsets, of CMake files and of shell scripts; the rest stays byte for byte."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from gpufix.source.arch_flags import without
from gpufix.source.builds.cmake_syntax import Command, commands
from gpufix.source.builds.installs import installer
from gpufix.source.builds.shell_parser import parse
from gpufix.source.builds.shell_syntax import Simple, Word
from gpufix.source.cmake_standards import standards
from gpufix.source.cxx_standards import flags

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")


@dataclass(frozen=True, order=True)
class Edit:
    """Replace text[start:end]."""

    start: int
    end: int
    text: str


def applied(text: str, edits: Iterable[Edit]) -> str:
    """The text after all edits. Raises ValueError when two overlap."""
    parts: list[str] = []
    position = 0
    for edit in sorted(set(edits), key=lambda e: (e.start, e.end)):
        if edit.start < position:
            raise ValueError("edits overlap")
        parts += [text[position : edit.start], edit.text]
        position = edit.end
    return "".join([*parts, text[position:]])


class Offsets:
    """Places of syntax nodes (line, UTF-8 column) as offsets in a text that was parsed."""

    def __init__(self, text: str) -> None:
        self._mark = 1 if text.startswith("\ufeff") else 0
        self._lines = _lines(text[self._mark :])
        self._starts = [self._mark]
        for line in self._lines:
            self._starts.append(self._starts[-1] + len(line))

    def at(self, line: int, column: int) -> int:
        """The offset of a line (from 1) and a column in UTF-8 bytes (from 0)."""
        row = self._lines[line - 1]
        return self._starts[line - 1] + len(row.encode("utf-8")[:column].decode("utf-8", "ignore"))

    def of(self, node: ast.expr | ast.stmt) -> tuple[int, int]:
        """Start and end of a node."""
        end_line, end_column = node.end_lineno or node.lineno, node.end_col_offset or 0
        return self.at(node.lineno, node.col_offset), self.at(end_line, end_column)

    def line_start(self, line: int) -> int:
        """The offset of a line's first character."""
        return self._starts[line - 1]


def _lines(text: str) -> list[str]:
    """Lines as Python counts them: form feeds and other Unicode breaks end none."""
    return [*_LINE.findall(text), ""]


ABI = "_GLIBCXX_USE_CXX11_ABI"
_TAKES_FLAGS = ("set", "string", "list", "target_compile_options", "add_compile_options")
_ASK_TORCH = """\
if(NOT DEFINED {variable})
  set(TORCH_PYTHON python3)
  foreach(candidate "${{Python3_EXECUTABLE}}" "${{Python_EXECUTABLE}}" "${{PYTHON_EXECUTABLE}}")
    if(candidate)
      set(TORCH_PYTHON "${{candidate}}")
    endif()
  endforeach()
  execute_process(
    COMMAND "${{TORCH_PYTHON}}" -c "import torch; print({asked})"
    OUTPUT_VARIABLE {variable}
    OUTPUT_STRIP_TRAILING_WHITESPACE)
  if(NOT {variable} MATCHES "{answer}")
    message(FATAL_ERROR "${{TORCH_PYTHON}} does not say {what}")
  endif()
endif()
"""
_READ_ABI = _ASK_TORCH.format(
    variable="TORCH_CXX11_ABI",
    asked="int(torch._C._GLIBCXX_USE_CXX11_ABI)",
    answer="^[01]$",
    what="with which C++ ABI torch is built",
)
# Where the project finds torch by a module of its own: torch's CMake files would say it.
_READ_VERSION = _ASK_TORCH.format(
    variable="Torch_VERSION",
    asked="torch.__version__",
    answer="^[0-9]+[.]",
    what="its torch's version",
)


def follow_archs(text: str, line: int, variable: str) -> str | None:
    """What the command on a line fixes gives way to a variable that is set.

    A command that sets nothing else runs only where it is not; flags of compilers that choose
    architectures are left out where it is. None when its form is not known.
    """
    for command in commands(text):
        if command.line != line:
            continue
        if not _alone(text, command):
            return None
        before = text[text.rfind("\n", 0, command.start) + 1 : command.start]
        body = text[command.start : command.end]
        rows = [f"  {body}"]
        if not _only_archs(command):
            rest = _without_archs(text, command)
            if rest is None:
                return None
            rows += ["else()", f"  {rest}"]
        newline = "\r\n" if "\r\n" in text else "\n"
        rows = [f"if(NOT DEFINED ENV{{{variable}}})", *rows, "endif()"]
        wrapped = f"{newline}{before}".join(rows)
        return applied(text, [Edit(command.start, command.end, wrapped)])
    return None


def _without_archs(text: str, command: Command) -> str | None:
    """The command less the flags that choose architectures; None when they are not plain text."""
    if not command.arguments or command.name not in _TAKES_FLAGS:
        return None
    first, last = command.arguments[0], command.arguments[-1]
    raw = text[first.start : last.end]
    rest = without(raw) if "#" not in raw else None
    if rest is None or re.search(r"CMAKE_CUDA_ARCHITECTURES\s+\"?OFF", text):
        return None
    if command.name == "set" and f"${{{first.text}}}" not in raw:
        return None  # it may throw away what another has added to the flags
    return text[command.start : first.start] + rest + text[last.end : command.end]


def _only_archs(command: Command) -> bool:
    words = command.words
    if command.name == "set":
        return words[:1] == ["CMAKE_CUDA_ARCHITECTURES"]
    if command.name == "set_target_properties" and "PROPERTIES" in words:
        return words[words.index("PROPERTIES") + 1 :][:-1] == ["CUDA_ARCHITECTURES"]
    return command.name == "set_property" and "CUDA_ARCHITECTURES" in words


def follow_torch_abi(text: str, lines: Collection[int]) -> str | None:
    """_GLIBCXX_USE_CXX11_ABI=0 on these lines becomes the installed torch's value."""
    edits: list[Edit] = []
    first: Command | None = None
    for command in commands(text):
        if command.name in ("message", "execute_process", "if", "elseif"):
            continue
        for argument in command.arguments:
            raw = text[argument.start : argument.end]
            for found in re.finditer(rf"(?<={ABI}=)[01](?!\w)", raw):
                if argument.line + raw[: found.start()].count("\n") not in lines:
                    continue
                if raw.startswith("["):
                    return None  # nothing is expanded in a bracket argument
                start = argument.start + found.start()
                edits.append(Edit(start, start + 1, "${TORCH_CXX11_ABI}"))
                first = first or command
    if first is None:
        return None
    if not any(
        c.name == "if" and c.words == ["NOT", "DEFINED", "TORCH_CXX11_ABI"] for c in commands(text)
    ):
        edits.append(_reading(text, first))
    return applied(text, edits)


def pass_torch_abi(text: str) -> str | None:
    """Passes the installed torch's value on as the macro TORCH_CXX11_ABI, from the first command
    after project() on."""
    if "TORCH_CXX11_ABI=" in text:
        return None
    found = commands(text)
    project = next((n for n, c in enumerate(found) if c.name == "project"), -1)
    if project + 1 >= len(found):
        return None
    reading = _reading(text, found[project + 1])
    newline = "\r\n" if "\r\n" in text else "\n"
    line = f"add_definitions(-DTORCH_CXX11_ABI=${{TORCH_CXX11_ABI}}){newline}"
    return applied(text, [Edit(reading.start, reading.end, reading.text + line)])


def _reading(text: str, command: Command, rows: str = _READ_ABI) -> Edit:
    start = text.rfind("\n", 0, command.start) + 1
    indent = text[start : command.start]
    indent = indent if not indent.strip() else ""
    newline = "\r\n" if "\r\n" in text else "\n"
    block = "".join(f"{indent}{row}{newline}" for row in rows.splitlines())
    return Edit(start, start, block)


_VARIABLES = ("CMAKE_CXX_STANDARD", "CMAKE_CUDA_STANDARD")
_BLOCKS = ("if", "foreach", "while", "function", "macro", "block")


def raise_standard(
    text: str,
    lines: Collection[int],
    needs: int,
    release: str,
    unset: Collection[str] = (),
    ask: bool = False,
    finder: str | None = None,
) -> str | None:
    """What asks for an older C++ than `needs` on these lines asks for that with newer torch releases.

    unset: variables that are set for those; ask: Python for torch's version; finder: another file that
    finds torch. Where this one neither does nor includes that, the commands stand as if torch were
    found before. None where a command's form is not known.
    """
    found = commands(text)
    torch = next((c for c in found if _finds_torch(c, finder)), None)
    if (torch is None and unset) or (torch and not _alone(text, torch)):
        return None
    lines = _with_variables(found, lines)
    edits: list[Edit] = []
    later = [f"set({name} {needs})" for name in unset]  # what is said once torch is found
    for command in found:
        if not any(row.line in lines and row.value < needs for row in standards(command)):
            continue
        if torch and command.start < torch.start:
            more = _once_found(command, needs)
            if more is None:
                return None
            later += more
            continue
        if not _alone(text, command):
            return None
        if torch is None and ask and not edits:
            edits.append(_reading(text, _outermost(found, command), _READ_VERSION))
        body = text[command.start : command.end]
        rows = [f"  {_raised(text, command, needs)}", "else()", f"  {body}"]
        newer = _block(text, command, _if_torch(release, rows))
        edits.append(Edit(command.start, command.end, newer))
    below = _READ_VERSION.splitlines() if ask and (edits or later) else []
    if later:
        below += _if_torch(release, [f"  {row}" for row in dict.fromkeys(later)])
    if torch and below:
        edits.append(_below(text, torch, below))
    return applied(text, edits) if edits else None


def _outermost(found: Sequence[Command], command: Command) -> Command:
    """The command, or the one that opens the outermost block around it."""
    depth, opener = 0, command
    for each in found:
        if each is command:
            break
        if each.name in _BLOCKS:
            opener, depth = (opener if depth else each), depth + 1
        depth -= each.name.removeprefix("end") in _BLOCKS and each.name not in _BLOCKS
    return opener if depth else command


def _finds_torch(command: Command, finder: str | None) -> bool:
    if command.name == "include" and finder and command.words:
        return PurePosixPath(command.words[0]).stem == PurePosixPath(finder).stem
    return command.name == "find_package" and command.words[:1] == ["Torch"]


def _with_variables(found: Sequence[Command], lines: Collection[int]) -> set[int]:
    """These lines, and those that set a variable which a command on one of them takes its value from."""
    words = " ".join(word for c in found if c.line in lines for word in c.words)
    names = set(re.findall(r"\$\{(\w+)\}", words))
    return {*lines, *(c.line for c in found if c.name == "set" and names.intersection(c.words[:1]))}


def _alone(text: str, command: Command) -> bool:
    """Whether nothing but a comment shares its lines."""
    before = text[text.rfind("\n", 0, command.start) + 1 : command.start]
    after = text[command.end : text.find("\n", command.end) % (len(text) + 1)]
    return not before.strip() and not after.split("#")[0].strip()


def _if_torch(release: str, rows: list[str]) -> list[str]:
    return [f"if(Torch_VERSION VERSION_GREATER_EQUAL {release})", *rows, "endif()"]


def _block(text: str, command: Command, rows: list[str]) -> str:
    """Lines that are indented and end as a command's do."""
    indent = text[text.rfind("\n", 0, command.start) + 1 : command.start]
    newline = "\r\n" if "\r\n" in text else "\n"
    return f"{newline}{indent}".join(rows)


def _below(text: str, command: Command, rows: list[str]) -> Edit:
    end = text.find("\n", command.end) % (len(text) + 1)
    end -= text[end - 1 : end] == "\r"
    return Edit(end, end, _block(text, command, ["", *rows]))


def _once_found(command: Command, needs: int) -> list[str] | None:
    """The commands that raise what one before find_package(Torch) has set."""
    words = command.words
    if command.name != "set" or not words:
        return None
    if words[0] in _VARIABLES:
        both = _VARIABLES if words[0] == _VARIABLES[0] else _VARIABLES[1:]
        return [f"set({name} {needs})" for name in both]
    named = [flag for word in words[1:] for _, _, flag, value in flags(word) if value < needs]
    return [
        f'string(REPLACE "{flag}" "{_newer(flag, needs)}" {words[0]} "${{{words[0]}}}")'
        for flag in named
    ]


def _newer(flag: str, needs: int) -> str:
    return re.sub(r"\+\+\w+", f"++{needs}", flag)


def _raised(text: str, command: Command, needs: int) -> str:
    """The command with every older standard in it raised."""
    parts: list[Edit] = []
    for argument, value in zip(command.arguments, command.arguments[1:], strict=False):
        if (
            re.fullmatch(r"(?:CMAKE_)?(?:CXX|CUDA)_STANDARD", argument.text)
            and value.text.isdecimal()
        ):
            parts.append(Edit(value.start, value.end, str(max(needs, int(value.text) % 90))))
    for argument in command.arguments:
        raw = text[argument.start : argument.end]
        if feature := re.fullmatch(r"(cxx|cuda)_std_(\d\d)", argument.text):
            parts.append(Edit(argument.start, argument.end, f"{feature[1]}_std_{needs}"))
        for start, end, flag, year in flags(raw):
            if year < needs:
                low = argument.start + start
                parts.append(Edit(low, argument.start + end, _newer(flag, needs)))
    moved = [Edit(e.start - command.start, e.end - command.start, e.text) for e in parts]
    return applied(text[command.start : command.end], moved)


def shell_default(text: str, line: int, name: str) -> str | None:
    """NAME=value gives way to a NAME that is set already: NAME="${NAME:-value}"."""
    for command in _simple(text):
        for start, end, value in _settings(command, name, line):
            if value is None or re.search(r"[\"`}\\$]", value) or not value:
                return None
            if not re.match(rf"{name}=(?!\()", text[start:end]):
                continue
            changed = f'{name}="${{{name}:-{value}}}"'
            return applied(text, [Edit(start, end, changed)])
    return None


def _settings(command: Simple, name: str, line: int) -> Iterable[tuple[int, int, str | None]]:
    """Where a command sets a variable on a line, and to what; None: to no plain text."""
    for each in command.assignments if command.line == line else ():
        if each.name == name and each.key is None and not each.appends:
            yield each.start, each.end, each.value.fixed if isinstance(each.value, Word) else None
    for word in command.words:
        if line not in (command.line, getattr(word, "line", 0)):
            continue
        if isinstance(word, Word) and (word.fixed or "").startswith(f"{name}="):
            yield word.start, word.end, (word.fixed or "").partition("=")[2]


def _simple(text: str) -> list[Simple]:
    """The simple commands of a script, and of what it has in $(…)."""
    found, stack = list[Simple](), [parse(text)]
    while stack:
        each: object = stack.pop()
        if isinstance(each, Simple):
            found.append(each)
        if isinstance(each, tuple):
            stack += reversed(each)
    return found


def without_isolation(text: str, lines: Collection[int]) -> str | None:
    """`pip install` on these lines gets --no-build-isolation; None where one is not found."""
    found: list[Edit] = []
    for command in _simple(text) if lines else ():
        words = [word for word in command.words if isinstance(word, Word)]
        spelled = [word.fixed if word.fixed is not None else "?" for word in words]
        if command.line in lines and installer(spelled) is not None:
            end = words[spelled.index("install")].end
            found.append(Edit(end, end, " --no-build-isolation"))
    return applied(text, found) if len(found) >= len(set(lines)) > 0 else None


_PIP = re.compile(r"(?<![\w.-])(?:pip3?|uv[ \t]+pip)[ \t]+install(?=\s)")


def without_isolation_in_image(text: str, lines: Collection[int]) -> str | None:
    """The same of a Dockerfile, where the line that a command begins on calls pip once."""
    rows = text.split("\n")
    for line in set(lines):
        calls = _PIP.findall(rows[line - 1])
        if len(calls) != 1:
            return None
        rows[line - 1] = _PIP.sub(lambda m: f"{m[0]} --no-build-isolation", rows[line - 1])
    return "\n".join(rows)


def shell_abi(text: str, lines: Collection[int]) -> str | None:
    """-D_GLIBCXX_USE_CXX11_ABI=0 in commands asks the torch of `python` instead."""
    asking = "$(python -c 'import torch; print(int(torch._C._GLIBCXX_USE_CXX11_ABI))')"
    edits = []
    for command in _simple(text):
        words = (*command.assignments, *command.words) if command.line in lines else ()
        for word in words:
            raw = text[word.start : word.end]
            for found in re.finditer(rf"(?<={ABI}=)[01](?!\w)", raw):
                if "'" in raw:
                    return None
                start = word.start + found.start()
                edits.append(Edit(start, start + 1, asking))
    return applied(text, edits) if edits else None
