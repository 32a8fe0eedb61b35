"""Generator expressions, as they stand for one language, configuration and compiler."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from gpufix.source.builds.cmake_conditions import compared, constant
from gpufix.source.builds.run import UNKNOWN_PART

_DEEPEST = 40
_MARK = re.compile(r"\$<|>")


class Setting(NamedTuple):
    """What generator expressions ask. None: not known."""

    language: str  # "CXX", "CUDA"
    config: str | None  # CMAKE_BUILD_TYPE
    compilers: dict[str, str | None]  # language -> compiler id
    versions: dict[str, str | None]
    targets: frozenset[str]


def generated(text: str, setting: Setting) -> str:
    """A text with its generator expressions evaluated; "\\0" for what is not known."""
    if "$<" not in text:
        return text
    found, _ = _sequence(text, 0, setting, 0, "")
    return found


def whole(parts: Iterable[str]) -> Iterator[str]:
    """The elements of a list, those that one expression reaches over as one: $<…: -a -b >."""
    held: list[str] = []
    depth = 0
    for part in parts:
        held.append(part)
        depth = deepened(part, depth)
        if not depth:
            yield ";".join(held)
            held = []
    yield from held  # the last one never ends: each is taken as it stands


def deepened(text: str, depth: int) -> int:
    """How many expressions are open behind a text."""
    for mark in _MARK.findall(text) if depth or "$<" in text else ():
        depth = depth + 1 if mark == "$<" else max(depth - 1, 0)
    return depth


def _sequence(text: str, at: int, setting: Setting, depth: int, ends: str) -> tuple[str, int]:
    parts: list[str] = []
    while at < len(text):
        if text.startswith("$<", at):
            if depth > _DEEPEST:
                return UNKNOWN_PART, len(text)
            part, at = _expression(text, at + 2, setting, depth + 1)
            parts.append(part)
        elif text[at] in ends:
            break
        else:
            parts.append(text[at])
            at += 1
    return "".join(parts), at


def _expression(text: str, at: int, setting: Setting, depth: int) -> tuple[str, int]:
    """One expression after its "$<", and the place behind its ">"."""
    name, at = _sequence(text, at, setting, depth, ":>")
    arguments: list[str] = []
    if at < len(text) and text[at] == ":":
        whole = name in ("0", "1") or name in _WHOLE
        while True:
            argument, at = _sequence(text, at + 1, setting, depth, ">" if whole else ",>")
            arguments.append(argument)
            if at >= len(text) or text[at] == ">":
                break
    return _value(name, arguments, setting), at + 1


_WHOLE = {
    "BUILD_INTERFACE",
    "BUILD_LOCAL_INTERFACE",
    "INSTALL_INTERFACE",
    "LOWER_CASE",
    "UPPER_CASE",
}
_WHOLE |= {
    "BOOL",
    "NOT",
    "SHELL_PATH",
    "MAKE_C_IDENTIFIER",
    "REMOVE_DUPLICATES",
    "TARGET_EXISTS",
    "TARGET_GENEX_EVAL",
}


def _yes(verdict: bool | None) -> str:
    return UNKNOWN_PART if verdict is None else "1" if verdict else "0"


def _value(name: str, arguments: list[str], setting: Setting) -> str:
    if UNKNOWN_PART in name:
        return UNKNOWN_PART
    if name == "0":
        return ""
    if name == "1":
        return ",".join(arguments)
    if (made := _logical(name, arguments)) is not None:
        return made
    if (made := _about(name, arguments, setting)) is not None:
        return made
    if any(UNKNOWN_PART in argument for argument in arguments):
        return UNKNOWN_PART
    match name, arguments:
        case "BUILD_INTERFACE" | "BUILD_LOCAL_INTERFACE" | "SHELL_PATH", [text]:
            return text
        case "INSTALL_INTERFACE" | "INSTALL_PREFIX" | "LINK_ONLY", _:
            return ""
        case "LOWER_CASE", [text]:
            return text.lower()
        case "UPPER_CASE", [text]:
            return text.upper()
        case "JOIN", [items, *glue]:
            return ",".join(glue).join(items.split(";"))
        case "COMMA", []:
            return ","
        case "SEMICOLON", []:
            return ";"
        case "ANGLE-R", []:
            return ">"
        case "QUOTE", []:
            return '"'
        case "STREQUAL", [one, two]:
            return _yes(one == two)
        case "EQUAL", [one, two]:
            return _yes(compared(one, "EQUAL", two))
        case (
            "VERSION_LESS"
            | "VERSION_GREATER"
            | "VERSION_EQUAL"
            | "VERSION_LESS_EQUAL"
            | "VERSION_GREATER_EQUAL",
            [one, two],
        ):
            return _yes(compared(one, name, two))
        case "IN_LIST", [one, two]:
            return _yes(one in two.split(";"))
        case "TARGET_EXISTS", [target]:
            return "1" if target in setting.targets else UNKNOWN_PART
        case "PLATFORM_ID", []:
            return "Linux"
        case "PLATFORM_ID", names:
            return _yes("Linux" in names)
    return UNKNOWN_PART


def _logical(name: str, arguments: list[str]) -> str | None:
    match name:
        case "BOOL" if len(arguments) == 1:
            text = arguments[0]
            return UNKNOWN_PART if UNKNOWN_PART in text else _yes(constant(text) is not False)
        case "NOT" if len(arguments) == 1:
            return {"0": "1", "1": "0"}.get(arguments[0], UNKNOWN_PART)
        case "AND":
            if "0" in arguments:
                return "0"
            return "1" if all(a == "1" for a in arguments) else UNKNOWN_PART
        case "OR":
            if "1" in arguments:
                return "1"
            return "0" if all(a == "0" for a in arguments) else UNKNOWN_PART
        case "IF" if len(arguments) >= 3:
            yes, no = arguments[1], ",".join(arguments[2:])
            return {"1": yes, "0": no}.get(arguments[0], yes if yes == no else UNKNOWN_PART)
    return None


def _about(name: str, arguments: list[str], setting: Setting) -> str | None:
    """What asks for the language, the compiler and the configuration."""
    language = setting.language
    match name:
        case "COMPILE_LANGUAGE":
            return _yes(language in arguments) if arguments else language
        case "COMPILE_LANG_AND_ID":
            if not arguments or arguments[0] != language:
                return "0"
            found = setting.compilers.get(language)
            return _yes(None if found is None else found in arguments[1:])
        case "CONFIG":
            if setting.config is None:
                return UNKNOWN_PART
            if not arguments:
                return setting.config
            return _yes(setting.config.upper() in [argument.upper() for argument in arguments])
    part, _, kind = name.partition("_COMPILER_")
    if kind not in ("ID", "VERSION"):
        return None
    known = setting.compilers.get(part) if kind == "ID" else setting.versions.get(part)
    if known is None:
        return UNKNOWN_PART
    return _yes(known in arguments) if arguments else known
