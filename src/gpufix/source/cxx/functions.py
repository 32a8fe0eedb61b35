"""Functions and kernels of a source with the spans of their bodies, and kernel launches."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

from gpufix.frozen import Frozen
from gpufix.source.cxx.code import CxxCode

_DEVICE = re.compile(r"__(global|device)__(?!\w)")
_NAME = re.compile(r"(\w+)\s*(?:<[^<>();{}]*>)?\s*\(")
_ATTRIBUTES = {"__launch_bounds__", "__attribute__", "__cluster_dims__", "__align__", "alignas"}
_OPENER = re.compile(r"<<\s*<(?!=)")
_KERNEL = re.compile(r"([A-Za-z_]\w*)\s*(?:<[^;{}()]*>)?\s*$")
_BEFORE = 300  # characters in which a kernel's name and template arguments stand
_CLOSE = re.compile(r"[()]|>\s*>\s*>")
_LAUNCHES = 1_000  # of one file
_REACH = 4_000  # characters in which a declaration or a launch must end


class Function(Frozen):
    """A function with a body. Offsets; `body` excludes the braces."""

    name: str
    kernel: bool
    start: int
    parameters: tuple[int, int]
    body: tuple[int, int]


class Launch(Frozen):
    """A kernel launch: `opener` and `closer` are the spans of its chevrons."""

    name: str
    start: int
    opener: tuple[int, int]
    closer: tuple[int, int]
    arguments: tuple[int, int]  # inside the round brackets

    def split(self, text: str) -> bool:
        """Whether white space stands inside a chevron: no compiler but nvcc joins it."""
        parts = text[slice(*self.opener)], text[slice(*self.closer)]
        return parts != ("<<<", ">>>")


def device_functions(code: CxxCode) -> list[Function]:
    """Definitions marked `__global__` or `__device__`, in order."""
    found: list[Function] = []
    for match in _DEVICE.finditer(code.structure):
        if found and match.start() < found[-1].body[0]:
            continue  # __host__ __device__ and the like: seen already
        function = _definition(code, match)
        if function is not None:
            found.append(function)
    return found


def _definition(code: CxxCode, mark: re.Match[str]) -> Function | None:
    text, position = code.structure, mark.end()
    limit = position + _REACH
    while name := _NAME.search(text, position, limit):
        if any(c in text[position : name.start()] for c in ";{}="):
            return None
        opening = name.end() - 1
        closing = code.brackets.get(opening)
        if closing is None:
            return None
        if name[1] not in _ATTRIBUTES:
            break
        position = closing + 1
    else:
        return None
    after = re.compile(r"\s*(?:const|noexcept|\s)*(\{)").match(text, closing + 1)
    if after is None or (end := code.brackets.get(after.start(1))) is None:
        return None
    parameters = (opening + 1, closing)
    body = (after.start(1) + 1, end)
    return Function(name[1], mark[1] == "global", mark.start(), parameters, body)


def launches(code: CxxCode) -> Iterator[Launch]:
    """Every `kernel<<<...>>>(...)`, chevrons joined or not."""
    for match in islice(_OPENER.finditer(code.structure), _LAUNCHES):
        begin = max(0, match.start() - _BEFORE)
        kernel = _KERNEL.search(code.structure[begin : match.start()])
        if kernel and kernel[1] != "operator":
            launch = _launch(code, match, kernel[1], begin + kernel.start())
            if launch:
                yield launch


def _launch(code: CxxCode, match: re.Match[str], name: str, start: int) -> Launch | None:
    text, position = code.structure, match.end()
    limit = position + _REACH
    while found := _CLOSE.search(text, position, limit):
        if found[0] == "(":
            closing = code.brackets.get(found.start())
            if closing is None:
                return None
            position = closing + 1
        elif found[0] == ")":
            return None
        else:
            bracket = re.compile(r"\s*\(").match(text, found.end())
            if bracket is None:
                position = found.start() + 1
                continue
            opening = bracket.end() - 1
            if opening not in code.brackets:
                return None
            arguments = (opening + 1, code.brackets[opening])
            return Launch(name, start, match.span(), found.span(), arguments)
    return None


def arguments(code: CxxCode, span: tuple[int, int]) -> list[str]:
    """The comma-separated pieces inside a pair of brackets, stripped."""
    pieces, start, position = [], span[0], span[0]
    angle = 0
    for match in re.finditer(r"[,<>(){}\[\]]", code.structure[span[0] : span[1]]):
        offset = span[0] + match.start()
        if offset < position:
            continue
        if match[0] in "({[" and offset in code.brackets:
            position = code.brackets[offset]
        elif match[0] in "<>":
            angle = max(0, angle + (1 if match[0] == "<" else -1))
        elif match[0] == "," and not angle:
            pieces.append(code.structure[start:offset].strip())
            start = offset + 1
    last = code.structure[start : span[1]].strip()
    return [*pieces, last] if last or pieces else []
