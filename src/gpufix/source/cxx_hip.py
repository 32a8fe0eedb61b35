"""CUDA constructs that HIP lacks or means differently, in one source."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from gpufix.knowledge import hip_api
from gpufix.source.cxx_code import Code
from gpufix.source.cxx_functions import arguments, launches

_ASM = re.compile(r"(?<!\w)(?:asm|__asm__|__asm)\b(?:\s+(?:volatile|__volatile__))?\s*\(")
# An operand type after a dot, or a special register: PTX. AMD's assembly has neither.
_PTX = re.compile(r"\.(?:[busf](?:8|16|32|64)|f16x2|pred|sync|global|shared)\b|%%?\w*(?:lane|smid)")
_WIDE = re.compile(r"0[xX]([0-9a-fA-F']+)([uUlL]*)|\d+([uUlL]*)|-\s*1")
_NARROW_MASK = re.compile(r"0[xX][fF]{8}[uU]?|-\s*1|~\s*0[uU]?|UINT_MAX")
_SPACED = re.compile(r"<<\s+<|>>\s+>|>\s+>>")
_LIMIT = 40


def constructs(code: Code) -> list[list[Any]]:
    """[construct, line, guards, detail], by line. The detail of a mask is its expression."""
    rows = [*_named(code), *_assembly(code), *_chevrons(code)]
    rows.sort(key=lambda row: row[1])
    return rows[: 10 * _LIMIT]


def _row(code: Code, name: str, offset: int, detail: str = "") -> list[Any]:
    return [name, code.line(offset), list(code.conditions.at(offset)), detail]


def _named(code: Code) -> Iterator[list[Any]]:
    for construct in hip_api.CONSTRUCTS.values():
        if not construct.pattern or construct.trigger not in code.text:
            continue
        for count, match in enumerate(re.finditer(construct.pattern, code.masked)):
            if count == _LIMIT:
                break
            detail = ""
            if construct.name in hip_api.MASKED:
                detail = _mask(code, match.end() - 1)
            yield _row(code, construct.name, match.start(1), detail)


def _mask(code: Code, opening: int) -> str:
    """The first argument of a call whose bracket opens at `opening`; in a macro, by text."""
    closing = code.brackets.get(opening)
    if closing is not None:
        pieces = arguments(code, (opening + 1, closing))
        return pieces[0][:80] if pieces else ""
    found = re.compile(r"\(\s*([^,()]*)").match(code.masked, opening)
    return found[1].strip()[:80] if found else ""


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
    if not _SPACED.search(code.text):
        return
    for launch in launches(code):
        if launch.split(code.structure):
            yield _row(code, hip_api.CHEVRONS, launch.start, launch.name)
