"""What words become: parameters, substitutions, file names. What only a run tells stands as "\\0"."""

from __future__ import annotations

import posixpath
import re
from itertools import pairwise
from typing import TYPE_CHECKING

from gpufix.source.builds import shell_arithmetic, shell_patterns
from gpufix.source.builds.run import UNKNOWN_PART
from gpufix.source.builds.shell_state import Value, joined
from gpufix.source.builds.shell_syntax import (
    Arithmetic,
    Assignment,
    Literally,
    Parameter,
    Part,
    ProcessFile,
    Substitution,
    Word,
)

if TYPE_CHECKING:
    from gpufix.source.builds.shell_core import ShellCore

# Set for nearly everybody, to something that facts do not hold.
_PERSONAL = frozenset((
    "HOME", "USER", "LOGNAME", "PATH", "SHELL", "TERM", "LANG", "HOSTNAME", "RANDOM", "UID", "EUID",
    "SECONDS", "PPID", "BASHPID", "BASH_VERSION", "BASH", "TMPDIR", "DISPLAY", "OLDPWD", "EPOCHSECONDS",
    "CONDA_PREFIX", "CONDA_DEFAULT_ENV", "CONDA_EXE", "VIRTUAL_ENV", "SUDO_USER", "PS1", "COLUMNS",
))  # fmt: skip
_FIXED = {"OSTYPE": "linux-gnu", "IFS": " \t\n", "OPTIND": "1"}
_GLOB = re.compile(r"[*?\[]")
_LONGEST, _MOST = 1 << 16, 2000  # characters of a value, fields of a command
_ESCAPE = re.compile(r"([*?\[\]\\(){}|@!+^-])")


class Expander:
    """Expansions for one runner."""

    def __init__(self, runner: ShellCore) -> None:
        self._run = runner

    # ----------------------------------------------------------------- words

    def fields(self, words: tuple[Word | Assignment, ...]) -> list[str]:
        """The words of a command."""
        found: list[str] = []
        for word in words:
            if isinstance(word, Assignment):
                found.append(word.name)
            elif word.fixed is not None:
                found.append(word.fixed)
            else:
                found += self._fields(word)
            if len(found) > _MOST:
                return found[:_MOST]
        self._run.spend(sum(map(len, found)))
        return found

    def text(self, word: Word) -> str:
        """A word that is not split: of an assignment, a redirection, a case."""
        if word.fixed is not None:
            return word.fixed
        return self._tilde(word, "".join(self._part(part) for part in word.parts))[:_LONGEST]

    def pattern(self, word: Word) -> str:
        """A word as a pattern: what is quoted stands for itself."""
        out = []
        for part in word.parts:
            text = self._part(part)
            quoted = getattr(part, "quoted", False)
            out.append(_ESCAPE.sub(r"\\\1", text) if quoted else text)
        return "".join(out)[:_LONGEST]

    def regular(self, word: Word) -> str:
        """A word behind =~."""
        out = []
        for part in word.parts:
            text = self._part(part)
            quoted = getattr(part, "quoted", False)
            out.append(re.sub(r"([\\.^$*+?{}\[\]|()])", r"\\\1", text) if quoted else text)
        return "".join(out)[:_LONGEST]

    def _tilde(self, word: Word, text: str) -> str:
        first = word.parts[0] if word.parts else None
        if isinstance(first, Literally) and not first.quoted and first.text.startswith("~"):
            home = self._run.lookup("HOME") or UNKNOWN_PART
            name, slash, rest = text.partition("/")
            return (home if name == "~" else UNKNOWN_PART) + slash + rest
        return text

    def _fields(self, word: Word) -> list[str]:
        """One word split into fields, with its braces and patterns of file names expanded."""
        if braces := self._braces(word):
            return braces
        fields: list[list[str]] = []
        current: list[str] | None = None
        pattern = False
        for part in word.parts:
            if isinstance(part, Literally):
                current = [] if current is None else current
                current.append(part.text)
                pattern |= not part.quoted and _GLOB.search(part.text) is not None
                continue
            pieces = self._pieces(part)
            if isinstance(pieces, str):  # quoted, or nothing to split
                current = [] if current is None else current
                current.append(pieces)
                continue
            starts, ends, items = pieces
            if starts and current is not None:
                fields.append(current)
                current = None
            for index, item in enumerate(items):
                if index:
                    fields.append(current or [])
                    current = None
                current = [] if current is None else current
                current.append(item)
            if ends and current is not None:
                fields.append(current)
                current = None
        if current is not None:
            fields.append(current)
        found = ["".join(field)[:_LONGEST] for field in fields]
        if found:
            found[0] = self._tilde(word, found[0])
        if not pattern:
            return found
        return [name for text in found for name in self._names(text)]

    def _pieces(self, part: Part) -> str | tuple[bool, bool, list[str]]:
        """A text that stays whole, or: split before it, after it, its fields."""
        if isinstance(part, Parameter) and (many := self._many(part)) is not None:
            if part.quoted and (part.name == "*" or part.key == "*"):
                return " ".join(many)
            if not part.quoted:
                many = [field for text in many for field in text.split()]
            return False, False, many
        text = self._part(part)
        if getattr(part, "quoted", False) or isinstance(part, ProcessFile):
            return text
        separators = self._separators()
        items = (
            [i for i in re.split(f"[{re.escape(separators)}]+", text) if i]
            if separators
            else [text]
        )
        starts = bool(text) and text[0] in separators
        ends = bool(text) and text[-1] in separators
        return starts, ends, items

    def _separators(self) -> str:
        found = self._run.state.variables.get("IFS", " \t\n")
        return found if isinstance(found, str) and UNKNOWN_PART not in found else " \t\n"

    def _many(self, part: Parameter) -> list[str] | None:
        """The fields of "$@" or "${NAME[@]}"; None: it is no list."""
        if part.prefix or part.operator not in (
            "",
            ":",
            ":-",
            ":+",
            "-",
            "+",
            "##",
            "#",
            "%",
            "%%",
        ):
            return None
        if part.name in ("@", "*") and not part.key:
            values = self._run.state.arguments
            found = [UNKNOWN_PART] if values is None else list(values)
        elif part.key in ("@", "*"):
            value = self._run.lookup_value(part.name)
            found = _list(value)
        else:
            return None
        argument = part.argument
        if part.operator == ":" and argument is not None:
            return self._slice(part, found)
        if part.operator in (":-", "-"):
            return found or (self.fields((argument,)) if argument else [])
        if part.operator in (":+", "+"):
            return (self.fields((argument,)) if argument else []) if found else []
        if part.operator:
            return [self._applied(part, item) for item in found]
        return found

    def _slice(self, part: Parameter, items: list[str]) -> list[str]:
        if UNKNOWN_PART in items:
            return items
        start, count = self._bounds(part)
        if start is None:
            return [UNKNOWN_PART]
        if part.name in ("@", "*"):
            items, start = [self._run.path, *items], start
        start = max(0, start + len(items) if start < 0 else start)
        return items[start:] if count is None else items[start : start + max(0, count)]

    def _bounds(self, part: Parameter) -> tuple[int | None, int | None]:
        first, _, second = (
            self.text(part.argument).partition(":") if part.argument else ("", "", "")
        )
        try:
            start = self.number(first)
            return start, self.number(second) if second else None
        except shell_arithmetic.NotANumber:
            return None, None

    # ----------------------------------------------------------------- parts

    def _part(self, part: Part) -> str:
        match part:
            case Literally():
                return part.text
            case Parameter():
                return self._parameter(part)
            case Substitution():
                return self._run.output_of(part.script)
            case Arithmetic():
                try:
                    return str(self.number(part.text))
                except shell_arithmetic.NotANumber:
                    return UNKNOWN_PART
            case ProcessFile():
                self._run.output_of(part.script)
                return UNKNOWN_PART

    def number(self, text: str) -> int:
        """The value of an arithmetic expression. Raises NotANumber."""
        if "$" in text or "`" in text:
            text = self._run.expanded(text)
        return shell_arithmetic.value(text, self._run.number_of, self._run.assign)

    def _parameter(self, part: Parameter) -> str:
        name, run = part.name, self._run
        if part.prefix == "!":
            if part.operator in ("*", "@") or part.key:
                return UNKNOWN_PART
            target = run.lookup(name)
            if not target or UNKNOWN_PART in target or not re.fullmatch(r"\w+", target):
                return UNKNOWN_PART
            part = part._replace(name=target, prefix="")
            name = target
        if part.prefix == "#":
            return self._length(part)
        value = self._plain(part)
        if value is None and not part.operator:
            return ""
        return self._applied(part, value)

    def _length(self, part: Parameter) -> str:
        many = self._many(part._replace(prefix=""))
        if many is not None:
            return UNKNOWN_PART if UNKNOWN_PART in many else str(len(many))
        value = self._plain(part) or ""
        return UNKNOWN_PART if UNKNOWN_PART in value else str(len(value))

    def _plain(self, part: Parameter) -> str | None:
        """The value before an operator; None: not set."""
        if part.name in ("@", "*") and not part.key:
            values = self._run.state.arguments
            return UNKNOWN_PART if values is None else " ".join(values) or None
        if part.key is None:
            return self._run.lookup(part.name)
        value = self._run.lookup_value(part.name)
        if part.key in ("@", "*"):
            return " ".join(_list(value)) if value is not None else None
        if isinstance(value, dict):
            key = self._run.expanded(part.key).strip("\"'")
            return UNKNOWN_PART if UNKNOWN_PART in key else value.get(key)
        try:
            items = _list(value)
            at = self.number(part.key)
            if UNKNOWN_PART in items:
                return UNKNOWN_PART
            return items[at] if -len(items) <= at < len(items) else None
        except shell_arithmetic.NotANumber:
            return UNKNOWN_PART

    def _applied(self, part: Parameter, value: str | None) -> str:
        operator = part.operator
        argument = part.argument
        plain = operator.lstrip(":") if operator != ":" else ":"
        if plain in ("-", "=", "+", "?"):
            return self._default(part, value, plain)
        value = value or ""
        if not operator or argument is None:
            if operator in ("^^", ",,", "^", ","):
                return _cased(value, operator)
            return value
        if operator in ("#", "##", "%", "%%"):
            longest = len(operator) == 2
            self._run.spend(len(value) ** 2)
            found = shell_patterns.stripped(
                value, self.pattern(argument), operator[0] == "%", longest
            )
            return UNKNOWN_PART if found is None else found
        if operator.startswith("/"):
            return self._replaced(part, value)
        if operator == ":":
            start, count = self._bounds(part)
            if start is None or UNKNOWN_PART in value:
                return UNKNOWN_PART
            start = max(0, start + len(value)) if start < 0 else start
            if count is not None and count < 0:
                return value[start : len(value) + count]
            return value[start:] if count is None else value[start : start + count]
        if operator in ("^^", ",,", "^", ","):
            return _cased(value, operator)
        return value if operator in ("@Q", "@a") else UNKNOWN_PART

    def _default(self, part: Parameter, value: str | None, operator: str) -> str:
        argument = part.argument
        missing = value is None or (part.operator[0] == ":" and value == "")
        if value and UNKNOWN_PART in value and operator != "+":
            return value
        if operator == "+":
            return "" if missing or argument is None else self.text(argument)
        if not missing:
            return value or ""
        if operator == "?":
            raise self._run.ends()
        text = self.text(argument) if argument else ""
        if operator == "=":
            self._run.assign(part.name, text)
        return text

    def _replaced(self, part: Parameter, value: str) -> str:
        argument, operator = part.argument, part.operator
        if argument is None:
            return value
        pattern, slash, new = self.pattern(argument).partition("/")
        if pattern.endswith("\\") and slash:
            second, _, new = new.partition("/")
            pattern = f"{pattern[:-1]}/{second}"
        new = re.sub(r"\\(.)", r"\1", new)
        self._run.spend(len(value) ** 2)
        anchor = operator[-1] if operator[-1] in "#%" else ""
        found = shell_patterns.replaced(value, pattern, new, operator.startswith("//"), anchor)
        return UNKNOWN_PART if found is None else found

    # ---------------------------------------------------- braces, file names

    def _braces(self, word: Word) -> list[str] | None:
        """{a,b} and {1..3} in a word of plain text."""
        if not any(isinstance(p, Literally) and not p.quoted and "{" in p.text for p in word.parts):
            return None
        text = ""
        for part in word.parts:
            if isinstance(part, Literally):
                text += re.sub(r"([{},])", "\\\\\\1", part.text) if part.quoted else part.text
            else:
                return self._braces_around(word)
        found = _braced(text)
        if len(found) < 2:
            return None
        plain = [re.sub(r"\\(.)", r"\1", item) for item in found]
        return [
            name for item in plain for name in (self._names(item) if _GLOB.search(item) else [item])
        ]

    def _braces_around(self, word: Word) -> list[str] | None:
        """The same with parameters in it: each stands for one text."""
        texts: list[str] = []
        text = ""
        for part in word.parts:
            if isinstance(part, Literally):
                text += re.sub(r"([{},])", "\\\\\\1", part.text) if part.quoted else part.text
            else:
                text += f"\x01{len(texts)}\x02"
                texts.append(self._part(part))
        found = _braced(text)
        if len(found) < 2:
            return None
        plain = [re.sub(r"\\(.)", r"\1", item) for item in found]
        return [re.sub("\x01(\\d+)\x02", lambda m: texts[int(m[1])], item) for item in plain]

    def _names(self, text: str) -> list[str]:
        """The file names that a pattern stands for; itself where there are none, or nobody can tell."""
        if UNKNOWN_PART in text:
            return [text]
        parts = text.split("/")
        found = ["/" if text.startswith("/") else ""]
        for part in parts:
            if not part or len(found) > 500:
                continue
            if not _GLOB.search(part):
                found = [f"{base}{part}/" for base in found]
                continue
            found = [name for base in found for name in self._in(base, part)]
        exact = [name.rstrip("/") for name in found if self._run.exists(name.rstrip("/"))]
        return sorted(exact) or [text]

    def _in(self, base: str, pattern: str) -> list[str]:
        folder = joined(self._run.state.folder, base or ".")
        names = {*(self._run.world.files.names_in(folder) or ())}
        names |= {
            posixpath.basename(p) for p in self._run.state.made if posixpath.dirname(p) == folder
        }
        return [
            f"{base}{name}/"
            for name in names
            if (not name.startswith(".") or pattern.startswith("."))
            and shell_patterns.matches(pattern, name)
        ]


def personal(name: str) -> str | None:
    """The value of a variable that no fact holds: known, unknown, or None for unset."""
    if name in _FIXED:
        return _FIXED[name]
    return UNKNOWN_PART if name in _PERSONAL else None


def _list(value: Value | None) -> list[str]:
    if value is None:
        return []
    if isinstance(value, str):
        return [value]
    return list(value.values()) if isinstance(value, dict) else list(value)


def _cased(value: str, operator: str) -> str:
    if UNKNOWN_PART in value:
        return UNKNOWN_PART
    change = str.upper if operator[0] == "^" else str.lower
    return change(value) if len(operator) == 2 else change(value[:1]) + value[1:]


_ESCAPED = re.compile(r"\\.|[{},]")
_RANGE = re.compile(r"(-?\d{1,6})\.\.(-?\d{1,6})(?:\.\.(-?\d{1,6}))?|([A-Za-z])\.\.([A-Za-z])")


def _braced(text: str, depth: int = 0) -> list[str]:
    """A text with its first braces expanded, and so on."""
    if depth > 8:
        return [text]
    level, start, commas = 0, -1, list[int]()
    for found in _ESCAPED.finditer(text):
        if found.group() == "{":
            if not level:
                start, commas = found.start(), []
            level += 1
        elif found.group() == "," and level == 1:
            commas.append(found.start())
        elif found.group() == "}" and level:
            level -= 1
            if level:
                continue
            inside = text[start + 1 : found.start()]
            options = _options(text, start, found.start(), commas) if commas else _ranged(inside)
            if not options or (start and text[start - 1] == "$"):
                continue
            rest = _braced(text[found.end() :], depth + 1)
            items = [i for option in options for i in _braced(option, depth + 1)]
            return [text[:start] + i + r for i in items[:200] for r in rest[:200]][:500]
    return [text]


def _options(text: str, start: int, end: int, commas: list[int]) -> list[str]:
    marks = [start, *commas, end]
    return [text[a + 1 : b] for a, b in pairwise(marks)]


def _ranged(inside: str) -> list[str]:
    found = _RANGE.fullmatch(inside)
    if not found:
        return []
    if found[4]:
        first, last = ord(found[4]), ord(found[5])
        step = 1 if first <= last else -1
        return [chr(code) for code in range(first, last + step, step)]
    first, last = int(found[1]), int(found[2])
    step = abs(int(found[3])) if found[3] else 1
    step = (step or 1) * (1 if first <= last else -1)
    if abs(last - first) // abs(step) > 200:
        return []
    return [str(n) for n in range(first, last + (1 if step > 0 else -1), step)]
