"""One shell script as plain facts: exported architectures, ABI flags, addresses of wheels."""

from __future__ import annotations

import re
from typing import Any

from gpufix.source.requirements import addresses
from gpufix.source.shell import Simple, simple_commands

LISTS = ("TORCH_CUDA_ARCH_LIST", "PYTORCH_ROCM_ARCH", "CUDAARCHS")
_ASSIGN = re.compile(rf"({'|'.join(LISTS)})=(.*)", re.DOTALL)
_ABI = re.compile(r"-D\s?_GLIBCXX_USE_CXX11_ABI=([01])(?!\w)")
_NOT_RUN = ("echo", "printf", "grep", "sed", "cat", "read")
_WORDS = (*(name.encode() for name in LISTS), b"_GLIBCXX_USE_CXX11_ABI", b"http")


def concerns(data: bytes) -> bool:
    """Whether a script has a word that is asked for."""
    return any(word in data for word in _WORDS)


def scan(text: str, stops: bool = False) -> dict[str, Any]:
    """Keys without content are left out: exports, abi, addresses. Conditional ones are not told.

    stops: as for simple_commands.
    """
    facts: dict[str, Any] = {"exports": [], "abi": [], "addresses": []}
    for command in simple_commands(text, stops):
        if command.words[0].text in _NOT_RUN:
            continue
        facts["exports"] += _exports(command)
        if command.depth:
            continue
        for word in command.words:
            if found := _ABI.search(word.text):
                facts["abi"].append(
                    {"line": command.line, "value": int(found.group(1)), "guards": []}
                )
        facts["addresses"] += addresses([word.text for word in command.words], command.line)
    return {key: value for key, value in facts.items() if value}


def _exports(command: Simple) -> list[dict[str, Any]]:
    """NAME=value that later commands see: exported, or before a command."""
    words = [word.text for word in command.words]
    told = words[0] in ("export", "declare", "env") or len(words) > 1
    rows = []
    for word in words:
        found = _ASSIGN.fullmatch(word)
        if not found or not told or command.depth or "$" in found.group(2):
            continue
        rows.append({"line": command.line, "name": found.group(1), "value": found.group(2)})
    return rows
