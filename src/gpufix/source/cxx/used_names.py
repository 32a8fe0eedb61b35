"""Names that a source uses and that a release took away, or whose header it does not include."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache

from gpufix.frozen import Frozen
from gpufix.knowledge import removed_apis
from gpufix.knowledge.removed_apis import Removed
from gpufix.knowledge.std_includes import NEEDS, Need
from gpufix.source.cxx.code import CxxCode, Guards, mask
from gpufix.source.source_facts import NameUse
from gpufix.source.source_text import decode, word_filter

_PLACES = 12  # of one name under one condition


class Opening(Frozen):
    """Includes with which a file begins: under no condition, in no comment."""

    names: tuple[str, ...]
    angled: frozenset[str]  # those in <>
    end: int


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


@cache
def _rows() -> Sequence[tuple[str, Removed]]:
    """What is looked for, each with the word that stands where it is used."""
    return [(row.word, row) for row in removed_apis.removed().values() if row.pattern]


@cache
def _owned() -> Sequence[tuple[str, str, str]]:
    """Names that a file may define itself: in full, their namespace, the last word."""
    return [
        (name, name.rpartition("::")[0], row.word)
        for name, row in removed_apis.removed().items()
        if row.kind not in ("header", "field", "template", "trailing")
        and (row.kind != "regex" or row.name == row.trigger)
    ]


_Test = Callable[[bytes], bool]
_GROUP = re.compile(r"\((\w+)(\)?)")


@cache
def _tests() -> tuple[_Test, Sequence[_Test]]:
    """Whether a text holds any word; whether one of them, or a name with what stands before it."""
    rows = [row for _, row in _rows()]
    words = {row.trigger for row in rows if row.kind != "regex"} | {*removed_apis.fields()}
    whole = [word.encode() for word in words]
    expressions = [row for row in rows if row.kind == "regex"]
    first = word_filter([row.trigger.encode() for row in expressions], whole)
    return first, [word_filter((), whole), *map(_both, expressions)]


def _both(row: Removed) -> _Test:
    """Whether a text has what an expression begins with, and its name."""
    begin, (name, whole) = row.trigger.encode(), _GROUP.findall(row.pattern)[0]
    stands = word_filter((), [name.encode()]) if whole else word_filter([name.encode()], ())
    return lambda data: begin in data and stands(data)


_INTEGER = re.compile(r"-?\d+|cudaCpuDeviceId|CU_DEVICE_CPU")
_FLAG = ("true", "false")
_CLOSING = {"(": ")", "[": "]", "{": "}"}
_ARGUMENTS = 2_000  # characters of a call


def concerns(data: bytes) -> bool:
    """Whether a source may use one."""
    first, then = _tests()
    return first(data) and any(holds(data) for holds in then)


def removed(code: CxxCode) -> tuple[NameUse, ...]:
    """Uses of names that are gone."""
    found: list[NameUse] = []
    for word, row in _rows():
        stands = word in code.text if row.kind == "regex" else word in code.words
        if stands and row.trigger in code.text:
            found += places(code, ((row.name, at) for at in uses(code, row)))
    return (*found, *_field_uses(code))


_compiled = cache(re.compile)


def uses(code: CxxCode, row: Removed) -> Iterator[int]:
    """Where a source uses a name in the form that is gone."""
    for match in _compiled(row.pattern).finditer(code.masked):
        if row.kind not in ("arguments", "trailing", "template") or _refused(code, row, match):
            yield match.start(1)


def _refused(code: CxxCode, row: Removed, match: re.Match[str]) -> bool:
    """Whether a call, or a template's arguments, are those of before."""
    if row.kind == "template":
        given = _split(code.masked, match.end() - 1, ">")
        return given is not None and len(given) >= min(row.counts)
    given = _split(code.masked, match.end() - 1, ")")
    if given is None:
        return False
    if row.kind == "trailing":
        return len(given) > 3 and given[-1] in _FLAG
    if len(given) in row.counts:
        return True
    return len(given) == row.of and row.device is not None and _is_int(code, given[row.device])


def _split(text: str, opening: int, closing: str) -> list[str] | None:
    """The arguments behind a bracket; None where it does not close, or is a macro's business."""
    parts, start, stack = [], opening + 1, [closing]
    for at in range(opening + 1, min(len(text), opening + _ARGUMENTS)):
        sign = text[at]
        if sign in _CLOSING:
            stack.append(_CLOSING[sign])
        elif sign == "<" and closing == ">":
            stack.append(">")
        elif sign == stack[-1]:
            stack.pop()
            if not stack:
                parts.append(text[start:at].strip())
                return parts if parts != [""] else []
        elif sign == "," and len(stack) == 1:
            parts.append(text[start:at].strip())
            start = at + 1
        elif sign in ";#" or "..." in text[at : at + 3]:
            return None
    return None


def _is_int(code: CxxCode, argument: str) -> bool:
    """Whether an argument is evidently a number: a literal, or a name that is only declared so."""
    if _INTEGER.fullmatch(argument):
        return True
    if not re.fullmatch(r"[A-Za-z_]\w*", argument):
        return False
    declared = re.findall(rf"([\w>&*]+)\s+{argument}\s*[;,=)\[]", code.masked)
    kinds = {kind for kind in declared if kind not in ("return", "else", "case", "goto")}
    return bool(kinds) and kinds <= {"int", "unsigned", "CUdevice"}


def own(code: CxxCode) -> tuple[str, ...]:
    """Names that are gone and that the file itself defines: macros, functions, types."""
    found = []
    for name, space, last in _owned():
        if last not in code.words or (space and f"namespace {space}" not in code.text):
            continue
        if (last in code.definitions and not space) or _defines(code, last):
            found.append(name)
    return tuple(found)


_TYPE = re.compile(r"\b(?:struct|class|using)\s+$")
_RETURNED = re.compile(r"[\w*&>]\s+$")
_BODY = re.compile(r"\s*\([^;{}()]*\)\s*(?:const\s*)?\{")
_LEFT = 100  # characters before a name that say what it is


def _defines(code: CxxCode, name: str) -> bool:
    """Whether a type or a function of this name is defined."""
    text = code.masked
    for match in _compiled(rf"{name}\b").finditer(text):
        before = (max(0, match.start() - _LEFT), match.start())
        if _TYPE.search(text, *before):
            return True
        if _BODY.match(text, match.end()) and _RETURNED.search(text, *before):
            return True
    return False


def _field_uses(code: CxxCode) -> list[NameUse]:
    """Uses of removed fields on variables declared in the same file as such a structure."""
    found: list[NameUse] = []
    for structure, rows in removed_apis.fields().items():
        if structure not in code.text:
            continue
        named = [field for field in rows if field in code.text]
        declared = re.findall(rf"\b{structure}\b\s*[*&]?\s*(\w+)", code.masked) if named else []
        if declared:
            names = "|".join(map(re.escape, sorted(set(declared))))
            pattern = rf"(?<![\w.>])(?:{names})\s*(?:\.|->)\s*({'|'.join(named)})\b"
            spans = re.finditer(pattern, code.masked)
            found += places(code, ((f"{structure}::{m[1]}", m.start(1)) for m in spans))
    return found


_BEFORE = re.compile(r"(?<![\w.>:])((?:(?:std\s*)?::\s*)?u?)$")
_OWNER = re.compile(r"[\w>]\s+$")  # of a name behind "::"
_NO_OWNER = re.compile(
    r"\b(?:const|volatile|return|static|inline|constexpr|extern|typedef|new)\s+$"
)
# The names of headers and conditions are no uses; macro bodies are.
_SILENCED = re.compile(
    r"(?m)^[ \t]*#[ \t]*(?:include|if|ifdef|ifndef|elif|undef|pragma|error)\b[^\n]*"
)
_ALIAS = re.compile(r"(?:\busing\s+|\btypedef\b[^;{}]*\s)$")
_FAR = 1_000  # characters that a typedef may have before the name


def needs(code: CxxCode) -> dict[str, tuple[NameUse, ...]]:
    """Header -> names of it that stand before what may declare them."""
    found = {}
    for need in NEEDS:
        end = next(_bringing(code, need), len(code.text))
        if not any(_compiled(trigger).search(code.text, 0, end) for trigger in need.triggers):
            continue
        if next(_uses(need, code.text[:end]), None) and (rows := _needed(code, need, end)):
            found[need.header] = tuple(rows)
    return found


@cache
def _in_bytes() -> Sequence[tuple[Need, Sequence[Callable[[bytes], re.Match[bytes] | None]]]]:
    return [(need, [re.compile(word.encode()).search for word in need.triggers]) for need in NEEDS]


def may_need(data: bytes, opening: Opening | None = None) -> bool:
    """Whether a file may have some: a word of one stands before the header that brings it.

    opening: the includes with which it begins for certain.
    """
    for need, searches in _in_bytes():
        met = [match.start() for search in searches if (match := search(data))]
        if not met or (opening and opening.end < min(met) and not opening.angled <= need.silent):
            continue
        if next(_bringing(CxxCode(decode(data[: min(met)]).text), need), None) is None:
            return True
    return False


def _needed(code: CxxCode, need: Need, end: int) -> list[NameUse]:
    # An include that counts stands in no comment and no literal: what is before it is masked alike.
    masked = mask(code.text[:end]) if 2 * end < len(code.text) else code.masked[:end]
    text = _SILENCED.sub(lambda m: " " * len(m[0]), masked)
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
    start = max(0, match.start() - 24)
    before = _BEFORE.search(text, start, match.start())
    if before is None:
        return None
    qualifier, at = "".join(before[1].split()), before.start(1)
    left = text[start:at]
    if qualifier.startswith("::") and _OWNER.search(left) and not _NO_OWNER.search(left):
        return None
    return qualifier + match[0], at


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
