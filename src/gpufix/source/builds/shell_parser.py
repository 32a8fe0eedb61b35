"""Shell scripts as bash reads them. Nothing is run; sizes and depths are bounded."""

from __future__ import annotations

import re
from bisect import bisect_right
from functools import lru_cache

from gpufix.source.builds.shell_syntax import (
    AndOr,
    Arithmetic,
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
    Parameter,
    Part,
    Pipeline,
    ProcessFile,
    Redirect,
    Redirected,
    Script,
    Simple,
    Substitution,
    Test,
    Word,
)

DEEPEST = 60  # commands and expansions within each other


class ShellSyntaxError(ValueError):
    """What bash would refuse. `line` is where."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(f"line {line}: {reason}")
        self.line, self.reason = line, reason


_BLANKS = re.compile(r"(?:[ \t]+|\\\r?\n)*")
_COMMENT = re.compile(r"#[^\n]*")
_PLAIN = re.compile(r"[^\s|&;<>()$`\\\"'@?*+!]+")
_RESERVED = re.compile(
    r"(?:if|then|elif|else|fi|do|done|while|until|for|case|esac|select|function|time|coproc|in"
    r"|\{|\}|!|\[\[)(?=[\s;&|()<>]|\Z)"
)
_CLOSING = frozenset(("then", "elif", "else", "fi", "do", "done", "esac", "}"))
_REDIRECT = re.compile(r"(\d*|\{\w+\})(<<<|<<-|<<|<&|<>|>>|>&|>\||&>>|&>|<|>)(?!\()")
_ASSIGN = re.compile(r"([A-Za-z_]\w*)(\[[^\]\n]*\])?(\+?)=")
_FUNCTION = re.compile(r"([^\s|&;<>()$`\\\"'=]+)[ \t]*\([ \t]*\)")
_NAME = re.compile(r"[A-Za-z_]\w*")
_PARAMETER = re.compile(r"[A-Za-z_]\w*|\d+|[@*#?$!-]")
_DOLLAR = re.compile(r"\$([A-Za-z_]\w*|[0-9@*#?$!-])")
_OPERATOR = re.compile(r":?[-=?+]|##?|%%?|//?[#%]?|\^\^?|,,?|@[A-Za-z]|:")
_QUOTED = re.compile(r"[^\"\\$`]+")
_LISTED = re.compile(r"\r?\n|;;&|;;|;&|;|&(?![&>])")
_DECLARE = frozenset(("declare", "typeset", "local", "export", "readonly", "eval"))
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "e": "\x1b", "f": "\f",
            "v": "\v", "0": "\0"}  # fmt: skip


@lru_cache(maxsize=256)  # plans are tried on views that have the same scripts
def parse(text: str, line: int = 1) -> Script:
    """The script; what stands before an error of syntax is kept, as bash would run it."""
    return _Parser(text, line).script()


class _Parser:
    """One text, read once from left to right."""

    def __init__(self, text: str, line: int = 1, depth: int = 0) -> None:
        self.text, self.at, self._first, self._depth = text, 0, line, depth
        self._breaks = [found.start() for found in re.finditer("\n", text)]
        self._documents: list[tuple[Redirect, str, bool, bool]] = []

    # ---------------------------------------------------------------- places

    def line(self, offset: int | None = None) -> int:
        return self._first + bisect_right(self._breaks, (self.at if offset is None else offset) - 1)

    def fail(self, reason: str) -> ShellSyntaxError:
        return ShellSyntaxError(self.line(), reason)

    def deeper(self) -> None:
        self._depth += 1
        if self._depth > DEEPEST:
            raise self.fail("nested too deeply")

    def blanks(self) -> None:
        """Blanks, joined lines and a comment."""
        found = _BLANKS.match(self.text, self.at)
        self.at = found.end() if found else self.at
        if self.text.startswith("#", self.at):
            comment = _COMMENT.match(self.text, self.at)
            self.at = comment.end() if comment else self.at

    def breaks(self) -> None:
        """Blanks and line ends; here-documents begin after one."""
        while True:
            self.blanks()
            if self.text.startswith("\r\n", self.at):
                self.at += 1
            if not self.text.startswith("\n", self.at):
                return
            self.at += 1
            self.documents()

    def reserved(self) -> str:
        """The reserved word that stands here, "" for none."""
        found = _RESERVED.match(self.text, self.at)
        return found.group() if found else ""

    def expect(self, word: str) -> None:
        self.breaks()
        if word in (")", "("):
            if not self.text.startswith(word, self.at):
                raise self.fail(f"{word} is missing")
        elif self.reserved() != word:
            raise self.fail(f"{word} is missing")
        self.at += len(word)

    # ----------------------------------------------------------------- lists

    def script(self) -> Script:
        lists: list[AndOr] = []
        try:
            self.lists(lists)
            if self.at < len(self.text):
                raise self.fail(f"unexpected {self.text[self.at : self.at + 10].split()[0]}")
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

    def documents(self) -> None:
        """The bodies of the here-documents that the line before has begun."""
        for each, tag, quoted, tabs in self._documents:
            line, lines = self.line(), []
            start = self.at
            while self.at < len(self.text):
                end = self.text.find("\n", self.at)
                stop = len(self.text) if end < 0 else end
                row = self.text[self.at : stop]
                self.at = stop + (end >= 0)
                row = row.lstrip("\t") if tabs else row
                if row.rstrip("\r") == tag:
                    break
                lines.append(row + "\n")
            body = "".join(lines)
            if quoted:
                each.document = Word((Literally(body, quoted=True),), start, self.at, body, line)
            else:
                inner = _Parser(body, line, self._depth + 1)
                parts = inner.quoted(None)
                each.document = Word(tuple(parts), start, self.at, _fixed(parts), line)
        self._documents = []

    # ----------------------------------------------------------------- words

    def word(self, regular: bool = False, braces: bool = False) -> Word | None:
        """One word. regular: of =~, where parentheses belong to it; braces: up to a }."""
        start, line, parts = self.at, self.line(), list[Part]()
        within = 0  # parentheses
        text, length = self.text, len(self.text)
        while self.at < length:
            char = text[self.at]
            if braces and char == "}":
                break
            if char in " \t\r\n;&<>" and not braces and not within:
                if char not in "<>" or not text.startswith("(", self.at + 1):
                    break
                self.at += 2
                body = self.body()
                self.expect(")")
                parts.append(ProcessFile(body))
                continue
            if char in "|()" and not braces:
                if not (regular or within):
                    break
                within += (char == "(") - (char == ")")
                if within < 0:
                    break
            self.part(char, parts, quoted=False, braces=braces)
            if char in "@?*+!" and text.startswith("(", self.at) and not braces and not regular:
                end = self.parentheses(self.at + 1)
                if end is None:
                    raise self.fail("a pattern without its end")
                parts.append(Literally(text[self.at : end + 1], quoted=False))
                self.at = end + 1
        if self.at == start:
            return Word((), start, start, "", line) if braces else None
        return Word(tuple(parts), start, self.at, _fixed(parts), line)

    def part(self, char: str, parts: list[Part], quoted: bool, braces: bool = False) -> None:
        """One piece of a word outside double quotes."""
        text = self.text
        if char == "'":
            end = text.find("'", self.at + 1)
            if end < 0:
                raise self.fail("' without its end")
            parts.append(Literally(text[self.at + 1 : end], quoted=True))
            self.at = end + 1
        elif char == '"':
            self.at += 1
            inner = self.quoted('"')
            parts.extend(inner or [Literally("", quoted=True)])
        elif char == "\\":
            after = text[self.at + 1 : self.at + 2]
            self.at += 2
            if after == "\r" and text.startswith("\n", self.at):
                self.at += 1
            elif after != "\n":
                parts.append(Literally(after or "\\", quoted=True))
        elif char == "$":
            self.dollar(parts, quoted)
        elif char == "`":
            self.backquoted(parts, quoted)
        else:
            found = _PLAIN.match(text, self.at)
            end = found.end() if found else self.at + 1
            if braces:
                stop = text.find("}", self.at, end)
                end = stop if stop >= 0 else end
            parts.append(Literally(text[self.at : end], quoted=False))
            self.at = end

    def quoted(self, closing: str | None) -> list[Part]:
        """Within double quotes, up to their end; None: a here-document, up to the text's."""
        parts: list[Part] = []
        text = self.text
        while True:
            if self.at >= len(text):
                if closing is None:
                    return parts
                raise self.fail(f"{closing} without its end")
            char = text[self.at]
            if char == closing:
                self.at += 1
                return parts
            if char == "\\":
                after = text[self.at + 1 : self.at + 2]
                self.at += 2
                if after == "\n":
                    continue
                keeps = after not in ("$", "`", "\\", closing or "\\")
                parts.append(Literally("\\" + after if keeps else after, quoted=True))
            elif char == "$":
                self.dollar(parts, quoted=True)
            elif char == "`":
                self.backquoted(parts, quoted=True)
            else:
                found = _QUOTED.match(text, self.at)
                end = found.end() if found else self.at + 1
                parts.append(Literally(text[self.at : end], quoted=True))
                self.at = end

    def dollar(self, parts: list[Part], quoted: bool) -> None:
        text = self.text
        after = text[self.at + 1 : self.at + 2]
        if text.startswith("$((", self.at):
            end = self.parentheses(self.at + 3)
            if end is not None and text.startswith("))", end):
                parts.append(Arithmetic(text[self.at + 3 : end], quoted))
                self.at = end + 2
                return
        if after == "(":
            start = self.at + 2
            self.at = start
            held, self._documents = self._documents, []
            body = self.body()
            self._documents = held + self._documents
            end = self.at
            self.expect(")")
            parts.append(Substitution(body, quoted, text[start:end]))
        elif after == "{":
            self.at += 2
            parts.append(self.parameter(quoted))
        elif after == "'" and not quoted:
            self.ansi(parts)
        elif after == '"' and not quoted:
            self.at += 2
            parts.extend(self.quoted('"') or [Literally("", quoted=True)])
        elif found := _DOLLAR.match(text, self.at):
            parts.append(Parameter(found[1], quoted))
            self.at = found.end()
        else:
            parts.append(Literally("$", quoted))
            self.at += 1

    def parameter(self, quoted: bool) -> Parameter:
        """After ${ up to its }."""
        text, prefix = self.text, ""
        after = text[self.at + 1 : self.at + 2]
        if text[self.at : self.at + 1] in ("#", "!") and after not in (
            "}",
            ":",
            "-",
            "=",
            "?",
            "+",
        ):
            prefix = text[self.at]
            self.at += 1
        found = _PARAMETER.match(text, self.at)
        if found is None:
            raise self.fail("bad substitution")
        self.at = found.end()
        index = None
        if text.startswith("[", self.at):
            end = self.brackets(self.at + 1)
            index = text[self.at + 1 : end]
            self.at = end + 1
        operator, argument = "", None
        if text.startswith(("*}", "@}"), self.at) and prefix == "!":
            operator = text[self.at]
            self.at += 1
        elif not text.startswith("}", self.at):
            operator, argument = self.operator(quoted)
        if not text.startswith("}", self.at):
            raise self.fail("${ without its }")
        self.at += 1
        return Parameter(found.group(), quoted, operator, argument, index, prefix)  # type: ignore[arg-type]

    def operator(self, quoted: bool) -> tuple[str, Word | None]:
        found = _OPERATOR.match(self.text, self.at)
        if found is None:
            raise self.fail("bad substitution")
        self.at = found.end()
        self.deeper()
        patterned = found.group()[0] in "#%/"
        word = self.word(braces=True) if patterned or not quoted else self.quoted_argument()
        self._depth -= 1
        return found.group(), word

    def quoted_argument(self) -> Word:
        """The word of "${NAME:-word}": as within double quotes, up to the }."""
        start, line, parts = self.at, self.line(), list[Part]()
        text = self.text
        while self.at < len(text) and text[self.at] != "}":
            char = text[self.at]
            if char == '"':
                self.at += 1
                parts.extend(self.quoted('"'))
            elif char == "\\":
                after = text[self.at + 1 : self.at + 2]
                keeps = after not in ("$", "`", "\\", '"', "}")
                parts.append(Literally("\\" + after if keeps else after, quoted=True))
                self.at += 2
            elif char == "$":
                self.dollar(parts, quoted=True)
            elif char == "`":
                self.backquoted(parts, quoted=True)
            else:
                parts.append(Literally(char, quoted=True))
                self.at += 1
        return Word(tuple(parts), start, self.at, _fixed(parts), line)

    def ansi(self, parts: list[Part]) -> None:
        found = re.compile(r"\$'((?:[^'\\]|\\.)*)'", re.DOTALL).match(self.text, self.at)
        if found is None:
            raise self.fail("' without its end")
        body = re.sub(r"\\(.)", lambda m: _ESCAPES.get(m[1], m[1]), found[1], flags=re.DOTALL)
        parts.append(Literally(body.replace("\0", ""), quoted=True))
        self.at = found.end()

    def backquoted(self, parts: list[Part], quoted: bool) -> None:
        found = re.compile(r"`((?:[^`\\]|\\.)*)`", re.DOTALL).match(self.text, self.at)
        if found is None:
            raise self.fail("` without its end")
        inner = re.sub(r"\\([`\\$\"])" if quoted else r"\\([`\\$])", r"\1", found[1])
        self.deeper()
        script = _Parser(inner, self.line(), self._depth).script()
        self._depth -= 1
        if script.error:
            raise ShellSyntaxError(*script.error)
        parts.append(Substitution(script, quoted, inner))
        self.at = found.end()

    # ------------------------------------------------------------- balancing

    def parentheses(self, at: int) -> int | None:
        """Where the parenthesis ends that began before `at`; quotes and escapes are passed over."""
        depth, limit = 1, min(len(self.text), at + 4096)
        while at < limit:
            char = self.text[at]
            if char == "\\":
                at += 1
            elif char in "'\"":
                end = self.text.find(char, at + 1, limit)
                at = end if end >= 0 else at
            elif char == "(":
                depth += 1
            elif char == ")":
                depth -= 1
                if not depth:
                    return at
            at += 1
        return None

    def brackets(self, at: int) -> int:
        depth, limit = 1, min(len(self.text), at + 512)
        while at < limit:
            depth += (self.text[at] == "[") - (self.text[at] == "]")
            if not depth:
                return at
            at += 1
        raise self.fail("[ without its ]")


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


_EXPANDED = re.compile(r"[*?\[{~]")  # patterns of file names, braces, a home folder


def _fixed(parts: list[Part]) -> str | None:
    """The text of a word in which nothing is expanded."""
    for each in parts:
        if not isinstance(each, Literally) or (not each.quoted and _EXPANDED.search(each.text)):
            return None
    return "".join(each.text for each in parts)  # type: ignore[union-attr]
