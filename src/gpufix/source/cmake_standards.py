"""Where a CMake file asks for a C++ standard: variables, properties, features, flags."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from gpufix.source.builds.cmake_syntax import Argument, Command
from gpufix.source.cxx_standards import feature, flags, year


class Standard(NamedTuple):
    """One such place."""

    line: int
    text: str
    value: int


_STANDARD = re.compile(r"(?:CMAKE_)?(?:CXX|CUDA)_STANDARD")
_FLAG_COMMANDS = (
    "set",
    "list",
    "string",
    "add_compile_options",
    "target_compile_options",
    "add_definitions",
)


def standards(command: Command) -> list[Standard]:
    """What a command asks for: a variable, a property, a feature, or a flag."""
    found: list[tuple[Argument, str, int]] = []
    if command.name in ("set", "set_target_properties", "set_property"):
        found += _standard_values(command)
    elif command.name == "target_compile_features":
        named = [(argument, feature(argument.text)) for argument in command.arguments]
        found += [(a, a.text, value) for a, value in named if value is not None]
    if command.name in _FLAG_COMMANDS:
        for argument in command.arguments:
            found += [(argument, text, n) for _, _, text, n in flags(argument.text)]
    return [Standard(a.line, text, n) for a, text, n in found]


def _standard_values(command: Command) -> Iterator[tuple[Argument, str, int]]:
    for argument, value in zip(command.arguments, command.words[1:], strict=False):
        number = year(value) if _STANDARD.fullmatch(argument.text) else None
        fits = (command.name == "set") == argument.text.startswith("CMAKE_")
        if number is not None and fits:
            yield argument, f"{argument.text} {value}", number
