"""CMake's language as commands, and one CMake file as facts: fixed architectures and ABI. Nothing is run."""

from __future__ import annotations

import re
from collections.abc import Iterator

from gpufix.frozen import Frozen
from gpufix.source.arch_flags import parse
from gpufix.source.cxx_standards import feature, flags, year
from gpufix.source.source_facts import AbiFlag, ArchOption, ArchSetting, CMakeFacts, CxxStandard

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
_MOST_GUARDS = 50  # beyond these, a condition is none that is judged
_FOLLOWS = {"CMAKE_CUDA_ARCHITECTURES": "CUDAARCHS"}


class Argument(Frozen):
    """One argument: its text without quotes, and where it stands with them (offsets)."""

    text: str
    start: int
    end: int
    line: int


class Command(Frozen):
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
    stack: list[tuple[str, ...]] = []  # the guards inside each open block
    for name, arguments, line, start, end in _invocations(text):
        words = [argument.text for argument in arguments]
        if name in _CLOSERS and stack:
            stack.pop()
        elif name in ("else", "elseif") and stack:
            stack[-1] = _inside(stack[-2] if len(stack) > 1 else (), "?")
        guards = stack[-1] if stack else ()
        found.append(Command(name, tuple(arguments), line, start, end, guards))
        if name in _OPENERS:
            kind = _OPENERS[name]
            stack.append(_inside(guards, _condition(words) if kind == "if" else kind))
    return found


def _inside(outer: tuple[str, ...], guard: str) -> tuple[str, ...]:
    if guard in ("loop", "body"):
        return outer
    guard = guard if len(outer) < _MOST_GUARDS else "?"
    return outer if guard in outer else (*outer, guard)


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


_ABI = re.compile(r"_GLIBCXX_USE_CXX11_ABI=([01])(?!\w)")
_FLAGS = re.compile(r"CMAKE_CUDA_FLAGS(_\w+)?|CUDA_NVCC_FLAGS|CMAKE_HIP_FLAGS")
_LITERAL = re.compile(r"[\d;af -]*(?:-real|-virtual)?[\d;afrelvitu -]*")
_WORDS = (b"arch", b"CUDA", b"_GLIBCXX_USE_CXX11_ABI", b"gencode", b"Torch", b"std", b"STANDARD")


def concerns(data: bytes) -> bool:
    """Whether a file has a word that is asked for; most have none."""
    return any(word in data for word in _WORDS)


def scan(text: str) -> CMakeFacts:
    """What one file fixes."""
    torch = cuda = None
    found = commands(text)
    for command in found:
        words = command.words
        if command.name == "find_package" and words[:1] == ["Torch"]:
            torch = command.line
        elif command.name in ("enable_language", "project") and "CUDA" in words:
            cuda = command.line
    return CMakeFacts(
        archs=tuple(row for command in found for row in _archs(command)),
        flags=tuple(row for command in found for row in _flags(command)),
        abi=tuple(row for command in found for row in _abi(command)),
        cuda=cuda,
        standards=tuple(row for command in found for row in standards(command)),
        torch=torch,
    )


def _archs(command: Command) -> list[ArchSetting]:
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
    return [ArchSetting(command.line, variable, value, command.guards)]


def _flags(command: Command) -> list[ArchOption]:
    """Architectures in nvcc's flags."""
    words = command.words
    named = command.name in ("set", "list", "string") and any(
        _FLAGS.fullmatch(w) for w in words[:2]
    )
    if not (named or command.name in ("target_compile_options", "add_compile_options")):
        return []
    found = parse(" ".join(w for w in words if "${" not in w or "arch" in w).replace("=\\", "="))
    fixed = tuple(a for a in found if a.kind in ("cubin", "ptx", "hip"))
    if not fixed:
        return []
    text = " ".join(words[1:])[:200]
    return [ArchOption(command.line, fixed, text, command.guards)]


def _abi(command: Command) -> list[AbiFlag]:
    if command.name in ("message", "if", "elseif", "execute_process"):
        return []
    rows = []
    for argument in command.arguments:
        for found in _ABI.finditer(argument.text):
            line = argument.line + argument.text[: found.start()].count("\n")
            rows.append(AbiFlag(line, int(found.group(1)), command.guards))
    return rows


_STANDARD = re.compile(r"(?:CMAKE_)?(CXX|CUDA)_STANDARD")
_COMPILER = {"CXX": "cxx", "CUDA": "nvcc"}
_FLAG_COMMANDS = (
    "set",
    "list",
    "string",
    "add_compile_options",
    "target_compile_options",
    "add_definitions",
)


def standards(command: Command) -> list[CxxStandard]:
    """Which C++ a command asks for: a variable, a property, a feature, or a flag."""
    found: list[tuple[Argument, str, str, int]] = []
    if command.name in ("set", "set_target_properties", "set_property"):
        found += _standard_values(command)
    elif command.name == "target_compile_features":
        named = [(argument, feature(argument.text)) for argument in command.arguments]
        found += [(a, a.text, *feat) for a, feat in named if feat]
    if command.name in _FLAG_COMMANDS:
        to = _flag_compiler(command.words)
        for argument in command.arguments:
            found += [(argument, text, to, n) for _, _, text, n in flags(argument.text)]
    return [CxxStandard(a.line, text, n, to, command.guards) for a, text, to, n in found]


def _standard_values(command: Command) -> Iterator[tuple[Argument, str, str, int]]:
    for argument, value in zip(command.arguments, command.words[1:], strict=False):
        variable = _STANDARD.fullmatch(argument.text)
        number = year(value) if variable else None
        fits = (command.name == "set") == argument.text.startswith("CMAKE_")
        if variable and number is not None and fits:
            yield argument, f"{argument.text} {value}", _COMPILER[variable[1]], number


def _flag_compiler(words: list[str]) -> str:
    """Who gets flags that stand in a command: by the variable or the language that it names."""
    text = " ".join(words)
    if "CMAKE_CXX_FLAGS" in text or "COMPILE_LANGUAGE:CXX" in text:
        return "cxx"
    if "CUDA" in text or "NVCC" in text.upper():
        return "nvcc"
    return ""
