"""One Dockerfile as plain facts: architectures, ABI flags and addresses of wheels that it sets."""

from __future__ import annotations

import re
from typing import Any

from gpufix.source import shell_scan
from gpufix.source.shell import simple_commands

_COMMENT = re.compile(r"(?m)^[ \t]*#.*$")
# An instruction up to the first line that no backslash continues; lines left empty by comments
# are passed over, as Docker does.
_INSTRUCTION = re.compile(
    r"(?m)^[ \t]*([A-Za-z]+)[ \t]+((?:[^\n]*\\[ \t]*\r?\n(?:[ \t]*\r?\n)*)*[^\n]*)"
)
_DOCUMENT = re.compile(r"<<-?[\"']?(\w+)[\"']?")
_OPTION = re.compile(r"\A(?:--[\w-]+=\S+[\s\\]+)+")
_IMAGE = re.compile(r"(?:\S+/)?nvidia/cuda:(\d+\.\d+)\S*-devel")


def scan(text: str) -> dict[str, Any]:
    """Keys without content are left out.

    `exports`: [line, name, value] of ENV, ARG and RUN; `abi`, `addresses`: as in shell_scan, with
    `image`: the CUDA of the NVIDIA development image that the stage is built on, if it is one.
    """
    facts: dict[str, Any] = {"exports": [], "abi": [], "addresses": []}
    text, image, position = _COMMENT.sub("", text), None, 0
    while found := _INSTRUCTION.search(text, position):
        position = found.end()
        name, words = found[1].upper(), found[2]
        line = text.count("\n", 0, found.start(2))
        if name == "FROM":
            base = _IMAGE.match(_OPTION.sub("", words))
            image = base[1] if base else None
        elif name in ("ENV", "ARG"):
            facts["exports"] += _set(words, line)
        elif name == "RUN":
            if document := _DOCUMENT.search(words):
                end = re.compile(rf"(?m)^\t*{document[1]}[ \t]*\r?$").search(text, position)
                stop = end.start() if end else len(text)
                words, position = text[position:stop], stop
                line = text.count("\n", 0, found.end())
            words = _OPTION.sub(lambda m: "\n" * m[0].count("\n"), words, count=1)
            for key, rows in shell_scan.scan(words, stops=True).items():
                facts[key] += [{**row, "line": row["line"] + line, "image": image} for row in rows]
    return {key: value for key, value in facts.items() if value}


def _set(words: str, line: int) -> list[dict[str, Any]]:
    """NAME=value …, or the old NAME value."""
    rows = []
    for command in simple_commands(words):
        texts = [word.text for word in command.words]
        if "=" not in texts[0] and len(texts) > 1:
            texts = [f"{texts[0]}={' '.join(texts[1:])}"]
        for text in texts:
            name, _, value = text.partition("=")
            if name in shell_scan.LISTS and value and "$" not in value:
                rows.append({"line": command.line + line, "name": name, "value": value})
    return rows
