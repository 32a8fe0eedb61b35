"""CMake's language as commands: comments, quoting and brackets are told apart, nothing is run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

# cmake-language(7): bracket comment, line comment, bracket, quoted and unquoted arguments.
_TOKEN = re.compile(
    r"(?P<bracket_comment>#\[(?P<c>=*)\[.*?(?:\](?P=c)\]|\Z))"
    r"|(?P<comment>\#[^\n]*)"
    r"|(?P<bracket>\[(?P<b>=*)\[.*?(?:\](?P=b)\]|\Z))"
    r'|(?P<quoted>"(?:[^"\\]|\\.)*(?:"|\Z))'
    r"|(?P<open>\()|(?P<close>\))"
    r"|(?P<space>\s+)"
    r'|(?P<word>(?:\\.|[^\s()\#"\\]|"(?:[^"\\]|\\.)*")+|.)',
    re.DOTALL,
)
_OPENERS = {"if": "if", "foreach": "loop", "while": "?", "function": "body", "macro": "body"}
_CLOSERS = {"endif", "endforeach", "endwhile", "endfunction", "endmacro"}
_FOLLOWS = {"CMAKE_CUDA_ARCHITECTURES": "CUDAARCHS"}


@dataclass(frozen=True)
class Argument:
    """One argument: its text without quotes, and where it stands with them (offsets)."""

    text: str
    start: int
    end: int
    line: int


@dataclass(frozen=True)
class Command:
    """One invocation. `guards`: "!env:NAME" (only when unset), "?" (a condition not judged)."""

    name: str  # in lower case
    arguments: tuple[Argument, ...]
    line: int
    start: int
    end: int
    guards: tuple[str, ...]

    @property
    def words(self) -> list[str]:
        """The texts of the arguments."""
        return [argument.text for argument in self.arguments]


def commands(text: str) -> list[Command]:
    """Every command of a file, in order. Damaged files give what can be read of them."""
    found: list[Command] = []
    stack: list[str] = []
    for name, arguments, line, start, end in _invocations(text):
        words = [argument.text for argument in arguments]
        if name in _CLOSERS and stack:
            stack.pop()
        elif name in ("else", "elseif") and stack:
            stack[-1] = "?"
        guards = tuple(dict.fromkeys(g for g in stack if g not in ("loop", "body", "")))
        found.append(Command(name, tuple(arguments), line, start, end, guards))
        if name in _OPENERS:
            kind = _OPENERS[name]
            stack.append(_condition(words) if kind == "if" else kind)
    return found


def _condition(words: list[str]) -> str:
    """What an if() says, where it is one of the few tests that are judged."""
    test = [word for word in words if word not in ("(", ")")]
    upper = [word.upper() for word in test]
    if upper[:2] == ["NOT", "DEFINED"] and len(test) == 3:
        return _unset(test[2])
    if upper[:1] == ["NOT"] and len(test) == 2:
        return _unset(test[1])
    if len(test) == 3 and upper[1] == "STREQUAL" and test[2] == "":
        return _unset(test[0].removeprefix("$"))
    return "?"


def _unset(name: str) -> str:
    inner = re.fullmatch(r"ENV\{(\w+)\}", name)
    if inner:
        return f"!env:{inner.group(1)}"
    return f"!env:{_FOLLOWS[name]}" if name in _FOLLOWS else "?"


_Invocation = tuple[str, list[Argument], int, int, int]


def _invocations(text: str) -> Iterator[_Invocation]:
    name, start, line, depth = "", 0, 1, 0
    begun = 1
    arguments: list[Argument] = []
    for token in _TOKEN.finditer(text):
        kind, value = token.lastgroup or "", token.group()
        if token["bracket_comment"] or token["comment"] or token["space"]:
            pass
        elif depth == 0:
            if token["open"] and name:
                depth, arguments = 1, []
            elif token["word"]:
                name, start, begun = value.lower(), token.start(), line
        elif token["close"] and depth == 1:
            yield name, arguments, begun, start, token.end()
            name, depth = "", 0
        else:
            depth += (1 if token["open"] else 0) - (1 if token["close"] else 0)
            arguments.append(Argument(_bare(token), token.start(), token.end(), line))
        line += value.count("\n") if kind else 0


def _bare(token: re.Match[str]) -> str:
    value = token.group()
    if token["quoted"]:
        return value[1:-1] if value.endswith('"') and len(value) > 1 else value[1:]
    if token["bracket"]:
        edge = len(token["b"] or "") + 2
        return value[edge:-edge]
    return value
