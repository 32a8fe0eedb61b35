"""The shell's own commands, and what programs do to the shell's world."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from gpufix.source.builds import shell_arithmetic
from gpufix.source.builds.run import UNKNOWN_PART, Place
from gpufix.source.builds.shell_state import Leave, MissingPath, Status, joined
from gpufix.source.builds.shell_syntax import Assignment, Literally, Simple, Word
from gpufix.source.builds.shell_tests import SingleTest

if TYPE_CHECKING:
    from gpufix.source.builds.shell_run import Runner

Builtin = Callable[["Runner", Simple, list[str]], Status]
_ASSIGN = re.compile(r"([A-Za-z_]\w*)(\+?)=(.*)", re.DOTALL)


def _true(_: Runner, __: Simple, ___: list[str]) -> Status:
    return True


def _false(_: Runner, __: Simple, ___: list[str]) -> Status:
    return False


def _echo(run: Runner, _: Simple, words: list[str]) -> Status:
    rest, newline, escapes = words[1:], "\n", False
    while rest and re.fullmatch("-[neE]+", rest[0]):
        newline = "" if "n" in rest[0] else newline
        escapes |= "e" in rest[0]
        rest = rest[1:]
    text = " ".join(rest)
    if escapes:
        text = text.replace("\\n", "\n").replace("\\t", "\t")
        text = UNKNOWN_PART if "\\" in text else text
    run.say(text + newline)
    return True


def _printf(run: Runner, _: Simple, words: list[str]) -> Status:
    rest = words[1:]
    if rest[:1] == ["-v"]:
        run.assign(rest[1], UNKNOWN_PART) if len(rest) > 1 else None
        return True
    rest = rest[1:] if rest[:1] == ["--"] else rest
    form = rest[0].replace("\\n", "\n").replace("\\t", "\t") if rest else ""
    if "\\" in form or re.search(r"%[^sd%]", form):
        run.say(None)
        return True
    values, out = rest[1:], ""
    count = len(re.findall("%[sd]", form))
    for _turn in range(1 + (max(0, len(values) - 1) // count if count else 0)):
        part = [values.pop(0) if values else "" for _ in range(count)]
        items = iter(part)
        pieces = re.split("(%[sd%])", form)
        out += "".join(
            "%" if p == "%%" else next(items, "") if p in ("%s", "%d") else p for p in pieces
        )
    run.say(out)
    return True


def _pwd(run: Runner, _: Simple, __: list[str]) -> Status:
    run.say(run.state.folder + "\n")
    return True


def _cd(run: Runner, node: Simple, words: list[str]) -> Status:
    rest = [word for word in words[1:] if word not in ("-P", "-L", "--", "-e")]
    state = run.state
    if rest[:1] == ["-"]:
        old = state.variables.get("OLDPWD")
        goal = old if isinstance(old, str) else UNKNOWN_PART
    elif not rest:
        goal = run.lookup("HOME") or UNKNOWN_PART
    else:
        goal = joined(state.folder, rest[0]) if rest[0] else state.folder
        needs(run, node, goal, f"cd {rest[0]}")
    state.variables["OLDPWD"] = state.folder
    state.folder = goal
    return "done" if rest else True


def _pushd(run: Runner, node: Simple, words: list[str]) -> Status:
    rest = [word for word in words[1:] if not word.startswith(("-", "+"))]
    run.state.stack.append(run.state.folder)
    if not rest:
        run.state.folder = UNKNOWN_PART
        return True
    return _cd(run, node, ["cd", rest[0]])


def _popd(run: Runner, _: Simple, __: list[str]) -> Status:
    stack = run.state.stack
    run.state.folder = stack.pop() if stack else UNKNOWN_PART
    return True


def _export(run: Runner, node: Simple, words: list[str]) -> Status:
    flags = "".join(word[1:] for word in words[1:] if word.startswith("-"))
    lines = _lines_of(node)
    for word in words[1:]:
        found = _ASSIGN.fullmatch(word)
        name = found[1] if found else word
        place = Place(run.file, lines.get(name, node.line))
        if word.startswith("-") or not re.fullmatch(r"\w+", name):
            continue
        if "n" in flags:
            run.state.exported.discard(name)
            continue
        if found:
            text = (run.lookup(name) or "") + found[3] if found[2] else found[3]
            run.state.exported.add(name)
            run.assign(name, text, place)
        else:
            run.export(name, place)
    return True


def _lines_of(node: Simple) -> dict[str, int]:
    """The lines of NAME=… and NAME among a command's words, each at its first."""
    lines: dict[str, int] = {}
    for word in node.words:
        first = word.parts[0] if isinstance(word, Word) and word.parts else None
        if isinstance(first, Literally) and (named := re.match(r"\w+(?=\+?=|\Z)", first.text)):
            line = word.line if isinstance(word, Word) and word.line else node.line
            lines.setdefault(named[0], line)
    return lines


def _declare(run: Runner, node: Simple, words: list[str]) -> Status:
    place = Place(run.file, node.line)
    flags = "".join(word[1:] for word in words[1:] if word.startswith("-"))
    if words[0] != "readonly" and "g" not in flags:
        run.keep(re.match(r"\w*", word)[0] for word in words[1:])  # type: ignore[index]
    if "x" in flags and not any(isinstance(word, Assignment) for word in node.words):
        return _export(run, node, [w for w in words if not w.startswith("-")])
    for word in words[1:]:
        found = _ASSIGN.fullmatch(word)
        if word.startswith("-") or (found and not re.fullmatch(r"\w+", found[1])):
            continue
        if found:
            run.assign(found[1], found[3], place)
        elif "A" in flags:
            run.state.variables.setdefault(word, {})
        elif words[0] == "local" and re.fullmatch(r"\w+", word):
            run.state.variables[word] = ""
    for array in node.words:
        if isinstance(array, Assignment):
            run.assignment(array, node.line)
    return True


def _unset(run: Runner, node: Simple, words: list[str]) -> Status:
    place = Place(run.file, node.line)
    for word in words[1:]:
        if "f" in words[1]:
            run.state.functions.pop(word, None)
        if not word.startswith("-"):
            run.unset(word, place)
    return True


def _set(run: Runner, _: Simple, words: list[str]) -> Status:
    rest = words[1:]
    while rest:
        word = rest.pop(0)
        if word == "--":
            run.state.arguments = rest
            run.state.optind = 1
            return True
        if word in ("-o", "+o"):
            name = rest.pop(0) if rest else ""
            letter = {"allexport": "a", "errexit": "e"}.get(name, "")
            _switch(run, letter, word[0] == "-")
        elif re.fullmatch(r"[-+][A-Za-z]+", word):
            for letter in word[1:]:
                _switch(run, letter, word[0] == "-")
                if letter == "o" and rest:
                    rest.pop(0)
        else:
            run.state.arguments = None if UNKNOWN_PART in word else [word, *rest]
            return True
    return True


def _switch(run: Runner, letter: str, on: bool) -> None:
    if on:
        run.state.options.add(letter)
    else:
        run.state.options.discard(letter)


def _shift(run: Runner, _: Simple, words: list[str]) -> Status:
    arguments = run.state.arguments
    if arguments is None:
        return True
    count = words[1] if len(words) > 1 else "1"
    if not count.isdigit():
        run.state.arguments = None
        return True
    if int(count) > len(arguments):
        return False
    run.state.arguments = arguments[int(count) :]
    return True


def _getopts(run: Runner, _: Simple, words: list[str]) -> Status:
    arguments = run.state.arguments
    given = words[3:] or arguments
    if len(words) < 3 or given is None:
        return None
    at, state = run.state.optind, run.state
    if at > len(given) or not re.fullmatch("-[^-].*", given[at - 1]):
        if at <= len(given) and given[at - 1] == "--":
            state.optind += 1
        state.variables[words[2]], state.variables["OPTIND"] = "?", str(state.optind)
        return False
    letter, rest = given[at - 1][1], given[at - 1][2:]
    place = words[1].find(letter)
    state.optind += 1
    state.variables[words[2]] = letter if place >= 0 else "?"
    state.variables.pop("OPTARG", None)
    if place >= 0 and words[1][place + 1 : place + 2] == ":":
        if not rest and state.optind <= len(given):
            rest = given[state.optind - 1]
            state.optind += 1
        state.variables["OPTARG"] = rest
    elif rest:
        state.arguments = [*given[: at - 1], f"-{letter}", f"-{rest}", *given[at:]]
    state.variables["OPTIND"] = str(state.optind)
    return True


def _read(run: Runner, _: Simple, words: list[str]) -> Status:
    names, rest, raw = list[str](), words[1:], None
    while rest:
        word = rest.pop(0)
        if re.fullmatch("-[a-zA-Z]*[pdntuNi]", word) and rest:
            rest.pop(0)
        elif re.fullmatch("-[a-zA-Z]*a", word) and rest:
            raw = rest.pop(0)
        elif not word.startswith("-"):
            names.append(word)
    given = run.given
    if given is None or UNKNOWN_PART in given:
        for name in (raw, *names):
            if name:
                run.state.variables[name] = UNKNOWN_PART
        return None
    if not given:
        for name in names:
            run.state.variables[name] = ""
        return False
    line, *more = given.split("\n", 1)
    run.goes_on(more[0] if more else "")
    separators = run.state.variables.get("IFS", " \t\n")
    pattern = f"[{re.escape(separators)}]+" if isinstance(separators, str) and separators else "\n"
    if raw:
        run.state.variables[raw] = [item for item in re.split(pattern, line.strip()) if item]
        return True
    names = names or ["REPLY"]
    parts = re.split(pattern, line.strip(), maxsplit=len(names) - 1) if len(names) > 1 else [line]
    for index, name in enumerate(names):
        run.state.variables[name] = parts[index].strip() if index < len(parts) else ""
    return True


def _mapfile(run: Runner, _: Simple, words: list[str]) -> Status:
    name = words[-1] if len(words) > 1 and not words[-1].startswith("-") else "MAPFILE"
    given = run.given
    unknown = given is None or UNKNOWN_PART in given
    run.state.variables[name] = UNKNOWN_PART if unknown else (given or "").splitlines()
    return True


def _test(run: Runner, _: Simple, words: list[str]) -> Status:
    rest = words[1:]
    if words[0] == "[":
        if rest[-1:] != ["]"]:
            return None
        rest = rest[:-1]
    return SingleTest(run, rest).answer()


def _eval(run: Runner, _: Simple, words: list[str]) -> Status:
    run.evaluate(" ".join(words[1:]))
    return run.state.status


def _source(run: Runner, node: Simple, words: list[str]) -> Status:
    if len(words) < 2 or UNKNOWN_PART in words[1]:
        return "done"
    if re.search(r"(^|/)activate(\.\w+)?$", words[1]):
        name = " ".join(words[2:]) or posixpath.dirname(posixpath.dirname(words[1])) or words[1]
        run.state.within = name
        run.program(node, words, run.state.environment())
        return "done"
    return run.source(words[1], words[2:] or None)


def _exit(run: Runner, _: Simple, words: list[str]) -> Status:
    raise Leave("exit", status=_given(run, words))


def _return(run: Runner, _: Simple, words: list[str]) -> Status:
    raise Leave("return", status=_given(run, words))


def _given(run: Runner, words: list[str]) -> Status:
    if len(words) < 2:
        return run.state.status
    return words[1] == "0" if UNKNOWN_PART not in words[1] else None


def _break(_: Runner, __: Simple, words: list[str]) -> Status:
    count = words[1] if len(words) > 1 else "1"
    raise Leave(words[0], int(count) if count.isdigit() else 1)


def calculated(run: Runner, text: str) -> Status:
    """(( … ))."""
    try:
        return run.expander.number(text) != 0
    except shell_arithmetic.NotANumber:
        for name in re.findall(r"([A-Za-z_]\w*)\s*(?:[-+*/%]?=(?!=)|\+\+|--)", text):
            run.state.variables[name] = UNKNOWN_PART
        return None


def _let(run: Runner, _: Simple, words: list[str]) -> Status:
    found: Status = True
    for word in words[1:]:
        found = calculated(run, word)
    return found


def _command(run: Runner, node: Simple, words: list[str]) -> Status:
    rest = words[1:]
    if rest[:1] in (["-v"], ["-V"]):
        return _which(run, node, ["type", *rest[1:]])
    while rest and rest[0] in ("-p", "--"):
        rest = rest[1:]
    if rest:
        run.invoke(node, rest)
    return run.state.status


def _which(run: Runner, _: Simple, words: list[str]) -> Status:
    names = [word for word in words[1:] if not word.startswith("-")]
    answers = [_there(run, name) for name in names]
    if names and answers[0]:
        run.say(UNKNOWN_PART + "\n")
    elif names and answers[0] is None:
        run.say(None)
    return False if False in answers else None if None in answers else True


_ALWAYS = frozenset(("bash", "sh", "python", "python3", "ls", "cp", "mv", "rm", "cat", "sed", "grep",
                     "uname", "mkdir", "echo", "cd", "test", "pwd", "head", "tail", "cut"))  # fmt: skip


def _there(run: Runner, name: str) -> bool | None:
    """Whether a command is found."""
    if name in run.state.functions or name in BUILTINS or name in _ALWAYS:
        return True
    if name == "nvcc":
        return None if run.world.nvcc == "?" else run.world.nvcc is not None
    if name in ("pip", "pip3"):
        return True
    if name == "nvidia-smi" and run.world.gpu and run.world.torch and run.world.torch.cuda:
        return True
    return None


def _exec(run: Runner, node: Simple, words: list[str]) -> Status:
    if len(words) > 1:
        run.invoke(node, words[1:])
        raise Leave("exit", status=run.state.status)
    return True


def _prefixed(run: Runner, node: Simple, words: list[str]) -> Status:
    """builtin NAME."""
    if len(words) > 1:
        run.invoke(node, words[1:])
    return run.state.status


BUILTINS: dict[str, Builtin] = {
    ":": _true, "true": _true, "false": _false, "echo": _echo, "printf": _printf, "pwd": _pwd,
    "cd": _cd, "chdir": _cd, "pushd": _pushd, "popd": _popd, "export": _export, "declare": _declare,
    "typeset": _declare, "local": _declare, "readonly": _declare, "unset": _unset, "set": _set,
    "shift": _shift, "getopts": _getopts, "read": _read, "mapfile": _mapfile, "readarray": _mapfile,
    "[": _test, "test": _test, "eval": _eval, "source": _source, ".": _source, "exit": _exit,
    "return": _return, "break": _break, "continue": _break, "let": _let, "command": _command,
    "type": _which, "which": _which, "hash": _which, "exec": _exec, "builtin": _prefixed,
    "trap": _true, "shopt": _true, "alias": _true, "unalias": _true, "wait": _true, "umask": _true,
    "ulimit": _true, "jobs": _true, "disown": _true, "bg": _true, "fg": _true, "dirs": _true,
    "times": _true, "history": _true, "complete": _true, "enable": _true, "kill": _true,
}  # fmt: skip

# Programs whose answer is what a script asks for.
_QUESTIONS = frozenset((
    "grep", "egrep", "fgrep", "diff", "cmp", "nvidia-smi", "rocm-smi", "rocminfo", "pgrep", "ping",
    "dpkg", "rpm", "lspci", "lsmod", "pidof", "hipcc", "nvcc", "ldconfig", "find", "curl", "wget",
))  # fmt: skip
# Programs that put nothing into a project.
_HARMLESS = frozenset((
    "apt", "apt-get", "yum", "dnf", "brew", "sleep", "clear", "ls", "rm", "rmdir", "chmod", "chown",
    "grep", "egrep", "cut", "head", "tail", "sort", "uniq", "tr", "wc", "nvcc", "nvidia-smi", "uname",
    "date", "nproc", "whoami", "hostname", "id", "tput", "dirname", "basename", "realpath", "readlink",
    "which", "cat", "awk", "pip", "pip3", "conda", "mamba", "micromamba", "ldconfig", "getopt", "du",
    "df", "free", "lspci", "gcc", "g++", "seq", "expr", "mkdir", "touch", "ln", "cp", "mv", "git", "env",
    "kill", "pkill", "rocm-smi", "rocminfo", "module", "tee", "stat", "find", "sed", "source", ".",
))  # fmt: skip
_COPIES = ("cp", "mv", "ln", "rsync")


def success(run: Runner, words: Sequence[str]) -> Status:
    """How a program ends: it succeeds, or that is what is asked."""
    rest = unwrapped(words)
    name = posixpath.basename(rest[0]) if rest else ""
    if name in ("python", "python3") and len(rest) > 1 and rest[1] == "-c":
        return None
    if name in ("pip", "pip3") and rest[1:2] in (["show"], ["list"], ["check"]):
        return None
    if name in ("conda", "mamba") and rest[1:2] in (["env"], ["info"], ["list"]):
        return "done" if rest[2:3] == ["create"] else None
    return None if name in _QUESTIONS or UNKNOWN_PART in name else "done"


def unwrapped(words: Sequence[str]) -> list[str]:
    """A command without sudo, env, time and their like before it."""
    rest = list(words)
    while rest:
        name = posixpath.basename(rest[0])
        if name == "env":
            rest = rest[1:]
            while rest and (rest[0].startswith("-") or "=" in rest[0]):
                rest = rest[2:] if rest[0] in ("-u", "-C", "-S") else rest[1:]
        elif name in ("sudo", "time", "nice", "nohup", "command", "exec", "ionice", "stdbuf"):
            rest = rest[1:]
            while rest and rest[0].startswith("-"):
                rest = rest[2:] if rest[0] in ("-u", "-n", "-g") else rest[1:]
        elif name == "timeout" and len(rest) > 2:
            rest = rest[2:]
        elif name in ("conda", "mamba", "micromamba") and rest[1:2] == ["run"]:
            rest = rest[2:]
            while rest and rest[0].startswith("-"):
                rest = rest[2:] if rest[0] in ("-n", "-p", "--name", "--prefix") else rest[1:]
        else:
            return rest
    return rest


def effects(run: Runner, node: Simple, words: Sequence[str]) -> None:
    """Folders that a program makes, paths that it needs, environments that it switches to."""
    rest = unwrapped(words)
    if not rest:
        return
    name, state = posixpath.basename(rest[0]), run.state
    plain = [word for word in rest[1:] if not word.startswith("-")]
    if name in ("mkdir", "touch"):
        for word in plain:
            _made(run, joined(state.folder, word))
    elif name in _COPIES:
        _copied(run, node, name, rest, plain)
    elif name == "git":
        _git(run, plain)
    elif name in ("conda", "mamba", "micromamba", "pyenv", "workon"):
        if plain[:1] == ["activate"] or name == "workon":
            state.within = plain[-1] if len(plain) > 1 else "base"
        elif plain[:1] == ["deactivate"]:
            state.within = ""
    elif name == "deactivate":
        state.within = ""
    elif name not in _HARMLESS and not _calls_pip(name, rest):
        state.opaque = True
    elif "install" in rest:
        for word in rest[rest.index("install") + 1 :]:
            if re.match(r"\.{1,2}/[^\[\]*?]|[\w.-]+/[\w./-]*\Z", word):
                needs(run, node, joined(state.folder, word), f"pip install {word}")


def _calls_pip(name: str, words: Sequence[str]) -> bool:
    if name == "uv":
        return True
    return name.startswith("python") and (words[1:3] == ["-m", "pip"] or words[1:2] == ["-c"])


def _made(run: Runner, path: str) -> None:
    if UNKNOWN_PART in path:
        run.state.opaque = True
        return
    run.state.made.add(path)


def _copied(run: Runner, node: Simple, name: str, words: Sequence[str], plain: list[str]) -> None:
    """cp and its like: their sources are needed, their last word is made."""
    into = [words[i + 1] for i, w in enumerate(words[:-1]) if w in ("-t", "--target-directory")]
    sources, goal = (plain, into[0]) if into else (plain[:-1], plain[-1] if plain else "")
    sources = [word for word in sources if word != goal] if into else sources
    for word in sources if name in ("cp", "mv") else ():
        needs(run, node, joined(run.state.folder, word), f"{name} {word}")
    if not goal:
        return
    path = joined(run.state.folder, goal)
    _made(run, path)
    for word in sources:
        source = joined(run.state.folder, word)
        inside = joined(path, posixpath.basename(word.rstrip("/")) or ".")
        _made(run, inside)
        run.origins += (
            [(path, source), (inside, source)] if len(sources) == 1 else [(inside, source)]
        )


def _git(run: Runner, plain: list[str]) -> None:
    if plain[:1] == ["clone"]:
        words = [w for w in plain[1:] if not w.isdigit()]
        urls = [i for i, w in enumerate(words) if "/" in w and (":" in w or w.endswith(".git"))]
        if not urls:
            run.state.opaque = True
            return
        rest = words[urls[0] + 1 :]
        url = words[urls[0]].rstrip("/")
        name = rest[0] if rest else posixpath.basename(url).removesuffix(".git")
        _made(run, joined(run.state.folder, name))
        run.origins.append((joined(run.state.folder, name), url))
    elif plain[:1] not in (["checkout"], ["config"], ["status"], ["log"], ["rev-parse"], ["apply"]):
        run.state.opaque = True


def needs(run: Runner, node: Simple, path: str, command: str) -> None:
    """Notes a path that is not there when a command needs it."""
    root = run.world.root.rstrip("/")
    if not path.startswith(f"{root}/") or re.search(r"[*?\[\0]", path):
        return
    if run.exists(path) is False:
        place = Place(run.file, node.line)
        run.missing.append(MissingPath(place, path, command, run.state.conditions))
