"""What the rules ask of one C++, CUDA or HIP file."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice

from gpufix.knowledge import hip_api
from gpufix.source.cxx import barriers, fill, hip, used_names
from gpufix.source.cxx.code import CxxCode
from gpufix.source.source_facts import CxxFacts, HipFacts, Include
from gpufix.source.source_text import decode

_INCLUDE = re.compile(rb"#[ \t]*include[ \t]*([<\"])([^>\"\n]{1,200})[>\"]")
_INCLUDES = 5_000  # of one file
# Each reader stands beside the test whether it has anything to read: most files are not lexed.
_READERS: list[tuple[Callable[[str], bool], Callable[[CxxFacts, CxxCode], CxxFacts]]] = [
    (
        used_names.concerns,
        lambda facts, code: replace(
            facts, removed=used_names.removed(code), own=used_names.own(code)
        ),
    ),
    (barriers.concerns, lambda facts, code: replace(facts, barriers=barriers.divergent(code))),
    (
        fill.concerns,
        lambda facts, code: replace(facts, fills=fill.fills(code), counts=fill.counts(code)),
    ),
]


def describe(data: bytes) -> CxxFacts:
    """Facts of one file. Raises NotText for binary files."""
    code = CxxCode(decode(data).text)
    at = code.conditions.at
    includes = tuple(
        Include(name, quoted, code.line(line.start), at(line.start))
        for line, name, quoted in code.includes[:_INCLUDES]
    )
    facts = CxxFacts(includes=includes, needs=used_names.needs(code))
    for concerns, read in _READERS:
        if concerns(code.text):
            facts = read(facts, code)
    return replace(facts, macros=_macros(code, facts)) if code.definitions else facts


def describe_hip(data: bytes) -> HipFacts:
    """What a HIP build meets. Raises NotText for binary files."""
    text = decode(data).text
    if not hip.concerns(text):
        return HipFacts()
    code = CxxCode(text)
    own = {name for name in code.definitions if name in hip_api.CONSTRUCTS}
    shims = tuple(sorted(own | hip.own_functions(code)))
    facts = HipFacts(hip=hip.constructs(code), shims=shims)
    return replace(facts, macros=_macros(code, facts)) if code.definitions else facts


def includes_alone(data: bytes) -> CxxFacts:
    """The includes of a file, as if nothing stood under a condition."""
    rows: list[Include] = []
    line, position = 1, 0
    for match in islice(_INCLUDE.finditer(data), _INCLUDES):
        line += data.count(b"\n", position, match.start())
        position = match.start()
        name = match[2].decode("utf-8", "replace").strip()
        rows.append(Include(name, match[1] == b'"', line, ()))
    return CxxFacts(includes=tuple(rows))


def _macros(code: CxxCode, facts: CxxFacts | HipFacts) -> dict[str, str]:
    """The definitions that the recorded conditions mention."""
    definitions = code.definitions
    words = set(re.findall(r"[A-Za-z_]\w*", " ".join(_texts(facts))))
    for _ in range(8):
        more = {w for n in words & definitions.keys() for w in re.findall(r"\w+", definitions[n])}
        if more <= words:
            break
        words |= more
    return {name: body for name, body in definitions.items() if name in words}


def _texts(value: object) -> Iterator[str]:
    """Every text in the facts: conditions are among them."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from _texts(item)
    elif value is not None and not isinstance(value, int):  # a record
        yield from _texts(vars(value))
