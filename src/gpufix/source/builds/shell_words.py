"""The words of a shell script as bash reads them: quotes, expansions and here-documents."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from bisect import bisect_right

from gpufix.source.builds.shell_syntax import (
    Arithmetic,
    Literally,
    Parameter,
    Part,
    ProcessFile,
    Redirect,
    Script,
    Substitution,
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
_PARAMETER = re.compile(r"[A-Za-z_]\w*|\d+|[@*#?$!-]")
_DOLLAR = re.compile(r"\$([A-Za-z_]\w*|[0-9@*#?$!-])")
_OPERATOR = re.compile(r":?[-=?+]|##?|%%?|//?[#%]?|\^\^?|,,?|@[A-Za-z]|:")
_QUOTED = re.compile(r"[^\"\\$`]+")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "e": "\x1b", "f": "\f",
            "v": "\v", "0": "\0"}  # fmt: skip


class ShellWords(ABC):
    """One text, read once from left to right; words hold $(…), whose commands shell_parser.py reads."""

    def __init__(self, text: str, line: int = 1, depth: int = 0) -> None:
        self.text, self.at, self._first, self._depth = text, 0, line, depth
        self._breaks = [found.start() for found in re.finditer("\n", text)]
        self._documents: list[tuple[Redirect, str, bool, bool]] = []

    @abstractmethod
    def script(self) -> Script:
        """The whole text."""

    @abstractmethod
    def body(self) -> Script:
        """Lists within another command: at least one."""

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

    # ----------------------------------------------------------- documents

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
                inner = type(self)(body, line, self._depth + 1)
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
        script = type(self)(inner, self.line(), self._depth).script()
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


_EXPANDED = re.compile(r"[*?\[{~]")  # patterns of file names, braces, a home folder


def _fixed(parts: list[Part]) -> str | None:
    """The text of a word in which nothing is expanded."""
    for each in parts:
        if not isinstance(each, Literally) or (not each.quoted and _EXPANDED.search(each.text)):
            return None
    return "".join(each.text for each in parts)  # type: ignore[union-attr]
