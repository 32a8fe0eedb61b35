"""What the rules ask of one C++, CUDA or HIP file, as a JSON value."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from typing import Any

from gpufix.knowledge import cuda_api, hip_api, std_includes
from gpufix.source import cxx_barriers, cxx_fill, cxx_hip
from gpufix.source.cxx_code import Code
from gpufix.source.cxx_directives import Guards
from gpufix.source.text import decode

_INCLUDE = re.compile(rb"#[ \t]*include[ \t]*([<\"])([^>\"\n]{1,200})[>\"]")
_WORDS = tuple(
    word.encode()
    for word in {
        *(row.trigger for row in cuda_api.removed().values() if row.pattern),
        *cuda_api.PROPERTIES,
        *(row.trigger for row in hip_api.CONSTRUCTS.values() if row.pattern),
        *(word for need in std_includes.NEEDS for word in need.triggers),
        "asm",
        "<<",
        "__syncthreads",
    }
)
_BEFORE = re.compile(r"(?<![\w.>:])((?:(?:std\s*)?::\s*)?u?)$")
_GUARDED = (b"#if", b"# if", b"#  if", b"#\tif")
_INCLUDES = 5_000  # of one file
_PLACES = 12  # of one name under one condition

Place = tuple[str, int, Guards]  # name, line, conditions


def describe(data: bytes) -> dict[str, Any]:
    """`includes`, and what else there is; keys without content are left out.

    | key | value |
    | --- | --- |
    | includes | [name, quoted, line, guards] in order |
    | needs | header -> [name, line, guards] of names that it declares |
    | removed | [row of cuda_api, line, guards] |
    | hip | [construct, line, guards, detail] |
    | shims | constructs of `hip` for which a macro is defined here |
    | barriers | [what, line, guards, condition, its line] |
    | fills, counts | see cxx_fill |
    | macros | name -> body of object-like macros defined here |

    Raises NotText for binary files.
    """
    words = any(word in data for word in _WORDS)
    plain = not words and not any(word in data for word in _GUARDED) and b"\0" not in data[:8192]
    if plain:
        return includes_alone(data)
    code = Code(decode(data).text)
    at = code.conditions.at
    found: dict[str, Any] = {
        "includes": [
            [name, quoted, code.line(line.start), list(at(line.start))]
            for line, name, quoted in code.includes()[:_INCLUDES]
        ]
    }
    if words:
        found["needs"] = {n.header: rows for n in std_includes.NEEDS if (rows := _needs(code, n))}
        found["removed"] = [*_rows(code), *_properties(code)]
        found["hip"] = cxx_hip.constructs(code)
        found["shims"] = sorted(code.definitions().keys() & hip_api.CONSTRUCTS.keys())
        found["barriers"] = cxx_barriers.divergent(code)
        found["fills"] = cxx_fill.fills(code)
        found["counts"] = cxx_fill.counts(code)
    found["macros"] = _macros(code, found)
    return {key: value for key, value in found.items() if value}


def includes_alone(data: bytes) -> dict[str, Any]:
    """`includes` of `describe`, as if nothing stood under a condition."""
    rows: list[list[Any]] = []
    line, position = 1, 0
    for match in islice(_INCLUDE.finditer(data), _INCLUDES):
        line += data.count(b"\n", position, match.start())
        position = match.start()
        rows.append([match[2].decode("utf-8", "replace").strip(), match[1] == b'"', line, []])
    return {"includes": rows} if rows else {}


def _needs(code: Code, need: std_includes.Need) -> list[list[Any]]:
    if not any(word in code.text for word in need.triggers):
        return []
    # From there on the names are declared, or may be.
    text = _live_text(code, min(_bringing(code, need), default=len(code.text)))
    spans = (_whole(text, match) for match in re.finditer(need.pattern, text))
    found = _places(code, (span for span in spans if span and need.names(span[0])))
    own = {name for name in {row[0] for row in found} if _declares(code, name)}
    return [row for row in found if row[0] not in own]


def _whole(text: str, match: re.Match[str]) -> tuple[str, int] | None:
    """A name with what stands before it: the unsigned "u" and the qualifier; None = another's."""
    before = _BEFORE.search(text, max(0, match.start() - 24), match.start())
    if before is None:
        return None
    return re.sub(r"\s", "", before[1]) + match[0], before.start(1)


def _bringing(code: Code, need: std_includes.Need) -> Iterator[int]:
    """Where a header is included for certain that is not known to leave the names out."""
    for line, name, quoted in code.includes():
        if not quoted and name not in need.silent and not code.conditions.at(line.start):
            yield line.start


def _live_text(code: Code, end: int) -> str:
    """Masked, without the names of #include lines; macro bodies stay."""
    return re.sub(
        r"(?m)^[ \t]*#[ \t]*(?:include|if|ifdef|ifndef|elif|undef|pragma|error)\b[^\n]*",
        lambda m: " " * len(m[0]),
        code.masked[:end],
    )


def _declares(code: Code, name: str) -> bool:
    """Whether the file declares the name itself."""
    plain = re.escape(name.rpartition("::")[2])
    pattern = rf"\btypedef\b[^;{{}}]*\b{plain}\s*;|\busing\s+{plain}\s*=|#\s*define\s+{plain}\b"
    return re.search(pattern, code.masked) is not None


def _rows(code: Code) -> Iterator[list[Any]]:
    for row in cuda_api.removed().values():
        if row.pattern and row.trigger in code.text:
            spans = re.finditer(row.pattern, code.masked)
            yield from _places(code, ((row.name, m.start(1)) for m in spans))


def _properties(code: Code) -> list[list[Any]]:
    """Uses of removed fields on variables declared as cudaDeviceProp in the same file."""
    fields = [field for field in cuda_api.PROPERTIES if field in code.text]
    if not fields or "cudaDeviceProp" not in code.text:
        return []
    declared = re.findall(r"\bcudaDeviceProp\b\s*[*&]?\s*(\w+)", code.masked)
    if not declared:
        return []
    names = "|".join(map(re.escape, sorted(set(declared))))
    pattern = rf"(?<![\w.>])(?:{names})\s*(?:\.|->)\s*({'|'.join(fields)})\b"
    spans = re.finditer(pattern, code.masked)
    return list(_places(code, ((f"cudaDeviceProp::{m[1]}", m.start(1)) for m in spans)))


def _places(code: Code, spans: Iterator[tuple[str, int]]) -> list[list[Any]]:
    found: list[list[Any]] = []
    seen: dict[tuple[str, Guards], int] = {}
    for name, offset in spans:
        guards = code.conditions.at(offset)
        seen[name, guards] = seen.get((name, guards), 0) + 1
        if seen[name, guards] <= _PLACES:
            found.append([name, code.line(offset), list(guards)])
    return found


def _macros(code: Code, found: dict[str, Any]) -> dict[str, str]:
    """The definitions that the recorded conditions mention."""
    said = set(re.findall(r"[A-Za-z_]\w*", " ".join(_guards(found))))
    definitions = code.definitions()
    for _ in range(8):
        more = {w for n in said & definitions.keys() for w in re.findall(r"\w+", definitions[n])}
        if more <= said:
            break
        said |= more
    return {name: body for name, body in definitions.items() if name in said}


def _guards(value: Any) -> Iterator[str]:
    """Every text below the lists and dicts: conditions are among them."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _guards(item)
    elif isinstance(value, list):
        for item in value:
            yield from _guards(item)
