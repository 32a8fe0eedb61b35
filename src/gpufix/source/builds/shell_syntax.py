"""What a shell script consists of. Offsets are into the text of the whole script."""

from __future__ import annotations

from typing import Literal, NamedTuple, TypeAlias


class Literally(NamedTuple):
    """Characters that stand for themselves. Unquoted ones may hold patterns."""

    text: str
    quoted: bool


class Parameter(NamedTuple):
    """$NAME or ${NAME…}. operator: ":-", "%%", "/", "[@]" without an argument, "#" before the name."""

    name: str
    quoted: bool
    operator: str = ""
    argument: Word | None = None
    key: str | None = None  # within [ ], as written
    prefix: Literal["", "#", "!"] = ""


class Substitution(NamedTuple):
    """$(…) or a text in backquotes."""

    script: Script
    quoted: bool
    text: str


class Arithmetic(NamedTuple):
    """$((…))."""

    text: str
    quoted: bool


class ProcessFile(NamedTuple):
    """<(…): the name of a file that a command writes."""

    script: Script


Part: TypeAlias = "Literally | Parameter | Substitution | Arithmetic | ProcessFile"


class Word(NamedTuple):
    """One word as written, and where."""

    parts: tuple[Part, ...]
    start: int
    end: int
    fixed: str | None = None  # what it stands for, where nothing in it is expanded
    line: int = 0


class Assignment(NamedTuple):
    """NAME=word, NAME+=word or NAME=(…)."""

    name: str
    value: Word | tuple[Word, ...]
    appends: bool
    key: str | None
    start: int
    end: int


class Redirect:
    """Where a descriptor leads. `document`: the body of a here-document, filled in at the line's end."""

    __slots__ = ("descriptor", "document", "operator", "word")

    def __init__(self, descriptor: str, operator: str, word: Word) -> None:
        self.descriptor, self.operator, self.word = descriptor, operator, word
        self.document: Word | None = None


class Simple(NamedTuple):
    """Assignments and words up to an operator."""

    assignments: tuple[Assignment, ...]
    words: tuple[Word | Assignment, ...]  # declare A=(…) has assignments among them
    redirects: tuple[Redirect, ...]
    line: int
    start: int
    end: int


class Pipeline(NamedTuple):
    """Commands joined by pipes, one or more."""

    commands: tuple[Command, ...]
    negated: bool
    line: int


class AndOr(NamedTuple):
    """first, then each of the rest if the one before has succeeded (&&) or failed (||)."""

    first: Pipeline
    rest: tuple[tuple[str, Pipeline], ...]
    background: bool


class Script(NamedTuple):
    """Lists one after another. `error`: where and why it is no shell script from there on."""

    lists: tuple[AndOr, ...]
    error: tuple[int, str] | None = None


class If(NamedTuple):
    """Conditions with what they lead to, in order, and what else."""

    clauses: tuple[tuple[Script, Script], ...]
    otherwise: Script | None
    line: int


class Loop(NamedTuple):
    """while, or until."""

    condition: Script
    body: Script
    until: bool
    line: int


class For(NamedTuple):
    """for NAME in words. words None: the arguments. kind: select lets the user choose."""

    name: str
    words: tuple[Word, ...] | None
    body: Script
    line: int
    kind: Literal["for", "select"] = "for"


class Counting(NamedTuple):
    """for ((…; …; …))."""

    parts: tuple[str, str, str]
    body: Script
    line: int


class CaseItem(NamedTuple):
    """Patterns and what they lead to. ends: ";;", ";&" or ";;&"."""

    patterns: tuple[Word, ...]
    body: Script
    ends: str
    line: int


class Case(NamedTuple):
    """case word in items."""

    word: Word
    items: tuple[CaseItem, ...]
    line: int


class Group(NamedTuple):
    """{ …; }, or ( … ) in a shell of its own."""

    body: Script
    subshell: bool
    line: int


class Function(NamedTuple):
    """NAME() body."""

    name: str
    body: Command
    line: int


class Test(NamedTuple):
    """[[ … ]]: its operators as texts, all else as words."""

    tokens: tuple[str | Word, ...]
    line: int
    start: int
    end: int


class Calculation(NamedTuple):
    """(( … ))."""

    text: str
    line: int


class Redirected(NamedTuple):
    """A compound command with redirections."""

    command: Command
    redirects: tuple[Redirect, ...]
    line: int


Command: TypeAlias = "Simple | If | Loop | For | Counting | Case | Group | Function | Test | Calculation | Redirected"
