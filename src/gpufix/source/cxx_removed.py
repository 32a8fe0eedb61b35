"""Replacements for removed CUDA and torch names that build on old and new releases alike."""

from __future__ import annotations

import re

from gpufix.knowledge import cuda_api
from gpufix.source.cxx_code import Code
from gpufix.source.cxx_edit import Edit, Live, below_includes, replaced

_PROPERTY = "cudaDeviceProp::"
_SIMPLE = re.compile(r"\w+")
_HELPER = """static inline int gpufix_device_attribute(cudaDeviceAttr attribute, int device)
{
    int value = 0;
    cudaDeviceGetAttribute(&value, attribute, device);
    return value;
}"""


def edits(code: Code, names: list[str], live: Live) -> list[Edit] | None:
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
            row = cuda_api.removed().get(name)
            now = _now(name)
            more = replaced(code, row.pattern, now, live) if row and row.pattern and now else None
        if not more:
            return None
        found += more
    return found


def _now(name: str) -> str:
    row = cuda_api.removed().get(name)
    return row.now if row else ""


def _functors(code: Code, names: list[str], live: Live) -> list[Edit]:
    """One macro for each, that is the old name up to CUDA 12 and the new one from 13 on."""
    found: list[Edit] = []
    for name in names:
        row = cuda_api.removed()[name]
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


def _property(code: Code, field: str, live: Live) -> list[Edit] | None:
    """`prop.clockRate` becomes a question to the device that `prop` was filled from."""
    found: list[Edit] = []
    pattern = rf"(?<![\w.>])((\w+)\s*\.\s*{field})\b"
    for match in re.finditer(pattern, code.masked):
        if not live(code.conditions.at(match.start())):
            continue
        device = _filled_from(code, match[2], match.start())
        if device is None:
            return None
        call = f"gpufix_device_attribute({cuda_api.PROPERTIES[field]}, {device})"
        found.append(Edit(match.start(1), match.end(1), call))
    if not found:
        return None
    return found + below_includes(code, _HELPER, min(edit.start for edit in found))


def _filled_from(code: Code, variable: str, offset: int) -> str | None:
    """The device that cudaGetDeviceProperties was asked about, in the same function."""
    body = next(
        ((o, c) for o, c in sorted(code.brackets.items()) if o < offset < c and _is_body(code, o)),
        None,
    )
    if body is None:
        return None
    call = rf"\bcudaGetDeviceProperties\s*\(\s*&\s*{re.escape(variable)}\s*,\s*(\w+)\s*\)"
    asked = set(re.findall(call, code.masked[body[0] : offset]))
    device = asked.pop() if len(asked) == 1 else ""
    return device if _SIMPLE.fullmatch(device) else None


def _is_body(code: Code, opening: int) -> bool:
    """Whether a brace follows a round bracket: a function's, not a namespace's."""
    return code.structure[opening] == "{" and code.structure[:opening].rstrip().endswith(")")
