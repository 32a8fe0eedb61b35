"""Edits of C++ sources: spans replaced, removed names with guards for old and new, a forced ABI."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from gpufix.knowledge import removed_apis
from gpufix.knowledge.removed_apis import Removed
from gpufix.source.cxx.code import CxxCode, Directive, Guards
from gpufix.source.cxx.used_names import uses
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


_SIMPLE = re.compile(r"\w+")
_HELPER = """static inline int gpufix_device_attribute(cudaDeviceAttr attribute, int device)
{
    int value = 0;
    cudaDeviceGetAttribute(&value, attribute, device);
    return value;
}"""


def edits(code: CxxCode, names: list[str], live: Live) -> list[Edit] | None:
    """What takes each of `names` (of removed_apis) out of use; None = one of them has no equal."""
    rows = [row for name in names if (row := removed_apis.removed().get(name))]
    if len(rows) != len(names):
        return None
    guarded = [row for row in rows if row.now]
    found = _guarded(code, guarded, live) if guarded else []
    for row in rows:
        more = found if row.now else _one(code, row, live)
        if not more:
            return None
        found += [edit for edit in more if edit not in found]
    return found


def _one(code: CxxCode, row: Removed, live: Live) -> list[Edit] | None:
    if row.attribute:
        return _property(code, row, live)
    if row.kind == "header":
        return _header(code, row, live)
    if not row.becomes:
        return None
    if row.kind == "field":
        return _renamed_field(code, row, live)
    found = _replaced(code, row, row.becomes, live)
    if found and row.helper:
        found += below_includes(code, row.helper, min(edit.start for edit in found))
    return found


def _replaced(code: CxxCode, row: Removed, text: str, live: Live) -> list[Edit]:
    """Put `text` for each use in code that is compiled."""
    pattern = re.compile(row.pattern)
    starts = {at for at in uses(code, row) if live(code.conditions.at(at))}
    spans = [m.span(1) for m in pattern.finditer(code.masked) if m.start(1) in starts]
    return [Edit(start, end, text) for start, end in spans]


def _header(code: CxxCode, row: Removed, live: Live) -> list[Edit] | None:
    """An include of another name, or one that only older releases see."""
    found: list[Edit] = []
    end = newline(code.text)
    for directive, name, _ in code.includes:
        if f"<{name}>" != row.name or not live(code.conditions.at(directive.start)):
            continue
        text = code.text[directive.start : directive.end]
        if row.becomes:
            new = text.replace(name, row.becomes, 1)
        elif row.wrap:
            new = f"#if !defined(CUDART_VERSION) || CUDART_VERSION < {_code(row.gone)}{end}{text}{end}#endif"
        else:
            return None
        found.append(Edit(directive.start, directive.end, new))
    return found


def _code(release: str) -> int:
    """13000 for 13.0."""
    major, minor = release.split(".")[:2]
    return int(major) * 1000 + int(minor) * 10


def _renamed_field(code: CxxCode, row: Removed, live: Live) -> list[Edit]:
    structure, _, field = row.name.partition("::")
    declared = sorted(set(re.findall(rf"\b{structure}\b\s*[*&]?\s*(\w+)", code.masked)))
    names = "|".join(map(re.escape, declared)) or "(?!)"
    pattern = rf"(?<![\w.>])(?:{names})\s*(?:\.|->)\s*({field})\b"
    return replaced(code, pattern, row.becomes, live)


def _guarded(code: CxxCode, rows: list[Removed], live: Live) -> list[Edit]:
    """One macro for each, that is the old name up to a release and the new one from it on."""
    found: list[Edit] = []
    for row in rows:
        found += _replaced(code, row, _macro(row.name), live)
    if not found:
        return []
    ordered = sorted(rows, key=lambda row: row.name)
    block = "\n".join(
        [
            f"#if defined(CUDART_VERSION) && CUDART_VERSION >= {_code(ordered[0].gone)}",
            *dict.fromkeys(f"#include <{name}>" for row in ordered for name in row.includes),
            *(f"#define {_macro(row.name)} {row.now}" for row in ordered),
            "#else",
            *(f"#define {_macro(row.name)} {row.name}" for row in ordered),
            "#endif",
        ]
    )
    return found + below_includes(code, block, min(edit.start for edit in found))


def _macro(name: str) -> str:
    return f"GPUFIX_{name.replace('::', '_').upper()}"


def _property(code: CxxCode, row: Removed, live: Live) -> list[Edit] | None:
    """`prop.clockRate` becomes a question to the device that `prop` was filled from."""
    field = row.name.rpartition("::")[2]
    found: list[Edit] = []
    pattern = rf"(?<![\w.>])((\w+)\s*\.\s*{field})\b"
    for match in re.finditer(pattern, code.masked):
        if not live(code.conditions.at(match.start())):
            continue
        device = _filled_from(code, match[2], match.start())
        if device is None:
            return None
        call = f"gpufix_device_attribute({row.attribute}, {device})"
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
