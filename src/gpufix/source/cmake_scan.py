"""One CMake file as plain facts: fixed architectures, fixed ABI, what it is for."""

from __future__ import annotations

import re
from typing import Any

from gpufix.source.arch_flags import parse
from gpufix.source.cmake import Command, commands

_ABI = re.compile(r"_GLIBCXX_USE_CXX11_ABI=([01])(?!\w)")
_FLAGS = re.compile(r"CMAKE_CUDA_FLAGS(_\w+)?|CUDA_NVCC_FLAGS|CMAKE_HIP_FLAGS")
_LITERAL = re.compile(r"[\d;af -]*(?:-real|-virtual)?[\d;afrelvitu -]*")
_WORDS = (b"arch", b"ARCH", b"_GLIBCXX_USE_CXX11_ABI", b"gencode", b"Torch")


def concerns(data: bytes) -> bool:
    """Whether a file has a word that is asked for; most have none."""
    return any(word in data for word in _WORDS)


def scan(text: str) -> dict[str, Any]:
    """Keys without content are left out: torch, cuda, archs, flags, abi."""
    facts: dict[str, Any] = {"archs": [], "flags": [], "abi": []}
    for command in commands(text):
        words = command.words
        if command.name == "find_package" and words[:1] == ["Torch"]:
            facts["torch"] = command.line
        elif (command.name == "enable_language" and "CUDA" in words) or (
            command.name == "project" and "CUDA" in words
        ):
            facts["cuda"] = command.line
        facts["archs"] += _archs(command)
        facts["flags"] += _flags(command)
        facts["abi"] += _abi(command)
    return {key: value for key, value in facts.items() if value}


def _archs(command: Command) -> list[dict[str, Any]]:
    """set(CMAKE_CUDA_ARCHITECTURES 70 75), and the property CUDA_ARCHITECTURES of targets."""
    words = command.words
    values: list[str] = []
    variable = "CMAKE_CUDA_ARCHITECTURES"
    if command.name == "set" and words[:1] == [variable]:
        if "CACHE" in words and "FORCE" not in words:
            return []  # a default, which -D and CUDAARCHS outrank
        values = words[1 : words.index("CACHE")] if "CACHE" in words else words[1:]
    elif (
        command.name in ("set_target_properties", "set_property") and "CUDA_ARCHITECTURES" in words
    ):
        variable = "CUDA_ARCHITECTURES"
        values = words[words.index(variable) + 1 :]
        values = values[:1] if command.name == "set_target_properties" else values
    value = ";".join(values)
    if not value or not re.search(r"\d\d", value) or not _LITERAL.fullmatch(value):
        return []
    return [
        {
            "line": command.line,
            "variable": variable,
            "value": value,
            "guards": list(command.guards),
        }
    ]


def _flags(command: Command) -> list[dict[str, Any]]:
    """Architectures in nvcc's flags."""
    words = command.words
    named = command.name in ("set", "list", "string") and any(
        _FLAGS.fullmatch(w) for w in words[:2]
    )
    if not (named or command.name in ("target_compile_options", "add_compile_options")):
        return []
    found = parse(" ".join(w for w in words if "${" not in w or "arch" in w).replace("=\\", "="))
    fixed = [[a.kind, a.arch] for a in found if a.kind in ("cubin", "ptx", "hip")]
    if not fixed:
        return []
    text = " ".join(words[1:])[:200]
    return [{"line": command.line, "archs": fixed, "text": text, "guards": list(command.guards)}]


def _abi(command: Command) -> list[dict[str, Any]]:
    if command.name in ("message", "if", "elseif", "execute_process"):
        return []
    rows = []
    for argument in command.arguments:
        for found in _ABI.finditer(argument.text):
            line = argument.line + argument.text[: found.start()].count("\n")
            rows.append(
                {"line": line, "value": int(found.group(1)), "guards": list(command.guards)}
            )
    return rows
