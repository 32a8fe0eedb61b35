"""What the rules ask of one C++, CUDA or HIP file, as a JSON value."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from gpufix.knowledge import hip_api
from gpufix.source.cxx import barriers, fill, hip, used_names
from gpufix.source.cxx.code import Code
from gpufix.source.source_text import decode

_INCLUDE = re.compile(rb"#[ \t]*include[ \t]*([<\"])([^>\"\n]{1,200})[>\"]")
_INCLUDES = 5_000  # of one file
# Each reader stands beside the test whether it has anything to read: most files are not lexed.
_Readers = dict[str, Callable[[Code], Any]]
_READERS: list[tuple[Callable[[str], bool], _Readers]] = [
    (used_names.concerns, {"removed": used_names.removed}),
    (barriers.concerns, {"barriers": barriers.divergent}),
    (fill.concerns, {"fills": fill.fills, "counts": fill.counts}),
]


def describe(data: bytes) -> dict[str, Any]:
    """`includes`, and what else there is; keys without content are left out.

    | key | value |
    | --- | --- |
    | includes | [name, quoted, line, guards] in order |
    | needs | header -> [name, line, guards] of names that it declares |
    | removed | [row of cuda_api, line, guards] |
    | barriers | [what, line, guards, condition, its line] |
    | fills, counts | see cxx_fill |
    | macros | name -> body of object-like macros defined here |

    Raises NotText for binary files.
    """
    code = Code(decode(data).text)
    at = code.conditions.at
    found: dict[str, Any] = {
        "includes": [
            [name, quoted, code.line(line.start), list(at(line.start))]
            for line, name, quoted in code.includes[:_INCLUDES]
        ],
        "needs": used_names.needs(code),
    }
    for concerns, readers in _READERS:
        if concerns(code.text):
            found |= {key: read(code) for key, read in readers.items()}
    found["macros"] = _macros(code, found)
    return {key: value for key, value in found.items() if value}


def describe_hip(data: bytes) -> dict[str, Any]:
    """What a HIP build meets; keys without content are left out.

    | key | value |
    | --- | --- |
    | hip | [construct, line, guards, detail] |
    | shims | constructs of `hip` for which a macro is defined here |
    | macros | as in `describe`, and those that masks name |

    Raises NotText for binary files.
    """
    text = decode(data).text
    if not hip.concerns(text):
        return {}
    code = Code(text)
    found: dict[str, Any] = {
        "hip": hip.constructs(code),
        "shims": sorted(name for name in code.definitions if name in hip_api.CONSTRUCTS),
    }
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


def _macros(code: Code, found: dict[str, Any]) -> dict[str, str]:
    """The definitions that the recorded conditions mention."""
    definitions = code.definitions
    if not definitions:
        return {}
    said = set(re.findall(r"[A-Za-z_]\w*", " ".join(_guards(found))))
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
