"""Shell scripts as bash reads them. Nothing is run; sizes and depths are bounded."""

from __future__ import annotations

import re
from functools import lru_cache

from gpufix.source.builds.shell_syntax import (
    AndOr,
    Assignment,
    Calculation,
    Case,
    CaseItem,
    Command,
    Counting,
    For,
    Function,
    Group,
    If,
    Literally,
    Loop,
    Pipeline,
    Redirect,
    Redirected,
    Script,
    Simple,
    Test,
    Word,
)
from gpufix.source.builds.shell_words import ShellSyntaxError, ShellWords

_CLOSING = frozenset(("then", "elif", "else", "fi", "do", "done", "esac", "}"))
_REDIRECT = re.compile(r"(\d*|\{\w+\})(<<<|<<-|<<|<&|<>|>>|>&|>\||&>>|&>|<|>)(?!\()")
_ASSIGN = re.compile(r"([A-Za-z_]\w*)(\[[^\]\n]*\])?(\+?)=")
_FUNCTION = re.compile(r"([^\s|&;<>()$`\\\"'=]+)[ \t]*\([ \t]*\)")
_NAME = re.compile(r"[A-Za-z_]\w*")
_LISTED = re.compile(r"\r?\n|;;&|;;|;&|;|&(?![&>])")
_DECLARE = frozenset(("declare", "typeset", "local", "export", "readonly", "eval"))


@lru_cache(maxsize=256)  # plans are tried on views that have the same scripts
def parse(text: str, line: int = 1) -> Script:
    """The script; what stands before an error of syntax is kept, as bash would run it."""
    return _Parser(text, line).script()


class _Parser(ShellWords):
    """Lists, commands and redirections, made of words."""

    # ----------------------------------------------------------------- lists

    def script(self) -> Script:
        lists: list[AndOr] = []
        try:
            self.lists(lists)
            if self.at < len(self.text):
                rest = self.text[self.at : self.at + 10]
                raise self.fail(f"unexpected {(rest.split() or [repr(rest)])[0]}")
        except ShellSyntaxError as error:
            return Script(tuple(lists), (error.line, error.reason))
        return Script(tuple(lists))

    def body(self) -> Script:
        """Lists within another command: at least one."""
        self.deeper()
        lists: list[AndOr] = []
        self.lists(lists)
        self._depth -= 1
        return Script(tuple(lists))

    def lists(self, into: list[AndOr]) -> None:
        while True:
            self.breaks()
            if self.at >= len(self.text) or self.text[self.at] == ")":
                return
            if self.text.startswith((";;", ";&"), self.at) or self.reserved() in _CLOSING:
                return
            into.append(self.and_or())
            self.blanks()
            found = _LISTED.match(self.text, self.at)
            if not found or found.group() in (";;", ";&", ";;&"):
                return
            if found.group().endswith("\n"):
                self.breaks()
                continue
            self.at = found.end()
            if found.group() == "&":
                into[-1] = into[-1]._replace(background=True)

    def and_or(self) -> AndOr:
        first = self.pipeline()
        rest: list[tuple[str, Pipeline]] = []
        while True:
            self.blanks()
            operator = self.text[self.at : self.at + 2]
            if operator not in ("&&", "||"):
                return AndOr(first, tuple(rest), background=False)
            self.at += 2
            self.breaks()
            rest.append((operator, self.pipeline()))

    def pipeline(self) -> Pipeline:
        self.blanks()
        negated, line = False, self.line()
        while (word := self.reserved()) in ("!", "time"):
            negated ^= word == "!"
            self.at += len(word)
            self.blanks()
            if word == "time" and self.text.startswith("-p ", self.at):
                self.at += 3
                self.blanks()
        commands = [self.command()]
        while True:
            self.blanks()
            if not self.text.startswith("|", self.at) or self.text.startswith("||", self.at):
                return Pipeline(tuple(commands), negated, line)
            if self.text.startswith("|&", self.at):
                commands[-1] = _with_errors(commands[-1])
                self.at += 1
            self.at += 1
            self.breaks()
            commands.append(self.command())

    # -------------------------------------------------------------- commands

    def command(self) -> Command:
        self.deeper()
        try:
            return self._command()
        finally:
            self._depth -= 1

    def _command(self) -> Command:
        line, word = self.line(), self.reserved()
        if self.text.startswith("((", self.at):
            end = self.parentheses(self.at + 2)
            if end is not None and self.text.startswith("))", end):
                found: Command = Calculation(self.text[self.at + 2 : end], line)
                self.at = end + 2
                return self.redirected(found, line)
        if self.text.startswith("(", self.at):
            self.at += 1
            body = self.body()
            self.expect(")")
            return self.redirected(Group(body, subshell=True, line=line), line)
        if word == "coproc":
            self.at += len(word)
            self.blanks()
            return self._command()
        if word in _COMPOUND:
            self.at += len(word)
            return self.redirected(_COMPOUND[word](self, line), line)
        if word and word != "in":
            raise self.fail(f"unexpected {word}")
        if named := _FUNCTION.match(self.text, self.at):
            self.at = named.end()
            return self.function_body(named[1], line)
        return self.simple()

    def redirected(self, command: Command, line: int) -> Command:
        redirects: list[Redirect] = []
        while True:
            self.blanks()
            if not self.redirect(redirects):
                return Redirected(command, tuple(redirects), line) if redirects else command

    def if_(self, line: int) -> Command:
        clauses = []
        while True:
            condition = self.body()
            self.expect("then")
            clauses.append((condition, self.body()))
            self.breaks()
            if self.reserved() != "elif":
                break
            self.at += 4
        otherwise = None
        if self.reserved() == "else":
            self.at += 4
            otherwise = self.body()
        self.expect("fi")
        return If(tuple(clauses), otherwise, line)

    def while_(self, line: int) -> Command:
        return self.loop(line, until=False)

    def until_(self, line: int) -> Command:
        return self.loop(line, until=True)

    def loop(self, line: int, until: bool) -> Command:
        condition = self.body()
        return Loop(condition, self.do(), until, line)

    def do(self) -> Script:
        self.breaks()
        if self.text.startswith(";", self.at):
            self.at += 1
        self.breaks()
        if self.reserved() == "{":
            self.at += 1
            body = self.body()
            self.expect("}")
            return body
        self.expect("do")
        body = self.body()
        self.expect("done")
        return body

    def for_(self, line: int) -> Command:
        self.blanks()
        if self.text.startswith("((", self.at):
            end = self.parentheses(self.at + 2)
            if end is None:
                raise self.fail("for (( without its end")
            first, second, third, *_ = [*self.text[self.at + 2 : end].split(";"), "", "", ""]
            self.at = end + 2
            return Counting((first, second, third), self.do(), line)
        return self.each(line)

    def select_(self, line: int) -> Command:
        self.blanks()
        return self.each(line)._replace(kind="select")

    def each(self, line: int) -> For:
        name = _NAME.match(self.text, self.at)
        if name is None:
            raise self.fail("for without a name")
        self.at = name.end()
        self.breaks()
        words = None
        if self.reserved() == "in":
            self.at += 2
            found: list[Word] = []
            while True:
                self.blanks()
                word = self.word()
                if word is None:
                    break
                found.append(word)
            words = tuple(found)
        return For(name.group(), words, self.do(), line)

    def case_(self, line: int) -> Command:
        self.blanks()
        word = self.word()
        if word is None:
            raise self.fail("case without a word")
        self.expect("in")
        items: list[CaseItem] = []
        while True:
            self.breaks()
            if self.reserved() == "esac":
                self.at += 4
                return Case(word, tuple(items), line)
            items.append(self.case_item())

    def case_item(self) -> CaseItem:
        line = self.line()
        if self.text.startswith("(", self.at):
            self.at += 1
        patterns = []
        while True:
            self.blanks()
            pattern = self.word()
            if pattern is None:
                raise self.fail("a pattern is missing")
            patterns.append(pattern)
            self.blanks()
            if not self.text.startswith("|", self.at):
                break
            self.at += 1
        self.expect(")")
        body = self.body()
        self.breaks()
        ends = next((e for e in (";;&", ";;", ";&") if self.text.startswith(e, self.at)), "")
        self.at += len(ends)
        if not ends and self.reserved() != "esac":
            raise self.fail(";; is missing")
        return CaseItem(tuple(patterns), body, ends or ";;", line)

    def group(self, line: int) -> Command:
        body = self.body()
        self.expect("}")
        return Group(body, subshell=False, line=line)

    def function_(self, line: int) -> Command:
        self.blanks()
        start = self.at
        while self.at < len(self.text) and self.text[self.at] not in " \t\r\n(){};|&<>":
            self.at += 1
        name = self.text[start : self.at]
        self.blanks()
        empty = re.compile(r"\([ \t]*\)").match(self.text, self.at)
        self.at = empty.end() if empty else self.at
        return self.function_body(name, line)

    def function_body(self, name: str, line: int) -> Command:
        self.breaks()
        return Function(name, self.command(), line)

    def test_(self, line: int) -> Command:
        start, tokens = self.at - 2, list[str | Word]()
        while True:
            last = self.at
            self.breaks()
            if self.text.startswith("]]", self.at):
                self.at += 2
                return Test(tuple(tokens), line, start, self.at)
            regular = self.text.endswith("=~", start, last)
            operator = next((o for o in ("&&", "||", "(", ")", "<", ">")
                             if self.text.startswith(o, self.at)), "")  # fmt: skip
            if operator and not regular:
                self.at += len(operator)
                tokens.append(operator)
                continue
            word = self.word(regular=regular)
            if word is None:
                raise self.fail("[[ without its end")
            tokens.append(word)

    # ---------------------------------------------------------------- simple

    def simple(self) -> Simple:
        start, line = self.at, self.line()
        assignments: list[Assignment] = []
        words: list[Word | Assignment] = []
        redirects: list[Redirect] = []
        end = start
        while True:
            self.blanks()
            if self.redirect(redirects):
                end = self.at
                continue
            first = words[0] if words else None
            declares = isinstance(first, Word) and first.fixed in _DECLARE
            if (not words or declares) and (found := self.assignment(array_only=bool(words))):
                (words if words else assignments).append(found)
                end = self.at
                continue
            word = self.word()
            if word is None:
                break
            words.append(word)
            end = self.at
        if not (words or assignments or redirects):
            raise self.fail(f"unexpected {self.text[self.at : self.at + 1] or 'end'}")
        return Simple(tuple(assignments), tuple(words), tuple(redirects), line, start, end)

    def assignment(self, array_only: bool) -> Assignment | None:
        found = _ASSIGN.match(self.text, self.at)
        if found is None:
            return None
        array = self.text.startswith("(", found.end())
        if array_only and not array:
            return None
        start, self.at = self.at, found.end()
        index = found[2][1:-1] if found[2] else None
        if array:
            self.at += 1
            return self._array(found[1], bool(found[3]), start)
        value = self.word() or Word((), self.at, self.at, "", self.line())
        return Assignment(found[1], value, bool(found[3]), index, start, self.at)

    def _array(self, name: str, appends: bool, start: int) -> Assignment:
        values: list[Word] = []
        while True:
            self.breaks()
            if self.text.startswith(")", self.at):
                self.at += 1
                return Assignment(name, tuple(values), appends, None, start, self.at)
            word = self.word()
            if word is None:
                raise self.fail(") of an array is missing")
            values.append(word)

    def redirect(self, into: list[Redirect]) -> bool:
        found = _REDIRECT.match(self.text, self.at)
        if found is None:
            return False
        self.at = found.end()
        operator = found[2]
        self.blanks()
        start = self.at
        word = self.word()
        if word is None:
            raise self.fail("a redirection leads nowhere")
        each = Redirect(found[1], operator, word)
        into.append(each)
        if operator in ("<<", "<<-"):
            raw = self.text[start : self.at]
            quoted = any(c in raw for c in "\\'\"")
            self._documents.append((each, re.sub(r"[\\'\"]", "", raw), quoted, operator == "<<-"))
        return True


_COMPOUND = {
    "if": _Parser.if_,
    "while": _Parser.while_,
    "until": _Parser.until_,
    "for": _Parser.for_,
    "select": _Parser.select_,
    "case": _Parser.case_,
    "{": _Parser.group,
    "function": _Parser.function_,
    "[[": _Parser.test_,
}


def _with_errors(command: Command) -> Command:
    """|& is 2>&1 |."""
    one = Redirect("2", ">&", Word((Literally("1", quoted=False),), -1, -1, "1"))
    if isinstance(command, (Simple, Redirected)):
        return command._replace(redirects=(*command.redirects, one))
    return Redirected(command, (one,), command.line)
