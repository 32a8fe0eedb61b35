"""list(), string(), math() and their kin: what they make of texts that are known."""

from __future__ import annotations

import ast
import hashlib
import operator
import posixpath
import re
from collections.abc import Callable, Sequence

from gpufix.source.builds.cmake_patterns import compiled, fits
from gpufix.source.builds.cmake_state import Call, CMakeState
from gpufix.source.builds.cmake_store import MISSING, UNDEFINED, Value, unknown, value
from gpufix.source.builds.cmake_words import elements, separate
from gpufix.source.builds.run import UNKNOWN_PART


class _Untold(Exception):
    """What a command gives is not known."""


def _give(run: CMakeState, call: Call, name: str, make: Callable[[], str], *read: Value) -> None:
    """Write a result, an unknown one where it cannot be made."""
    places = (*(p for v in read for p in v.places), *call.places())
    try:
        text = make()
    except (_Untold, ValueError, IndexError, OverflowError):
        run.put(name, unknown(places, [v.text for v in read if v.text.strip(UNKNOWN_PART)]))
        return
    run.spend(len(text))
    run.put(name, value(text, places))


def _index(text: str, count: int, past: int = 0) -> int:
    number = int(text)
    number = number + count if number < 0 else number
    if not 0 <= number < count + past:
        raise _Untold
    return number


def list_command(run: CMakeState, call: Call) -> None:
    """list(): the name of a list stands for the variable."""
    texts = call.texts
    if len(texts) < 2:
        return
    action, name, rest = texts[0].upper(), texts[1], texts[2:]
    if UNKNOWN_PART in name:
        run.unfollow("list() of an unknown variable")
        return
    found = run.read(name)
    known = found.known or found.defined is False
    if action in ("APPEND", "PREPEND"):
        _extended(run, call, name, found, front=action == "PREPEND")
        return
    if action in _ASKS:
        out, make = _ASKS[action](elements(found.text), rest)
        if out:
            _give(run, call, out, make if known and call.known else _untold, found)
        return
    if action in ("POP_BACK", "POP_FRONT"):
        for out in rest or ():
            run.put(out, unknown((call.place,)))
        items = elements(found.text)
        cut = (
            items[: len(items) - max(1, len(rest))]
            if action == "POP_BACK"
            else items[max(1, len(rest)) :]
        )
        taken = list(reversed(items)) if action == "POP_BACK" else items
        if known:
            for n, out in enumerate(rest):
                run.put(out, value(taken[n], found.places) if n < len(taken) else MISSING)
        _give(run, call, name, (lambda: ";".join(cut)) if known else _untold, found)
        return
    if action == "TRANSFORM" and "OUTPUT_VARIABLE" in rest:
        at = rest.index("OUTPUT_VARIABLE")
        out, rest = rest[at + 1] if at + 1 < len(rest) else name, rest[:at]
    else:
        out = name
    items = elements(found.text)
    if action in ("REMOVE_ITEM", "REMOVE_DUPLICATES", "FILTER") and not call.known:
        known = False
    if action in ("REMOVE_DUPLICATES", "REMOVE_ITEM") and call.known:
        known = found.defined is not None  # what is known of it is treated so
    change = _CHANGES.get(action)
    if change is None or not known:
        _give(run, call, out, _untold, found)
        return
    if found.defined is False and action != "TRANSFORM":
        return
    _give(run, call, out, lambda: ";".join(change(items, rest)), found)


def _untold() -> str:
    raise _Untold


def _extended(run: CMakeState, call: Call, name: str, found: Value, front: bool) -> None:
    added = ";".join(call.texts[2:])
    if not call.texts[2:]:
        return
    if found.defined is None and not found.text.strip(UNKNOWN_PART):
        old = UNKNOWN_PART
    else:
        old = found.text
    parts = [added, old] if front else [old, added]
    text = ";".join(part for part in parts if part) if old else added
    places = (*found.places, *call.places())
    run.put(name, value(text, places, found.maybe))


Answer = tuple[str, Callable[[], str]]


def _get(items: list[str], rest: list[str]) -> Answer:
    return rest[-1] if rest else "", lambda: ";".join(
        items[_index(t, len(items))] for t in rest[:-1]
    )


def _found_at(items: list[str], rest: list[str]) -> Answer:
    return rest[-1] if rest else "", lambda: str(items.index(rest[0]) if rest[0] in items else -1)


def _sublist(items: list[str], rest: list[str]) -> Answer:
    def make() -> str:
        start, length = _index(rest[0], len(items), 1), int(rest[1])
        return ";".join(items[start:] if length < 0 else items[start : start + length])

    return rest[-1] if rest else "", make


_ASKS: dict[str, Callable[[list[str], list[str]], Answer]] = {
    "LENGTH": lambda items, rest: (rest[0] if rest else "", lambda: str(len(items))),
    "GET": _get,
    "FIND": _found_at,
    "JOIN": lambda items, rest: (rest[1] if len(rest) > 1 else "", lambda: rest[0].join(items)),
    "SUBLIST": _sublist,
}


def _insert(items: list[str], rest: list[str]) -> list[str]:
    at = _index(rest[0], len(items), 1)
    return [*items[:at], *rest[1:], *items[at:]]


def _remove_at(items: list[str], rest: list[str]) -> list[str]:
    gone = {_index(text, len(items)) for text in rest}
    return [item for n, item in enumerate(items) if n not in gone]


def _filter(items: list[str], rest: list[str]) -> list[str]:
    if len(rest) != 3:
        raise _Untold
    pattern, keep = compiled(rest[2]), rest[0] == "INCLUDE"
    if pattern is None or not all(fits(pattern, item) for item in items):
        raise _Untold
    return [item for item in items if (pattern.search(item) is not None) == keep]


def _sort(items: list[str], rest: list[str]) -> list[str]:
    options = dict(zip(rest[::2], rest[1::2], strict=False))
    if options.get("COMPARE", "STRING") != "STRING":
        if options["COMPARE"] != "NATURAL":
            raise _Untold
        key: Callable[[str], object] = _natural
    else:
        key = (
            (lambda item: item.lower())
            if options.get("CASE") == "INSENSITIVE"
            else (lambda item: item)
        )
    return sorted(items, key=key, reverse=options.get("ORDER") == "DESCENDING")  # type: ignore[arg-type]


def _natural(item: str) -> list[tuple[int, int, str]]:
    return [
        (0, int(p[:18]), "") if p.isdigit() else (1, 0, p) for p in re.findall(r"\d+|\D+", item)
    ]


def _transform(items: list[str], rest: list[str]) -> list[str]:
    if not rest:
        raise _Untold
    action, arguments = rest[0], rest[1:]
    count = {"APPEND": 1, "PREPEND": 1, "REPLACE": 2}.get(action, 0)
    if len(arguments) > count:
        raise _Untold  # a selector
    match action:
        case "APPEND":
            return [item + arguments[0] for item in items]
        case "PREPEND":
            return [arguments[0] + item for item in items]
        case "TOLOWER":
            return [item.lower() for item in items]
        case "TOUPPER":
            return [item.upper() for item in items]
        case "STRIP":
            return [item.strip() for item in items]
        case "REPLACE":
            return [_substituted(arguments[0], arguments[1], item) for item in items]
    raise _Untold


_CHANGES: dict[str, Callable[[list[str], list[str]], list[str]]] = {
    "INSERT": _insert,
    "REMOVE_ITEM": lambda items, rest: [item for item in items if item not in rest],
    "REMOVE_AT": _remove_at,
    "REMOVE_DUPLICATES": lambda items, _: list(dict.fromkeys(items)),
    "REVERSE": lambda items, _: items[::-1],
    "SORT": _sort,
    "FILTER": _filter,
    "TRANSFORM": _transform,
}


def _substituted(pattern: str, replacement: str, text: str) -> str:
    found = compiled(pattern)
    if found is None or not fits(found, text) or found.match("") is not None:
        raise _Untold
    anchored = "^" in pattern and "[^" not in pattern.replace("\\^", "")
    if anchored and len(found.findall(text)) > 1:
        raise _Untold  # CMake before 3.31 anchors each further search anew

    def each(match: re.Match[str]) -> str:
        return re.sub(
            r"\\(\d|\\)", lambda m: "\\" if m[1] == "\\" else _group(match, int(m[1])), replacement
        )

    return found.sub(each, text)


def _group(match: re.Match[str], number: int) -> str:
    return (match[number] or "") if number <= (match.re.groups or 0) else ""


def string_command(run: CMakeState, call: Call) -> None:
    """string()."""
    texts = call.texts
    if not texts:
        return
    action = texts[0].upper()
    if action == "REGEX" and len(texts) > 3:
        _regex(run, call)
        return
    if action in ("APPEND", "PREPEND", "CONCAT") and len(texts) > 1:
        _concatenated(run, call, action)
        return
    out, make = _string(action, texts[1:])
    if out and UNKNOWN_PART not in out:
        _give(run, call, out, make if call.known else _untold)


def _concatenated(run: CMakeState, call: Call, action: str) -> None:
    name, added = call.texts[1], "".join(call.texts[2:])
    found = UNDEFINED if action == "CONCAT" else run.read(name)
    old = UNKNOWN_PART if found.defined is None else found.text
    text = added + old if action == "PREPEND" else old + added
    run.spend(len(text))
    if UNKNOWN_PART not in name:
        run.put(name, value(text, (*found.places, *call.places()), found.maybe))


def _regex(run: CMakeState, call: Call) -> None:
    kind, pattern = call.texts[1].upper(), call.texts[2]
    at = 4 if kind == "REPLACE" else 3
    out = call.texts[at] if len(call.texts) > at else ""
    if not out or UNKNOWN_PART in out:
        return
    if kind == "REPLACE":
        if out == "CMAKE_CUDA_FLAGS" and "arch" in pattern:
            run.detects = None  # it may take out those of torch
        source = "".join(call.texts[at + 1 :])
        replacement = call.texts[3]
        _give(
            run,
            call,
            out,
            (lambda: _substituted(pattern, replacement, source)) if call.known else _untold,
        )
        return
    source = "".join(call.texts[at + 1 :])
    found = compiled(pattern) if call.known else None
    if found is None or not fits(found, source):
        run.matched(None)
        _give(run, call, out, _untold)
        return
    matches = list(found.finditer(source))
    if kind == "MATCH":
        first = matches[0] if matches else None
        run.matched([first[0], *(g or "" for g in first.groups())] if first else [])
        _give(run, call, out, lambda: first[0] if first else "")
    else:
        run.matched(None if matches else [])
        _give(run, call, out, lambda: ";".join(m[0] for m in matches))


def _string(action: str, rest: Sequence[str]) -> Answer:
    """The variable that is written, and what makes its text."""
    match action, rest:
        case "REPLACE", [old, new, out, *sources]:
            return out, lambda: "".join(sources).replace(old, new) if old else _untold()
        case "TOLOWER", [text, out]:
            return out, lambda: text.lower()
        case "TOUPPER", [text, out]:
            return out, lambda: text.upper()
        case "LENGTH", [text, out]:
            return out, lambda: str(len(text.encode()))
        case "STRIP", [text, out]:
            return out, lambda: text.strip(" \t\r\n\f\v")
        case "SUBSTRING", [text, start, length, out]:
            return out, lambda: _substring(text, int(start), int(length))
        case "FIND", [text, part, out, *reverse]:
            return out, lambda: str(text.rfind(part) if reverse else text.find(part))
        case "JOIN", [glue, out, *parts]:
            return out, lambda: glue.join(parts)
        case "REPEAT", [text, count, out]:
            return out, lambda: text * int(count) if len(text) * int(count) < 100_000 else _untold()
        case "MAKE_C_IDENTIFIER", [text, out]:
            return out, lambda: re.sub(r"^(?=\d)", "_", re.sub(r"\W", "_", text, flags=re.ASCII))
        case "COMPARE", [kind, one, two, out]:
            return out, lambda: str(int(_compared(kind, one, two)))
        case "MD5" | "SHA1" | "SHA256", [out, text]:
            return out, lambda: hashlib.new(
                action.lower(), text.encode(), usedforsecurity=False
            ).hexdigest()
        case "GENEX_STRIP" | "CONFIGURE" | "ASCII" | "HEX", [*_, out]:
            return rest[1] if action == "CONFIGURE" and len(rest) > 1 else out, _untold
        case "TIMESTAMP" | "RANDOM" | "UUID" | "SHA512" | "SHA384" | "SHA224", [out, *more]:
            return (more[-1] if action == "RANDOM" and more else out), _untold
        case "JSON", [out, *_]:
            return out, _untold
    return "", _untold


def _substring(text: str, start: int, length: int) -> str:
    if not 0 <= start <= len(text):
        raise _Untold
    return text[start:] if length < 0 else text[start : start + length]


def _compared(kind: str, one: str, two: str) -> bool:
    tests = {"LESS": one < two, "GREATER": one > two, "EQUAL": one == two, "NOTEQUAL": one != two}
    tests |= {"LESS_EQUAL": one <= two, "GREATER_EQUAL": one >= two}
    if kind not in tests:
        raise _Untold
    return tests[kind]


_OPERATORS: dict[type[ast.AST], Callable[[int, int], int]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.BitAnd: operator.and_,
    ast.BitOr: operator.or_,
    ast.BitXor: operator.xor,
    ast.LShift: lambda a, b: a << b if 0 <= b < 64 else _no_number(),
    ast.RShift: lambda a, b: a >> b if 0 <= b < 64 else _no_number(),
    ast.Div: lambda a, b: (abs(a) // abs(b)) * (1 if (a < 0) == (b < 0) else -1)
    if b
    else _no_number(),
    ast.Mod: lambda a, b: a - b * int(a / b) if b else _no_number(),
}


def _no_number() -> int:
    raise _Untold


def _number(text: str) -> int:
    if (
        len(text) > 500
        or not re.fullmatch(r"[\s\d+\-*/%|&^~<>()xXa-fA-F]*", text)
        or "**" in text
        or "//" in text
    ):
        raise _Untold
    try:
        return _evaluated(ast.parse(re.sub(r"\b0+(?=\d)", "", text.strip()), mode="eval").body, 0)
    except (SyntaxError, RecursionError, MemoryError):
        raise _Untold from None


def _evaluated(node: ast.expr, depth: int) -> int:
    if depth > 50:
        raise _Untold
    if isinstance(node, ast.Constant) and isinstance(node.value, int):
        result = node.value
    elif isinstance(node, ast.UnaryOp):
        inner = _evaluated(node.operand, depth + 1)
        result = (
            ~inner
            if isinstance(node.op, ast.Invert)
            else -inner
            if isinstance(node.op, ast.USub)
            else inner
        )
    elif isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        left, right = _evaluated(node.left, depth + 1), _evaluated(node.right, depth + 1)
        result = _OPERATORS[type(node.op)](left, right)
    else:
        raise _Untold
    if not -(2**63) <= result < 2**63:
        raise _Untold
    return result


def math_command(run: CMakeState, call: Call) -> None:
    """math(EXPR)."""
    texts = call.texts
    if len(texts) >= 3 and texts[0] == "EXPR":
        hexadecimal = "HEXADECIMAL" in texts[3:]
        make = (
            (lambda: f"0x{_number(texts[2]):x}") if hexadecimal else lambda: str(_number(texts[2]))
        )
        _give(run, call, texts[1], make if call.known else _untold)


def filename_component(run: CMakeState, call: Call) -> None:
    """get_filename_component()."""
    texts = call.texts
    if len(texts) < 3:
        return
    out, name, mode = texts[:3]
    base = texts[texts.index("BASE_DIR") + 1] if "BASE_DIR" in texts[:-1] else run.folder
    if "CACHE" in texts and out in run.store.cache:
        return
    _give(run, call, out, lambda: _component(name, mode, base) if call.known else _untold())


def _component(name: str, mode: str, base: str) -> str:
    folder, _, last = name.rstrip("/").rpartition("/")
    match mode:
        case "DIRECTORY" | "PATH":
            return folder if folder or not name.startswith("/") else "/"
        case "NAME":
            return last
        case "EXT":
            return last[last.index(".") :] if "." in last else ""
        case "NAME_WE":
            return last.partition(".")[0]
        case "LAST_EXT":
            return last[last.rindex(".") :] if "." in last else ""
        case "NAME_WLE":
            return last.rpartition(".")[0] if "." in last else last
        case "ABSOLUTE" | "REALPATH":
            return posixpath.normpath(posixpath.join(base, name))
    raise _Untold


def separate_arguments(run: CMakeState, call: Call) -> None:
    """separate_arguments()."""
    texts = call.texts
    if not texts:
        return
    if len(texts) == 1:
        found = run.read(texts[0])
        if found.defined is not False:
            run.put(texts[0], found._replace(text=re.sub(r"\s+", ";", found.text)))
        return
    if "PROGRAM" in texts:
        run.put(texts[0], unknown((call.place,)))
        return
    _give(run, call, texts[0], lambda: ";".join(separate(" ".join(texts[2:]))))


def parse_arguments(run: CMakeState, call: Call) -> None:
    """cmake_parse_arguments()."""
    words = list(call.words)
    texts = [word.text for word in words]
    if texts[:1] == ["PARSE_ARGV"]:
        count = len(elements(run.read("ARGV").text))
        start = int(texts[1]) if texts[1:2] and texts[1].isdigit() else 0
        given = [run.read(f"ARGV{n}").text for n in range(start, count)]
        head = texts[2:6]
    else:
        head, given = texts[:4], texts[4:]
    if len(head) < 4:
        return
    prefix = head[0]
    options, singles, multis = (set(elements(text)) for text in head[1:4])
    sure = UNKNOWN_PART not in given
    found: dict[str, list[str]] = {}
    rest: list[str] = []
    current: str | None = None
    for text in given:
        if text in options:
            found[text], current = ["TRUE"], None
        elif text in singles or text in multis:
            found.setdefault(text, [])
            current = text
        elif current is None:
            rest.append(text)
        elif current in singles:
            found[current], current = [text], None
        else:
            found[current].append(text)
    places = (*call.places(), *run.read("ARGN").places)
    for name in options | singles | multis:
        items = found.get(name)
        if not sure:
            run.put(
                f"{prefix}_{name}", unknown(places, items or (), defined=True if items else None)
            )
        elif items is None or (not items and name not in options):
            run.put(f"{prefix}_{name}", value("FALSE", places) if name in options else MISSING)
        else:
            run.put(f"{prefix}_{name}", value(";".join(items), places))
    left = value(";".join(rest), places) if rest else MISSING
    run.put(f"{prefix}_UNPARSED_ARGUMENTS", left if sure else unknown(places, defined=None))
    run.put(f"{prefix}_KEYWORDS_MISSING_VALUES", MISSING if sure else unknown(places, defined=None))
