"""Names that a source uses and that a release took away, or whose header it does not include."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from gpufix.knowledge import removed_apis
from gpufix.knowledge.std_includes import NEEDS, Need
from gpufix.source.cxx.code import CxxCode, Guards, mask
from gpufix.source.source_facts import NameUse
from gpufix.source.source_text import word_filter

_PLACES = 12  # of one name under one condition


def places(code: CxxCode, spans: Iterable[tuple[str, int]]) -> list[NameUse]:
    """The uses of (name, offset)."""
    found: list[NameUse] = []
    seen: dict[tuple[str, Guards], int] = {}
    for name, offset in spans:
        guards = code.conditions.at(offset)
        seen[name, guards] = seen.get((name, guards), 0) + 1
        if seen[name, guards] <= _PLACES:
            found.append(NameUse(name, code.line(offset), guards))
    return found


_PATTERNS = [
    (row.name, row.trigger, re.compile(row.pattern))
    for row in removed_apis.removed().values()
    if row.pattern
]
_HOLDS = word_filter({*(trigger for _, trigger, _ in _PATTERNS), "cudaDeviceProp"})
_DECLARED = re.compile(r"\bcudaDeviceProp\b\s*[*&]?\s*(\w+)")


def concerns(text: str) -> bool:
    """Whether a source may use one."""
    return _HOLDS(text)


def removed(code: CxxCode) -> tuple[NameUse, ...]:
    """Uses of names that are gone."""
    found: list[NameUse] = []
    for name, trigger, pattern in _PATTERNS:
        if trigger in code.text:
            found += places(code, ((name, m.start(1)) for m in pattern.finditer(code.masked)))
    return (*found, *_properties(code))


def _properties(code: CxxCode) -> list[NameUse]:
    """Uses of removed fields on variables declared as cudaDeviceProp in the same file."""
    if "cudaDeviceProp" not in code.text:
        return []
    fields = [field for field in removed_apis.PROPERTIES if field in code.text]
    declared = _DECLARED.findall(code.masked) if fields else []
    if not declared:
        return []
    names = "|".join(map(re.escape, sorted(set(declared))))
    pattern = rf"(?<![\w.>])(?:{names})\s*(?:\.|->)\s*({'|'.join(fields)})\b"
    return places(code, _spans(code, pattern))


def _spans(code: CxxCode, pattern: str) -> Iterator[tuple[str, int]]:
    for match in re.finditer(pattern, code.masked):
        yield f"cudaDeviceProp::{match[1]}", match.start(1)


_BEFORE = re.compile(r"(?<![\w.>:])((?:(?:std\s*)?::\s*)?u?)$")
# The names of headers and conditions are no uses; macro bodies are.
_SILENCED = re.compile(
    r"(?m)^[ \t]*#[ \t]*(?:include|if|ifdef|ifndef|elif|undef|pragma|error)\b[^\n]*"
)
_ALIAS = re.compile(r"(?:\busing\s+|\btypedef\b[^;{}]*\s)$")
_FAR = 1_000  # characters that a typedef may have before the name
_TRIGGERS = [(need, [re.compile(trigger).search for trigger in need.triggers]) for need in NEEDS]


def needs(code: CxxCode) -> dict[str, tuple[NameUse, ...]]:
    """Header -> names of it that stand before what may declare them."""
    found = {}
    for need, searches in _TRIGGERS:
        end = next(_bringing(code, need), len(code.text))
        if not any(search(code.text, 0, end) for search in searches):
            continue
        if next(_uses(need, code.text[:end]), None) and (rows := _needed(code, need, end)):
            found[need.header] = tuple(rows)
    return found


def _needed(code: CxxCode, need: Need, end: int) -> list[NameUse]:
    text = _SILENCED.sub(lambda m: " " * len(m[0]), mask(code.text[:end]))
    found = places(code, _uses(need, text))
    own = {name for name in {row.name for row in found} if _declares(code, name)}
    return [row for row in found if row.name not in own]


def _uses(need: Need, text: str) -> Iterator[tuple[str, int]]:
    """(name, offset) of what looks like a use."""
    for match in re.finditer(need.pattern, text):
        span = _whole(text, match)
        if span and need.names(span[0]):
            yield span


def _whole(text: str, match: re.Match[str]) -> tuple[str, int] | None:
    """A name with what stands before it: the unsigned "u" and the qualifier; None = another's."""
    before = _BEFORE.search(text, max(0, match.start() - 24), match.start())
    if before is None:
        return None
    return re.sub(r"\s", "", before[1]) + match[0], before.start(1)


def _bringing(code: CxxCode, need: Need) -> Iterator[int]:
    """Where a header is included for certain that is not known to leave the names out."""
    for line, name, quoted in code.includes:
        if not quoted and name not in need.silent and not code.conditions.at(line.start):
            yield line.start


def _declares(code: CxxCode, name: str) -> bool:
    """Whether the file declares the name itself."""
    plain = name.rpartition("::")[2]
    if plain in code.definitions:
        return True
    settled = re.compile(rf"{re.escape(plain)}\s*[;=]")
    if not settled.search(code.text):
        return False
    return any(
        _ALIAS.search(code.masked, max(0, match.start() - _FAR), match.start())
        for match in settled.finditer(code.masked)
    )
