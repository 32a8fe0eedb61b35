"""A parsed script written out again in another layout, for bash to say whether it is the same."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator

from gpufix.source.builds.shell_syntax import (
    AndOr,
    Assignment,
    Calculation,
    Case,
    Command,
    Counting,
    For,
    Function,
    Group,
    If,
    Loop,
    Pipeline,
    Redirect,
    Redirected,
    Script,
    Simple,
    Substitution,
    Test,
    Word,
)

STARTS = "gpufix-oracle-function"


def canonical(text: str) -> str | None:
    """The script as bash prints a function of it; None when bash refuses it."""
    script = f"{STARTS} () {{\n{text}\n}}\ndeclare -f {STARTS}\n"
    run = subprocess.run(
        ["bash", "--norc"], input=script.encode(), capture_output=True, check=False
    )
    if run.returncode or run.stderr:
        return None
    return re.sub(r"(?m)^( *)time (?:-p )?", r"\1", run.stdout.decode("utf-8", "replace"))


def printed(script: Script, text: str) -> str:
    """The same script: one command a line."""
    return _Printer(text).script(script)


def inner(script: Script) -> Iterator[tuple[Script, str]]:
    """The scripts of $(…) and `…` in it, with their texts."""
    stack: list[object] = [script]
    while stack:
        each = stack.pop()
        if isinstance(each, Substitution):
            yield each.script, each.text
        elif isinstance(each, Redirect):
            stack += [each.word, each.document]
        elif isinstance(each, tuple):
            stack += each


class _Printer:
    def __init__(self, text: str) -> None:
        self.text = text
        self.waiting: list[str] = []

    def end(self) -> str:
        """A line's end, with the here-documents that wait for it."""
        documents = "".join(self.waiting)
        self.waiting = []
        return "\n" + documents

    def script(self, script: Script) -> str:
        return "".join(self.and_or(each) + self.end() for each in script.lists)

    def and_or(self, each: AndOr) -> str:
        out = self.pipeline(each.first)
        for operator, pipeline in each.rest:
            out += f" {operator}{self.end()}{self.pipeline(pipeline)}"
        return out + (" &" if each.background else "")

    def pipeline(self, each: Pipeline) -> str:
        out = "! " if each.negated else ""
        for index, command in enumerate(each.commands):
            out += (f" |{self.end()}" if index else "") + self.command(command)
        return out

    def word(self, each: Word | Assignment) -> str:
        if isinstance(each, Word) and each.start < 0:
            return each.fixed or ""
        return self.text[each.start : each.end]

    def redirects(self, rows: tuple[Redirect, ...]) -> str:
        out = ""
        for each in rows:
            out += f" {each.descriptor}{each.operator} {self.word(each.word)}"
            if each.document is not None:
                self.waiting.append(self.text[each.document.start : each.document.end])
                if not self.waiting[-1].endswith("\n"):
                    self.waiting[-1] += "\n"
        return out

    def command(self, each: Command) -> str:
        body = self.script
        match each:
            case Simple():
                words = [self.word(w) for w in (*each.assignments, *each.words)]
                return " ".join(words) + self.redirects(each.redirects)
            case If():
                out = ""
                for index, (condition, then) in enumerate(each.clauses):
                    start = "elif" if index else "if"
                    out += f"{start} {body(condition)}then\n{body(then)}"
                return out + (f"else\n{body(each.otherwise)}" if each.otherwise else "") + "fi"
            case Loop():
                start = "until" if each.until else "while"
                return f"{start} {body(each.condition)}do\n{body(each.body)}done"
            case For():
                words = (
                    "" if each.words is None else "in " + " ".join(self.word(w) for w in each.words)
                )
                return f"{each.kind} {each.name} {words}\ndo\n{body(each.body)}done"
            case Counting():
                return f"for (({';'.join(each.parts)}))\ndo\n{body(each.body)}done"
            case Case():
                out = f"case {self.word(each.word)} in\n"
                for item in each.items:
                    patterns = " | ".join(self.word(p) for p in item.patterns)
                    out += f"({patterns})\n{body(item.body)}{item.ends}\n"
                return out + "esac"
            case Group():
                opens, closes = ("(", ")") if each.subshell else ("{", "}")
                return f"{opens}\n{body(each.body)}{closes}"
            case Function():
                return f"function {each.name} ()\n{self.command(each.body)}"
            case Test():
                tokens = [t if isinstance(t, str) else self.word(t) for t in each.tokens]
                return f"[[ {' '.join(tokens)} ]]"
            case Calculation():
                return f"(({each.text}))"
            case Redirected():
                return self.command(each.command) + self.redirects(each.redirects)
