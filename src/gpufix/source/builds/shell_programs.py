"""What programs print, where that can be told without running them."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from gpufix.source.builds import shell_patterns
from gpufix.source.builds.run import UNKNOWN_PART
from gpufix.source.builds.shell_state import joined
from gpufix.source.builds.world import BuildWorld

if TYPE_CHECKING:
    from gpufix.source.builds.shell_core import ShellCore

Printer = Callable[["ShellCore", Sequence[str], str | None], str | None]
_LINES, _LINE = 400, 2000


def output(run: ShellCore, words: Sequence[str], given: str | None) -> str | None:
    """What a program prints; None: only a run would tell. given: what it reads."""
    printer = _PROGRAMS.get(posixpath.basename(words[0]))
    if printer is None or any(UNKNOWN_PART in word for word in words[1:]):
        return None
    run.spend(len(given or "") // 10)
    if given is None or UNKNOWN_PART not in given:
        return printer(run, words[1:], given)
    if given.rstrip("\n") == UNKNOWN_PART or given.count(UNKNOWN_PART) > 20:
        return None
    answers = set()
    for part in _SAMPLES:
        answer = printer(run, words[1:], given.replace(UNKNOWN_PART, part))
        answers.add(answer and answer.replace(part, UNKNOWN_PART))
    return answers.pop() if len(answers) == 1 else None


# What an unknown part of a text may be: when the answer is the same, it does not depend on that.
_SAMPLES = ("73150", "y.x-w/v,u:t s=r")


def _lines(given: str | None) -> list[str] | None:
    if given is None:
        return None
    rows = given.split("\n")
    if rows and not rows[-1]:
        rows.pop()
    if len(rows) > _LINES or any(len(row) > _LINE for row in rows):
        return None
    return rows


def _pattern(run: ShellCore, text: str, basic: bool, rows: Sequence[str]) -> re.Pattern[str] | None:
    """A regular expression for these lines."""
    longest = max((len(row) for row in rows), default=0)
    found = shell_patterns.regular(text, basic, longest)
    if found is not None:
        run.spend(len(rows) * shell_patterns.effort(found.pattern, longest) // 20)
    return found


def _joined(rows: Sequence[str]) -> str:
    return "".join(f"{row}\n" for row in rows)


def _nvcc(run: ShellCore, words: Sequence[str], _: str | None) -> str | None:
    release = run.world.nvcc
    if list(words) not in (["--version"], ["-V"]) or not release or release == "?":
        return None
    return (
        "nvcc: NVIDIA (R) Cuda compiler driver\n"
        f"Cuda compilation tools, release {release}, V{release}.{UNKNOWN_PART}\n"
    )


def _uname(run: ShellCore, words: Sequence[str], _: str | None) -> str | None:
    system = {"linux": "Linux", "darwin": "Darwin"}.get(run.world.platform, "Linux")
    known = {"": system, "-s": system, "-m": run.world.machine, "-p": run.world.machine}
    found = known.get(" ".join(words))
    return f"{found}\n" if found else None


def _dirname(_: ShellCore, words: Sequence[str], __: str | None) -> str | None:
    rest = [word for word in words if word != "--"]
    return _joined([posixpath.dirname(rest[0].rstrip("/")) or "."]) if len(rest) == 1 else None


def _basename(_: ShellCore, words: Sequence[str], __: str | None) -> str | None:
    if not 1 <= len(words) <= 2 or words[0].startswith("-"):
        return None
    name = posixpath.basename(words[0].rstrip("/"))
    suffix = words[1] if len(words) == 2 else ""
    return _joined([name[: -len(suffix)] if suffix and name.endswith(suffix) else name])


def _realpath(run: ShellCore, words: Sequence[str], _: str | None) -> str | None:
    rest = [word for word in words if not word.startswith("-")]
    return _joined([joined(run.state.folder, rest[0])]) if len(rest) == 1 else None


def _cat(run: ShellCore, words: Sequence[str], given: str | None) -> str | None:
    if not words or list(words) == ["-"]:
        return given
    texts = [run.read(word) for word in words]
    return None if None in texts else "".join(text or "" for text in texts)


def _cut(_: ShellCore, words: Sequence[str], given: str | None) -> str | None:
    rows, delimiter, fields, by = _lines(given), "\t", "", ""
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if word[:2] not in ("-d", "-f", "-c") or (len(word) == 2 and not rest):
            return None
        value = word[2:] or rest.pop(0)
        if word[:2] == "-d":
            delimiter = value
        else:
            fields, by = value, word[:2]
    found = re.fullmatch(r"(\d{1,4})?(-)?(\d{1,4})?", fields)
    if rows is None or not found or not fields or not by:
        return None
    first = int(found[1] or 1) - 1
    last = int(found[3]) if found[3] else (None if found[2] else first + 1)
    if by == "-c":
        return _joined([row[first:last] for row in rows])
    return _joined([
        delimiter.join(row.split(delimiter)[first:last]) if delimiter in row else row for row in rows
    ])  # fmt: skip


def _head(_: ShellCore, words: Sequence[str], given: str | None) -> str | None:
    return _some(words, given, lambda rows, n: rows[:n])


def _tail(_: ShellCore, words: Sequence[str], given: str | None) -> str | None:
    return _some(words, given, lambda rows, n: rows[-n:] if n else [])


def _some(
    words: Sequence[str], given: str | None, take: Callable[[list[str], int], list[str]]
) -> str | None:
    rows = _lines(given)
    found = re.fullmatch(r"(?:-n ?|-)?(\d{0,6})", " ".join(words))
    if rows is None or not found or (words and not found[1]):
        return None
    return _joined(take(rows, int(found[1] or 10)))


def _grep(run: ShellCore, words: Sequence[str], given: str | None) -> str | None:
    rows = _lines(given)
    flags, rest = "", list(words)
    while rest and rest[0].startswith("-") and len(rest[0]) > 1:
        word = rest.pop(0)
        if word == "-e" and rest:
            break
        flags += word[1:]
    if rows is None or len(rest) != 1 or set(flags) - set("oEivFqwxc"):
        return None
    text = re.escape(rest[0]) if "F" in flags else rest[0]
    pattern = _pattern(run, text, "E" not in flags and "F" not in flags, rows)
    if pattern is None or set(flags) & set("wx"):
        return None
    if "i" in flags:
        pattern = re.compile(pattern.pattern, re.IGNORECASE)
    if "o" in flags:
        return _joined([m.group() for row in rows for m in pattern.finditer(row) if m.group()])
    found = [row for row in rows if bool(pattern.search(row)) != ("v" in flags)]
    if "c" in flags:
        return f"{len(found)}\n"
    return "" if "q" in flags else _joined(found)


_SED = re.compile(r"s(?P<d>[/|,#@:!])(?P<old>(?:\\.|(?!(?P=d)).)*)(?P=d)(?P<new>(?:\\.|(?!(?P=d)).)*)(?P=d)(?P<flags>[gp]*)")  # fmt: skip


def _sed(run: ShellCore, words: Sequence[str], given: str | None) -> str | None:
    rows, basic, quiet = _lines(given), True, False
    scripts, rest = list[str](), list(words)
    while rest:
        word = rest.pop(0)
        if word == "-e" and rest:
            scripts.append(rest.pop(0))
        elif word in ("-E", "-r"):
            basic = False
        elif word == "-n":
            quiet = True
        elif re.fullmatch("-n[rE]|-[rE]n", word):
            basic, quiet = False, True
        elif word.startswith("-") or scripts:
            return None
        else:
            scripts.append(word)
    if rows is None:
        return None
    for script in scripts:
        for each in script.split(";") if "s" in script else [script]:
            changed = _edited(run, rows, each.strip(), basic, quiet)
            if changed is None:
                return None
            rows = changed
    return _joined(rows)


def _edited(
    run: ShellCore, rows: list[str], script: str, basic: bool, quiet: bool
) -> list[str] | None:
    if one := re.fullmatch(r"(\d{1,5})p", script):
        return rows[int(one[1]) - 1 : int(one[1])] if quiet else None
    found = _SED.fullmatch(script)
    if found is None or quiet != ("p" in found["flags"]):
        return None
    old = found["old"].replace("\\" + found["d"], found["d"])
    pattern = _pattern(run, old, basic, rows)
    if pattern is None:
        return None
    new = re.sub(r"\\(.)|&", lambda m: m.group() if m[1] and m[1].isdigit() else (
        "\\g<0>" if m.group() == "&" else re.escape(m[1])), found["new"])  # fmt: skip
    try:
        changed = [pattern.subn(new, row, count=0 if "g" in found["flags"] else 1) for row in rows]
    except (re.error, IndexError):
        return None
    return [text for text, count in changed if count or not quiet]


_AWK = re.compile(r"(?:/(?P<line>[^/]*)/\s*)?\{\s*print\s+(?P<what>\$(?:NF|\d{1,3}))\s*;?\s*\}")


def _awk(run: ShellCore, words: Sequence[str], given: str | None) -> str | None:
    rows, rest = _lines(given), list(words)
    separator: str | None = None
    while rest and rest[0].startswith("-F"):
        word = rest.pop(0)
        if len(word) == 2 and not rest:
            return None
        separator = word[2:] or rest.pop(0)
    found = _AWK.fullmatch(rest[0].strip()) if len(rest) == 1 else None
    if rows is None or found is None or (separator is not None and len(separator) != 1):
        return None
    if found["line"] is not None:
        pattern = _pattern(run, found["line"], basic=False, rows=rows)
        if pattern is None:
            return None
        rows = [row for row in rows if pattern.search(row)]
    out = []
    for row in rows:
        parts = row.split(None if separator == " " else separator)
        what = found["what"][1:]
        at = len(parts) if what == "NF" else int(what)
        out.append(row if not at else parts[at - 1] if at <= len(parts) else "")
    return _joined(out)


def _tr(_: ShellCore, words: Sequence[str], given: str | None) -> str | None:
    if given is None or len(given) > 20_000:
        return None
    sets = [_set(word) for word in words if word != "-d"]
    if None in sets:
        return None
    if words[:1] == ["-d"] and len(sets) == 1:
        return "".join(char for char in given if char not in (sets[0] or ""))
    if len(sets) != 2 or len(words) != 2 or not sets[1]:
        return None
    old, new = sets[0] or "", sets[1] or ""
    new = new.ljust(len(old), new[-1])
    return given.translate({ord(a): b for a, b in zip(old, new, strict=False)})


def _set(word: str) -> str | None:
    named = {"[:upper:]": "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "[:lower:]": "abcdefghijklmnopqrstuvwxyz",
             "[:space:]": " \t\n\r\v\f", "[:digit:]": "0123456789"}  # fmt: skip
    if word in named:
        return named[word]
    word = word.replace("\\n", "\n").replace("\\t", "\t").replace("\\r", "\r")
    if "\\" in word or "[:" in word or word.startswith("-"):
        return None
    return re.sub(r"([a-zA-Z0-9])-([a-zA-Z0-9])", lambda m: "".join(
        chr(code) for code in range(ord(m[1]), ord(m[2]) + 1)), word)  # fmt: skip


def _wc(_: ShellCore, words: Sequence[str], given: str | None) -> str | None:
    rows = _lines(given)
    if rows is None or list(words) not in (["-l"], ["-w"]):
        return None
    return f"{len(rows) if words[0] == '-l' else sum(len(row.split()) for row in rows)}\n"


def _seq(_: ShellCore, words: Sequence[str], __: str | None) -> str | None:
    if not 1 <= len(words) <= 3 or not all(re.fullmatch(r"-?\d{1,6}", word) for word in words):
        return None
    numbers = [int(word) for word in words]
    first = 1 if len(numbers) == 1 else numbers[0]
    step = numbers[1] if len(numbers) == 3 else 1
    if not step or abs(numbers[-1] - first) // abs(step) > _LINES:
        return None
    return _joined([str(n) for n in range(first, numbers[-1] + (1 if step > 0 else -1), step)])


def _sort(_: ShellCore, words: Sequence[str], given: str | None) -> str | None:
    rows = _lines(given)
    if rows is None or list(words) not in ([], ["-u"], ["-r"]):
        return None
    found = sorted(set(rows) if list(words) == ["-u"] else rows)
    return _joined(found[::-1] if list(words) == ["-r"] else found)


def _getopt(_: ShellCore, words: Sequence[str], __: str | None) -> str | None:
    """util-linux's getopt: the options in order, quoted, then -- and what is left."""
    short, long, rest = "", list[str](), list(words)
    while rest and rest[0] != "--":
        word = rest.pop(0)
        name, attached, value = word.partition("=")
        if name in (
            "-o",
            "--options",
            "-l",
            "--long",
            "--longoptions",
            "--longopts",
            "-n",
            "--name",
        ):
            value = value if attached else (rest.pop(0) if rest else "")
            if name in ("-o", "--options"):
                short = value.lstrip("+-")
            elif name not in ("-n", "--name"):
                long += value.split(",")
        elif name.startswith("-o"):
            short = word[2:]
        elif word not in ("-a", "-q", "-u"):
            return None
    return _options(short, long, rest[1:])


def _options(short: str, long: list[str], given: list[str]) -> str | None:
    found, left = list[str](), list[str]()
    while given:
        word = given.pop(0)
        if word == "--":
            left += given
            break
        if word.startswith("--"):
            name, attached, value = word[2:].partition("=")
            fits = [o for o in long if o.rstrip(":") == name] or [
                o for o in long if o.startswith(name)
            ]
            if len(fits) != 1:
                return None
            found.append(f"--{fits[0].rstrip(':')}")
            if fits[0].endswith("::"):
                found.append(f"'{value}'")
            elif fits[0].endswith(":"):
                if not attached and not given:
                    return None
                found.append(f"'{value if attached else given.pop(0)}'")
        elif word.startswith("-") and len(word) > 1:
            at = short.find(word[1])
            if at < 0:
                return None
            found.append(word[:2])
            if short[at + 1 : at + 2] == ":":
                if len(word) == 2 and not given:
                    return None
                found.append(f"'{word[2:] or given.pop(0)}'")
            elif len(word) > 2:
                given.insert(0, f"-{word[2:]}")
        else:
            left.append(word)
    rows = [*found, "--", *(f"'{word}'" for word in left)]
    return None if any("'" in word[1:-1] for word in rows) else f" {' '.join(rows)}\n"


def _arch(run: ShellCore, words: Sequence[str], _: str | None) -> str | None:
    return None if words else f"{run.world.machine}\n"


_PROGRAMS: dict[str, Printer] = {
    "nvcc": _nvcc, "uname": _uname, "arch": _arch, "dirname": _dirname, "basename": _basename,
    "realpath": _realpath, "readlink": _realpath, "cat": _cat, "cut": _cut, "head": _head,
    "tail": _tail, "grep": _grep, "egrep": lambda r, w, g: _grep(r, ["-E", *w], g), "sed": _sed,
    "awk": _awk, "gawk": _awk, "tr": _tr, "wc": _wc, "seq": _seq, "sort": _sort, "getopt": _getopt,
}  # fmt: skip


def python_code(words: Sequence[str], given: str | None) -> str | None:
    """The code that a call of Python runs from its command line or its input."""
    if not re.fullmatch(r"(?:.*/)?python(?:3(?:\.\d+)?)?", words[0]):
        return None
    rest = list(words[1:])
    while rest and rest[0] in ("-u", "-I", "-s", "-S", "-B", "-E", "-W", "-Wignore"):
        if rest.pop(0) == "-W" and rest:
            rest.pop(0)
    if rest[:1] == ["-c"] and len(rest) > 1:
        return rest[1]
    return given if rest in ([], ["-"]) and given else None


def python_version(world: BuildWorld) -> str:
    """What `python --version` prints."""
    return f"Python {'.'.join(str(n) for n in world.python)}\n"
