"""CUDA constructs that HIP lacks or means differently, in one source."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from typing import Any

from gpufix.knowledge import hip_api
from gpufix.source.cxx_code import Code
from gpufix.source.cxx_functions import arguments, launches
from gpufix.source.sieve import sieve

_ASM = re.compile(r"(?<!\w)(?:asm|__asm__|__asm)\b(?:\s+(?:volatile|__volatile__))?\s*\(")
# An operand type after a dot, or a special register: PTX. AMD's assembly has neither.
_PTX = re.compile(r"\.(?:[busf](?:8|16|32|64)|f16x2|pred|sync|global|shared)\b|%%?\w*(?:lane|smid)")
_WIDE = re.compile(r"0[xX]([0-9a-fA-F']+)([uUlL]*)|\d+([uUlL]*)|-\s*1")
_NARROW_MASK = re.compile(r"0[xX][fF]{8}[uU]?|-\s*1|~\s*0[uU]?|UINT_MAX")
_SPACED_OPENER, _SPACED_CLOSER = re.compile(r"<<\s+<"), re.compile(r">(?:>\s+>|\s+>>)")
_NAMED = [(c, re.compile(c.pattern)) for c in hip_api.CONSTRUCTS.values() if c.pattern]
_LIMIT = 40
_HOLDS = sieve({"asm", *(construct.trigger for construct, _ in _NAMED)})


def concerns(text: str) -> bool:
    """Whether a source may hold one."""
    return _HOLDS(text) or _spaced(text)


def _spaced(text: str) -> bool:
    """Whether something that may be a launch has white space in its chevrons."""
    if _SPACED_OPENER.search(text):
        return True
    return "<<<" in text and _SPACED_CLOSER.search(text) is not None


def constructs(code: Code) -> list[list[Any]]:
    """[construct, line, guards, detail], by line. The detail of a mask is its expression."""
    rows = [*_named(code), *_assembly(code), *_chevrons(code)]
    rows.sort(key=lambda row: row[1])
    return rows[: 10 * _LIMIT]


def _row(code: Code, name: str, offset: int, detail: str = "") -> list[Any]:
    return [name, code.line(offset), list(code.conditions.at(offset)), detail]


def _named(code: Code) -> Iterator[list[Any]]:
    for construct, pattern in _NAMED:
        if construct.trigger not in code.text:
            continue
        for match in islice(pattern.finditer(code.masked), _LIMIT):
            detail = ""
            if construct.name in hip_api.MASKED:
                detail = _mask(code, match.end() - 1)
            yield _row(code, construct.name, match.start(1), detail)


def _mask(code: Code, opening: int) -> str:
    """The first argument of a call whose bracket opens at `opening`; in a macro, constants alone."""
    closing = code.brackets.get(opening)
    if closing is not None:
        pieces = arguments(code, (opening + 1, closing))
        return pieces[0][:80] if pieces else ""
    found = re.compile(r"\(\s*([^,()]*)").match(code.masked, opening)
    mask = found[1].strip()[:80] if found else ""
    return mask if narrow(mask, code.definitions) else ""


def narrow(mask: str, macros: dict[str, str]) -> bool | None:
    """Whether a mask is a 32-bit constant; None = cannot be told."""
    text = mask
    for _ in range(4):
        if text not in macros:
            break
        text = macros[text].strip("() ")
    if _NARROW_MASK.fullmatch(text):
        return True
    found = _WIDE.fullmatch(text)
    if found is None:
        return None
    digits, suffix = (found[1] or "").replace("'", ""), (found[2] or found[3] or "").lower()
    return "l" not in suffix and len(digits.lstrip("0")) <= 8


def _assembly(code: Code) -> Iterator[list[Any]]:
    if "asm" not in code.text:
        return
    for match in _ASM.finditer(code.structure):
        closing = code.brackets.get(match.end() - 1)
        text = code.text[match.end() : closing] if closing is not None else ""
        if found := _PTX.search(text[:4_000]):
            first = text.strip().strip('"').split("\n")[0][:60]
            yield _row(code, hip_api.PTX, match.start(), first or found[0])


def _chevrons(code: Code) -> Iterator[list[Any]]:
    if not _spaced(code.text):
        return
    for launch in launches(code):
        if launch.split(code.structure):
            yield _row(code, hip_api.CHEVRONS, launch.start, launch.name)
