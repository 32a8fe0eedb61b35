"""Edits of C++ sources: spans replaced, removed names with guards for old and new, a forced ABI."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from gpufix.knowledge import removed_apis
from gpufix.source.cxx.code import CxxCode, Directive, Guards
from gpufix.source.edits import Edit

Live = Callable[[Guards], bool]


def apply(text: str, edits: Iterable[Edit]) -> str:
    """The text after the edits; of overlapping ones the first counts."""
    pieces, position = [], 0
    for edit in sorted(set(edits)):
        if edit.start < position:
            continue
        pieces += [text[position : edit.start], edit.text]
        position = edit.end
    return "".join([*pieces, text[position:]])


def newline(text: str) -> str:
    """The line ending of most lines."""
    crlf = text.count("\r\n")
    return "\r\n" if crlf and 2 * crlf >= text.count("\n") else "\n"


def include(code: CxxCode, line: str) -> list[Edit]:
    """Insert an `#include` before the first unconditional one, else below the include guard."""
    if _has(code, line):
        return []
    end = newline(code.text)
    first = next((d for d, _, _ in code.includes if not _guards(code, d)), None)
    if first is not None:
        begin = _line_start(code, first.start)
        return [Edit(begin, begin, line + end)]
    return [_below_guard(code, line)]


def below_includes(code: CxxCode, lines: str, before: int) -> list[Edit]:
    """Insert lines below the last unconditional `#include` that stands above an offset."""
    if not lines or lines in code.text:
        return []
    end = newline(code.text)
    last = None
    for directive, _, _ in code.includes:
        if directive.end <= before and not _guards(code, directive):
            last = directive
    if last is None:
        return [_below_guard(code, lines)]
    at = _next_line(code, last.end)
    lead = end if at == len(code.text) and not code.text.endswith("\n") else ""
    return [Edit(at, at, lead + lines.replace("\n", end) + end)]


def _below_guard(code: CxxCode, lines: str) -> Edit:
    end = newline(code.text)
    at = 1 if code.text.startswith("\ufeff") else 0
    first = code.directives[:2]
    if first and first[0].name == "pragma" and first[0].text == "once":
        at = _next_line(code, first[0].end)
    elif len(first) == 2 and first[1].name == "define" and not _guards(code, first[1]):
        at = _next_line(code, first[1].end)
    return Edit(at, at, lines.replace("\n", end) + end)


def _has(code: CxxCode, line: str) -> bool:
    wanted = re.sub(r"\s", "", line)
    return any(
        re.sub(r"\s", "", code.text[d.start : d.end]).startswith(wanted)
        for d, _, _ in code.includes
        if not _guards(code, d)
    )


def _guards(code: CxxCode, directive: Directive) -> Guards:
    return code.conditions.at(directive.start)


def _line_start(code: CxxCode, offset: int) -> int:
    start = code.text.rfind("\n", 0, offset) + 1
    return 1 if start == 0 and code.text.startswith("\ufeff") else start


def _next_line(code: CxxCode, offset: int) -> int:
    end = code.text.find("\n", offset)
    return len(code.text) if end < 0 else end + 1


def replaced(code: CxxCode, pattern: str, text: str, live: Live) -> list[Edit]:
    """Put `text` for the first group of each match in code that is compiled."""
    return [
        Edit(m.start(1), m.end(1), text)
        for m in re.finditer(pattern, code.masked)
        if live(code.conditions.at(m.start(1)))
    ]


_PROPERTY = "cudaDeviceProp::"
_SIMPLE = re.compile(r"\w+")
_HELPER = """static inline int gpufix_device_attribute(cudaDeviceAttr attribute, int device)
{
    int value = 0;
    cudaDeviceGetAttribute(&value, attribute, device);
    return value;
}"""


def edits(code: CxxCode, names: list[str], live: Live) -> list[Edit] | None:
    """What takes each of `names` (of cuda_api) out of use; None = one of them has no equal."""
    found: list[Edit] = []
    functors = [n for n in names if n.startswith("cub::") and _now(n)]
    if functors:
        found += _functors(code, functors, live)
    for name in names:
        if name in functors:
            continue
        if name.startswith(_PROPERTY):
            more = _property(code, name.removeprefix(_PROPERTY), live)
        else:
            row = removed_apis.removed().get(name)
            now = _now(name)
            more = replaced(code, row.pattern, now, live) if row and row.pattern and now else None
        if not more:
            return None
        found += more
    return found


def _now(name: str) -> str:
    row = removed_apis.removed().get(name)
    return row.now if row else ""


def _functors(code: CxxCode, names: list[str], live: Live) -> list[Edit]:
    """One macro for each, that is the old name up to CUDA 12 and the new one from 13 on."""
    found: list[Edit] = []
    for name in names:
        row = removed_apis.removed()[name]
        found += replaced(code, row.pattern, _macro(name), live)
    if not found:
        return []
    rows = [(_macro(name), name, _now(name)) for name in sorted(names)]
    block = "\n".join(
        [
            "#if defined(CUDART_VERSION) && CUDART_VERSION >= 13000",
            "#include <cuda/functional>",
            "#include <cuda/std/functional>",
            *(f"#define {macro} {new}" for macro, _, new in rows),
            "#else",
            *(f"#define {macro} {old}" for macro, old, _ in rows),
            "#endif",
        ]
    )
    return found + below_includes(code, block, min(edit.start for edit in found))


def _macro(name: str) -> str:
    return f"GPUFIX_{name.replace('::', '_').upper()}"


def _property(code: CxxCode, field: str, live: Live) -> list[Edit] | None:
    """`prop.clockRate` becomes a question to the device that `prop` was filled from."""
    found: list[Edit] = []
    pattern = rf"(?<![\w.>])((\w+)\s*\.\s*{field})\b"
    for match in re.finditer(pattern, code.masked):
        if not live(code.conditions.at(match.start())):
            continue
        device = _filled_from(code, match[2], match.start())
        if device is None:
            return None
        call = f"gpufix_device_attribute({removed_apis.PROPERTIES[field]}, {device})"
        found.append(Edit(match.start(1), match.end(1), call))
    if not found:
        return None
    return found + below_includes(code, _HELPER, min(edit.start for edit in found))


def _filled_from(code: CxxCode, variable: str, offset: int) -> str | None:
    """The device that cudaGetDeviceProperties was asked about, in the same function."""
    body = next(
        ((o, c) for o, c in sorted(code.brackets.items()) if o < offset < c and _is_body(code, o)),
        None,
    )
    if body is None:
        return None
    call = rf"\bcudaGetDeviceProperties\s*\(\s*&\s*{re.escape(variable)}\s*,\s*(\w+)\s*\)"
    devices = set(re.findall(call, code.masked[body[0] : offset]))
    device = devices.pop() if len(devices) == 1 else ""
    return device if _SIMPLE.fullmatch(device) else None


def _is_body(code: CxxCode, opening: int) -> bool:
    """Whether a brace follows a round bracket: a function's, not a namespace's."""
    return code.structure[opening] == "{" and code.structure[:opening].rstrip().endswith(")")


HEADER = "force_abi.h"
HEADER_TEXT = """\
// Include this before anything else. The build passes the C++ ABI of the installed torch on as
// TORCH_CXX11_ABI, 0 or 1; it outranks any other definition of _GLIBCXX_USE_CXX11_ABI.
#pragma once

#if defined(TORCH_CXX11_ABI)
#undef _GLIBCXX_USE_CXX11_ABI
#define _GLIBCXX_USE_CXX11_ABI TORCH_CXX11_ABI
#endif
"""
_SUFFIXES = (".cpp", ".cc", ".cxx")


def takes_header(path: str) -> bool:
    """Whether the header works in a source: nvcc reads libstdc++ before a .cu's first line."""
    return path.endswith(_SUFFIXES)


def inject(code: CxxCode) -> list[Edit]:
    """Includes the header first; nothing when it stands there already."""
    if is_first(code):
        return []
    at = 1 if code.text.startswith("\ufeff") else 0
    return [Edit(at, at, f'#include "{HEADER}"{newline(code.text)}')]


def is_first(code: CxxCode) -> bool:
    """Whether the first include of a source is the header."""
    included = code.includes
    return bool(included) and included[0][1] == HEADER
