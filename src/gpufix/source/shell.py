"""A shell script as simple commands, with the depth at which each stands. Nothing is run.

Knows comments, quoting, line continuations and here-documents; expansions stay as written.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

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


@dataclass(frozen=True)
class Word:
    """One word as written, and where (offsets)."""

    raw: str
    start: int
    end: int

    @property
    def text(self) -> str:
        """Without its quotes."""
        return re.sub(r"'([^']*)'|\"((?:[^\"\\]|\\.)*)\"", lambda m: m[1] or m[2] or "", self.raw)


@dataclass(frozen=True)
class Simple:
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
