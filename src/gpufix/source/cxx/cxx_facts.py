"""What the rules ask of one C++, CUDA or HIP file."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice

from gpufix.knowledge import hip_api
from gpufix.source.cxx import barriers, fill, hip, used_names
from gpufix.source.cxx.code import CxxCode
from gpufix.source.cxx.used_names import Opening
from gpufix.source.source_facts import CxxFacts, HipFacts, Include
from gpufix.source.source_text import UndecodableText, decode

_INCLUDE = re.compile(rb"#[ \t]*include[ \t]*([<\"])([^>\"\n]{1,200})[>\"]")
_NAMED = re.compile(rb"#[ \t]*include(?:_next)?[ \t]*[<\"]([^>\"\n]+)[>\"]")
_ANGLED = re.compile(rb"#[ \t]*include[ \t]*<([^>\"\n]+)>")
_INCLUDES = 5_000  # of one file
_INDENT = 80  # between "#" and "include"; what stands farther right is taken for one
_WORD = re.compile(r"[A-Za-z_]\w*")
_DEFINED = re.compile(r"#[ \t]*define[ \t]+(\w+)")
# Each reader stands beside the test whether it has anything to read: most files are not lexed, and not
# even decoded.
_Reader = Callable[[CxxFacts, CxxCode], CxxFacts]
_READERS: list[tuple[Callable[[bytes], bool], _Reader]] = [
    (
        used_names.concerns,
        lambda facts, code: replace(
            facts, removed=used_names.removed(code), own=used_names.own(code)
        ),
    ),
    (barriers.concerns, lambda facts, code: replace(facts, barriers=barriers.divergent(code))),
]
_COUNTING: tuple[Callable[[bytes], bool], _Reader] = (
    fill.concerns,
    lambda facts, code: replace(facts, fills=fill.fills(code), counts=fill.counts(code)),
)


def more(data: bytes, *, counting: bool = True) -> CxxFacts | None:
    """What a file holds besides includes and names that lack one; None: nothing. Raises UndecodableText.

    counting: whether how it counts and fills is of interest, which only matters beside a scan.
    """
    if data.find(b"\0", 0, 8192) >= 0:
        raise UndecodableText("binary, not text")
    readers = _concerned(data, counting)
    facts = _read(CxxCode(decode(data).text), CxxFacts(), readers) if readers else CxxFacts()
    return facts if any(vars(facts).values()) else None


def included(data: bytes) -> tuple[str, ...]:
    """The names on the include lines of a file, those in comments too."""
    return tuple({name.decode("utf-8", "replace").strip(): 0 for name in _NAMED.findall(data)})


_FIRST = re.compile(rb"#[ \t]*(?!pragma[ \t]+once)")
_OPENING = re.compile(
    rb"(?:[ \t]*(?:#[ \t]*include[ \t]*[<\"][^>\"\n]+[>\"][ \t]*|//[^\n\\\r]*)?\r?\n)+"
)


def opening(data: bytes) -> Opening | None:
    """The includes with which a file begins for certain: no directive and no open comment is before them."""
    if (first := _FIRST.search(data)) is None:
        return None
    start = data.rfind(b"\n", 0, first.start()) + 1
    block = _OPENING.match(data, start)
    before = data[:start]
    if block is None or b'"' in before or before.endswith((b"\\\n", b"\\\r\n")):
        return None
    closed = before.rfind(b"/*") <= before.rfind(b"*/")
    if not closed or before.count(b"/*") != before.count(b"*/"):
        return None
    angled = (name.decode("utf-8", "replace").strip() for name in _ANGLED.findall(block[0]))
    return Opening(included(block[0]), frozenset(angled), block.end())


def describe(data: bytes) -> CxxFacts:
    """Facts of one file. Raises UndecodableText for binary files."""
    text = decode(data).text
    readers = _concerned(data)
    if not readers and not used_names.may_need(data):
        return _of_includes(text)
    code = CxxCode(text)
    facts = CxxFacts(includes=_includes(code), needs=used_names.needs(code))
    return _read(code, facts, readers)


def with_includes(data: bytes, told: CxxFacts | None, needing: bool) -> CxxFacts:
    """Facts of one file of which the others are known: what `more` told, and whether it may need a header."""
    text = decode(data).text
    if told is None and not needing:
        return _of_includes(text)
    code = CxxCode(text)
    needs = used_names.needs(code) if needing else {}
    return _read(code, replace(told or CxxFacts(), includes=_includes(code), needs=needs), [])


def _concerned(data: bytes, counting: bool = True) -> list[_Reader]:
    rows = [*_READERS, _COUNTING] if counting else _READERS
    return [read for concerns, read in rows if concerns(data)]


def _read(code: CxxCode, facts: CxxFacts, readers: list[_Reader]) -> CxxFacts:
    for read in readers:
        facts = read(facts, code)
    told = any(vars(facts).values())
    return replace(facts, macros=_macros(code, facts)) if told and code.definitions else facts


def _includes(code: CxxCode) -> tuple[Include, ...]:
    at = code.conditions.at
    return tuple(
        Include(name, quoted, code.line(line.start), at(line.start))
        for line, name, quoted in code.includes[:_INCLUDES]
    )


def _of_includes(text: str) -> CxxFacts:
    """The facts of a file that holds nothing else."""
    if (found := _head_alone(text)) is not None:
        return found
    code = CxxCode(text)
    return _read(code, CxxFacts(includes=_includes(code)), [])


def _head_alone(text: str) -> CxxFacts | None:
    """The facts of a file that has includes only: what is behind them is not read.

    None where more may be told, or where a macro that decides about one is defined behind them.
    """
    end = _behind_includes(text)
    if text.rfind("/*", 0, end) > text.rfind("*/", 0, end):
        return None
    head = CxxCode(text[:end])
    facts = CxxFacts(includes=_includes(head))
    if not any(row.guards for row in facts.includes):
        return facts
    macros = _macros(head, facts)
    guards = " ".join(text for row in facts.includes for text in row.guards)
    named = set(_WORD.findall(" ".join([guards, *macros.values()])))
    if not named.isdisjoint(_DEFINED.findall(text, end)):
        return None
    return replace(facts, macros=macros)


def _behind_includes(text: str) -> int:
    """Where the line of the last include ends."""
    at = len(text)
    while (at := text.rfind("include", 0, at)) > 0:
        before = text[max(0, at - _INDENT) : at].rstrip(" \t")
        if before.endswith("#") or (not before and at > _INDENT):
            end = text.find("\n", at)
            return len(text) if end < 0 else end + 1
    return 0


def describe_hip(data: bytes) -> HipFacts:
    """What a HIP build meets. Raises UndecodableText for binary files."""
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
    words = set(_WORD.findall(" ".join(_texts(facts))))
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
