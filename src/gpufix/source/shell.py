"""Shell scripts and Dockerfiles as simple commands, and what they set as facts. Nothing is run."""

from __future__ import annotations

import re
from collections.abc import Iterator

from gpufix.frozen import Frozen
from gpufix.source.requirement_files import addresses
from gpufix.source.source_facts import AbiFlag, Address, ShellExport, ShellFacts

_TOKEN = re.compile(
    r"(?P<join>\\\r?\n)"
    r"|(?P<newline>\r?\n)"
    r"|(?P<space>[ \t]+)"
    r"|(?P<comment>\#[^\n]*)"
    r"|(?P<heredoc><<-?[ \t]*(?P<q>['\"]?)(?P<tag>\w+)(?P=q))"
    r"|(?P<redirect>\d?[<>]+&?)"
    r"|(?P<op>&&|\|\||;;|[;&|()]|[{}](?=[\s;]|\Z))"
    r"|(?P<word>(?:\\.|'[^']*'|\"(?:[^\"\\]|\\.)*\"|\$\((?:[^()]|\([^()]{0,200}\)){0,500}\)|\$\{[^}]{0,200}\}"
    r"|[^\s;&|()<>\\'\"])+|.)",
    re.DOTALL,
)
# The bounds keep a file of nothing but openings linear.
_DEEPER = {"if", "for", "while", "until", "case", "select"}
_SHALLOWER = {"fi", "done", "esac"}
_LEADING = {"then", "else", "elif", "do", "in", "!", "{", "}", "time"}


class Word(Frozen):
    """One word as written, and where (offsets)."""

    raw: str
    start: int
    end: int

    @property
    def text(self) -> str:
        """Without its quotes."""
        return re.sub(r"'([^']*)'|\"((?:[^\"\\]|\\.)*)\"", lambda m: m[1] or m[2] or "", self.raw)


class Simple(Frozen):
    """One simple command. `depth` 0 = it runs whenever the script does."""

    words: tuple[Word, ...]
    line: int
    depth: int


def simple_commands(text: str, stops: bool = False) -> list[Simple]:
    """Every simple command, in order; `export A=1 B=2` is one.

    stops: a command that fails ends it all, so that what stands behind `&&` is no choice.
    """
    found: list[Simple] = []
    depth, short, groups = 0, False, 0
    for words, line, operator in _runs(text):
        while words and words[0].raw in _LEADING | _DEEPER | _SHALLOWER:
            first = words.pop(0).raw
            depth = max(0, depth + (first in _DEEPER) - (first in _SHALLOWER))
        if words:
            found.append(Simple(tuple(words), line, depth + groups + short))
        choice = ("||",) if stops else ("&&", "||")
        short = operator in choice or (short and operator == "|")
        if operator in ("(", "{"):
            groups += 1
        elif operator in (")", "}"):  # a pattern of case ends with one that nothing opened
            groups = max(0, groups - 1)
    return found


def _runs(text: str) -> Iterator[tuple[list[Word], int, str]]:
    """Words up to each operator or line end."""
    words: list[Word] = []
    line, begun, position = 1, 1, 0
    tags: list[str] = []
    while token := _TOKEN.match(text, position):
        position = token.end()
        if token["newline"] or token["op"]:
            yield words, begun, (token["op"] or "\n")
            words = []
        elif token["heredoc"]:
            tags.append(token["tag"])
        elif token["comment"] and position - len(token["comment"]) > 0 and not _starts(text, token):
            words.append(Word(token["comment"], token.start(), token.end()))
        elif token["word"]:
            begun = begun if words else line
            words.append(Word(token["word"], token.start(), token.end()))
        line += token.group().count("\n")
        if token["newline"] and tags:
            body_end = _after_documents(text, position, tags)
            line += text.count("\n", position, body_end)
            position, tags = body_end, []
    yield words, begun, "\n"


def _starts(text: str, token: re.Match[str]) -> bool:
    """Whether a # begins a comment: only after a blank or an operator."""
    return token.start() == 0 or text[token.start() - 1] in " \t\n;&|()"


def _after_documents(text: str, position: int, tags: list[str]) -> int:
    for tag in tags:
        end = re.compile(rf"^\t*{re.escape(tag)}[ \t]*\r?$", re.MULTILINE).search(text, position)
        if end is None:
            return len(text)
        position = min(len(text), end.end() + 1)
    return position


LISTS = ("TORCH_CUDA_ARCH_LIST", "PYTORCH_ROCM_ARCH", "CUDAARCHS")
_ASSIGN = re.compile(rf"({'|'.join(LISTS)})=(.*)", re.DOTALL)
_ABI = re.compile(r"-D\s?_GLIBCXX_USE_CXX11_ABI=([01])(?!\w)")
_NOT_RUN = ("echo", "printf", "grep", "sed", "cat", "read")
_WORDS = (*(name.encode() for name in LISTS), b"_GLIBCXX_USE_CXX11_ABI", b"http")


def concerns(data: bytes) -> bool:
    """Whether a script has a word that is asked for."""
    return any(word in data for word in _WORDS)


def scan_shell(text: str, stops: bool = False) -> ShellFacts:
    """What a script sets. Conditional settings are left out. stops: as for simple_commands."""
    exports: list[ShellExport] = []
    abi: list[AbiFlag] = []
    found: list[Address] = []
    for command in simple_commands(text, stops):
        if command.words[0].text in _NOT_RUN:
            continue
        exports += _exports(command)
        if command.depth:
            continue
        words = [word.text for word in command.words]
        flags = (flag for word in words if (flag := _ABI.search(word)))
        abi += [AbiFlag(command.line, int(flag.group(1)), ()) for flag in flags]
        found += addresses(words, command.line)
    return ShellFacts(tuple(exports), tuple(abi), tuple(found))


def _exports(command: Simple) -> list[ShellExport]:
    """NAME=value that later commands see: exported, or before a command."""
    words = [word.text for word in command.words]
    assigns = words[0] in ("export", "declare", "env") or len(words) > 1
    rows = []
    for word in words:
        found = _ASSIGN.fullmatch(word)
        if not found or not assigns or command.depth or "$" in found.group(2):
            continue
        rows.append(ShellExport(command.line, found.group(1), found.group(2)))
    return rows


_COMMENT = re.compile(r"(?m)^[ \t]*#.*$")
# An instruction up to the first line that no backslash continues; lines left empty by comments
# are passed over, as Docker does.
_INSTRUCTION = re.compile(
    r"(?m)^[ \t]*([A-Za-z]+)[ \t]+((?:[^\n]*\\[ \t]*\r?\n(?:[ \t]*\r?\n)*)*[^\n]*)"
)
_DOCUMENT = re.compile(r"<<-?[\"']?(\w+)[\"']?")
_OPTION = re.compile(r"\A(?:--[\w-]+=\S+[\s\\]+)+")
_IMAGE = re.compile(r"(?:\S+/)?nvidia/cuda:(\d+\.\d+)\S*-devel")


def scan_docker(text: str) -> ShellFacts:
    """What ENV, ARG and RUN set; rows of RUN with the image that the stage is built on."""
    exports: list[ShellExport] = []
    abi: list[AbiFlag] = []
    wheels: list[Address] = []
    text, image, position = _COMMENT.sub("", text), None, 0
    while found := _INSTRUCTION.search(text, position):
        position = found.end()
        name, words = found[1].upper(), found[2]
        line = text.count("\n", 0, found.start(2))
        if name == "FROM":
            base = _IMAGE.match(_OPTION.sub("", words))
            image = base[1] if base else None
        elif name in ("ENV", "ARG"):
            exports += _set(words, line)
        elif name == "RUN":
            if document := _DOCUMENT.search(words):
                end = re.compile(rf"(?m)^\t*{document[1]}[ \t]*\r?$").search(text, position)
                stop = end.start() if end else len(text)
                words, position = text[position:stop], stop
                line = text.count("\n", 0, found.end())
            words = _OPTION.sub(lambda m: "\n" * m[0].count("\n"), words, count=1)
            run = scan_shell(words, stops=True)
            exports += [r._replace(line=r.line + line, image=image) for r in run.exports]
            abi += [r._replace(line=r.line + line, image=image) for r in run.abi]
            wheels += [r._replace(line=r.line + line, image=image) for r in run.addresses]
    return ShellFacts(tuple(exports), tuple(abi), tuple(wheels))


def _set(words: str, line: int) -> list[ShellExport]:
    """NAME=value …, or the old NAME value."""
    rows = []
    for command in simple_commands(words):
        texts = [word.text for word in command.words]
        if "=" not in texts[0] and len(texts) > 1:
            texts = [f"{texts[0]}={' '.join(texts[1:])}"]
        for text in texts:
            name, _, value = text.partition("=")
            if name in LISTS and value and "$" not in value:
                rows.append(ShellExport(command.line + line, name, value))
    return rows
