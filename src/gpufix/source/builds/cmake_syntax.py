"""CMake's language as commands, and commands as nested blocks: cmake-language(7). Nothing is run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

from gpufix.source.parsed_once import ParsedOnce
from gpufix.source.source_facts import CMakeFacts

_TOKEN = re.compile(
    r"(?P<bracket_comment>#\[(?P<c>=*)\[.*?(?:\](?P=c)\]|\Z))"
    r"|(?P<comment>\#[^\n]*)"
    r"|(?P<bracket>\[(?P<b>=*)\[.*?(?:\](?P=b)\]|\Z))"
    r'|(?P<quoted>"(?:[^"\\]|\\.)*(?:"|\Z))'
    r"|(?P<open>\()|(?P<close>\))"
    r"|(?P<space>\s+)"
    r'|(?P<word>(?:\\.|\$\([^\s()#"\\]*\)|[^\s()\#"\\]|(?<=[^\s()])"(?:[^"\\]|\\.)*")+|.)',
    re.DOTALL,
)
_CLOSES = {"if": "endif", "foreach": "endforeach", "while": "endwhile", "block": "endblock"}
_CLOSES |= {"function": "endfunction", "macro": "endmacro"}
_DEEPEST = 60  # blocks within blocks; what lies deeper is not read

ArgumentKind = Literal["quoted", "bracket", "word", "paren"]


class Argument(NamedTuple):
    """One argument: its text without quotes, and where it stands with them (offsets)."""

    text: str
    start: int
    end: int
    line: int
    kind: ArgumentKind = "word"


class Command(NamedTuple):
    """One invocation."""

    name: str  # in lower case
    arguments: tuple[Argument, ...]
    line: int
    start: int
    end: int

    @property
    def words(self) -> list[str]:
        """The texts of the arguments."""
        return [argument.text for argument in self.arguments]


class Block(NamedTuple):
    """A command that opens a block, and its parts: of an if() each branch with its condition."""

    parts: tuple[tuple[Command, tuple[Any, ...]], ...]  # of nodes


Node = Command | Block


class Script(NamedTuple):
    """A file. `damage`: the line from which on it cannot be read, which ends a configure."""

    nodes: tuple[Node, ...]
    damage: int | None


def commands(text: str) -> list[Command]:
    """Every command of a file, in order. Damaged files give what can be read of them."""
    return list(_Reader(text).commands())


def script(text: str) -> Script:
    """A file as nested blocks."""
    reader = _Reader(text)
    found = list(reader.commands())
    nodes, rest = _nodes(found, 0, "", 0)
    damage = reader.damage
    if damage is None and rest < len(found):
        damage = found[rest].line
    return Script(tuple(nodes), damage)


script_once = ParsedOnce(script)


def _nodes(found: list[Command], at: int, closer: str, depth: int) -> tuple[list[Node], int]:
    """The nodes up to a closing command, and its place."""
    nodes: list[Node] = []
    while at < len(found):
        command = found[at]
        if command.name == closer or (command.name in ("else", "elseif") and closer == "endif"):
            break
        if command.name in _CLOSES.values() or command.name in ("else", "elseif"):
            break
        at += 1
        if command.name not in _CLOSES:
            nodes.append(command)
            continue
        if depth >= _DEEPEST:
            return nodes, at
        block, at = _block(found, at, command, depth)
        if block is None:
            return nodes, at
        nodes.append(block)
    return nodes, at


def _block(found: list[Command], at: int, opener: Command, depth: int) -> tuple[Block | None, int]:
    closer, parts, head = _CLOSES[opener.name], [], opener
    while True:
        begun = at - 1
        body, at = _nodes(found, at, closer, depth + 1)
        parts.append((head, tuple(body)))
        if at >= len(found):
            return None, begun
        head, at = found[at], at + 1
        if head.name == closer:
            return Block(tuple(parts)), at
        if closer != "endif" or head.name not in ("else", "elseif"):
            return None, at - 1


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self.damage: int | None = None

    def commands(self) -> Iterator[Command]:
        """Each invocation, as far as the text is one."""
        name, start, line, begun, depth = "", 0, 1, 1, 0
        arguments: list[Argument] = []
        for token in _TOKEN.finditer(self._text):
            value = token.group()
            if token["bracket_comment"] or token["comment"] or token["space"]:
                pass
            elif depth == 0:
                if token["open"] and name:
                    depth, arguments = 1, []
                elif token["word"] and not name and re.fullmatch(r"[A-Za-z_]\w*", value):
                    name, start, begun = value.lower(), token.start(), line
                else:
                    self._damaged(line)
                    name = value.lower() if token["word"] else ""
                    start, begun = token.start(), line
            elif token["close"] and depth == 1:
                yield Command(name, tuple(arguments), begun, start, token.end())
                name, depth = "", 0
            else:
                depth += (1 if token["open"] else 0) - (1 if token["close"] else 0)
                arguments.append(_argument(token, line))
            line += value.count("\n")
        if name or depth:
            self._damaged(begun)

    def _damaged(self, line: int) -> None:
        if self.damage is None:
            self.damage = line


def _argument(token: re.Match[str], line: int) -> Argument:
    value, start, end = token.group(), token.start(), token.end()
    if token["quoted"]:
        closed = value.endswith('"') and len(value) > 1
        return Argument(value[1:-1] if closed else value[1:], start, end, line, "quoted")
    if token["bracket"]:
        edge = len(token["b"] or "") + 2
        inner = value[edge:-edge].removeprefix("\r").removeprefix("\n")
        return Argument(inner, start, end, line, "bracket")
    kind: ArgumentKind = "paren" if token["open"] or token["close"] else "word"
    return Argument(value, start, end, line, kind)


# Words without which a CMake file says nothing of GPUs or of the C++ ABI.
_WORDS = (
    b"arch",
    b"CUDA",
    b"ARCH",
    b"_GLIBCXX_USE_CXX11_ABI",
    b"gencode",
    b"Torch",
    b"nvcc",
    b"cmake_minimum",
)
_PROJECT = re.compile(r"^[ \t]*project[ \t]*\(", re.IGNORECASE | re.MULTILINE)


def concerns(data: bytes) -> bool:
    """Whether a file has a word that is asked for, or begins a project."""
    return any(word in data for word in (*_WORDS, b"project", b"PROJECT"))


def scan(text: str) -> CMakeFacts:
    """What one file tells by itself."""
    torch = cuda = project = None
    if "Torch" in text or "CUDA" in text or _PROJECT.search(text):
        for command in commands(text):
            words = command.words
            if command.name == "find_package" and words[:1] == ["Torch"]:
                torch = command.line
            elif command.name in ("enable_language", "project") and "CUDA" in words:
                cuda = command.line
            if command.name == "project" and project is None:
                project = command.line
    asks = any(word.decode() in text for word in _WORDS)
    return CMakeFacts(cuda=cuda, torch=torch, project=project, asks=asks)
