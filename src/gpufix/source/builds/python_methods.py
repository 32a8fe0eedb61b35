"""Methods of the texts, lists, dictionaries and matches of a build file, exactly or as unknown."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from typing import Any

from gpufix.source.builds.python_formats import formatted
from gpufix.source.builds.python_operations import (
    MOST,
    bounded,
    elements,
    hashable,
    of_sets,
    ordered,
    raises,
    shown,
)
from gpufix.source.builds.python_values import Bag, hidden, plain, same
from gpufix.source.builds.run import UNKNOWN_PART
from gpufix.source.python.import_values import Unknown

_TEXT_METHODS = frozenset(
    [
        "capitalize",
        "casefold",
        "count",
        "endswith",
        "expandtabs",
        "find",
        "index",
        "isalnum",
        "isalpha",
        "isdecimal",
        "isdigit",
        "isidentifier",
        "islower",
        "isnumeric",
        "isspace",
        "isupper",
        "lower",
        "lstrip",
        "partition",
        "removeprefix",
        "removesuffix",
        "replace",
        "rfind",
        "rindex",
        "rpartition",
        "rsplit",
        "rstrip",
        "split",
        "splitlines",
        "startswith",
        "strip",
        "swapcase",
        "title",
        "upper",
        "encode",
        "decode",
        "zfill",
    ]
)


def text_method(value: str, name: str, args: list[Any], named: Mapping[Any, Any]) -> Any:
    """`value.name(*args)` of a text. Raises Fails."""
    if name == "format":
        return bounded(formatted(value, args, named))
    if name == "format_map":
        return bounded(formatted(value, [], args[0] if isinstance(args[0], dict) else {}))
    if name == "join":
        return _joined_texts(value, args[0] if args else None)
    if name in ("encode", "decode"):
        return value
    if name not in _TEXT_METHODS or any(isinstance(n, int) and abs(n) > MOST for n in args):
        return Unknown(f"{shown(value)}.{name}()")
    args = [tuple(a) if isinstance(a, list) else a for a in args]
    if not all(plain(a) for a in args):
        return Unknown(f"{shown(value)}.{name}({', '.join(map(shown, args))})")
    if hidden(value) and (told := _of_hidden(value, name, args)) is not NotImplemented:
        return told
    try:
        more = {k: v for k, v in named.items() if k in ("sep", "maxsplit", "keepends")}
        return bounded(getattr(str(value), name)(*args, **more))
    except (TypeError, AttributeError):
        return Unknown(f"{shown(value)}.{name}()")
    except ValueError as error:
        raise raises("ValueError", str(error)) from None


def _of_hidden(value: str, name: str, args: list[Any]) -> Any:
    """Questions to a text that is known in part."""
    unknown = Unknown(f"{shown(value)}.{name}({', '.join(map(shown, args))})")
    if name in ("startswith", "endswith") and args:
        wanted = args[0] if isinstance(args[0], tuple) else (args[0],)
        starts = name == "startswith"
        known = value.partition(UNKNOWN_PART)[0] if starts else value.rpartition(UNKNOWN_PART)[2]
        verdicts = []
        for each in wanted:
            part = known[: len(each)] if starts else known[-len(each) :] if each else ""
            if part == each:
                return True
            whole = len(known) >= len(each)
            fits = each.startswith(known) if starts else each.endswith(known)
            verdicts.append(False if whole or not fits else None)
        return unknown if None in verdicts else False
    if name.startswith("is") or name in ("count", "find", "index", "rfind", "rindex"):
        return unknown
    return NotImplemented


def _joined_texts(glue: str, parts: Any) -> Any:
    if not isinstance(parts, (list, tuple)):
        return UNKNOWN_PART
    return bounded(
        str(glue).join(str(part) if isinstance(part, str) else UNKNOWN_PART for part in parts)
    )


def list_method(value: list[Any], name: str, args: list[Any], named: Mapping[Any, Any]) -> Any:
    """`value.name(*args)` of a list, which it may change. Raises Fails."""
    first = args[0] if args else None
    if name in ("append", "insert", "extend", "update", "add") and len(value) >= MOST:
        return None
    if name == "append":
        value.append(first)
    elif name == "add" and isinstance(value, Bag):
        value.add(first)
    elif name == "insert" and len(args) > 1:
        value.insert(first if isinstance(first, int) else 0, args[1])
    elif name in ("extend", "update"):
        for more in elements(first):
            value.add(more) if isinstance(value, Bag) else value.append(more)
    elif name in ("remove", "discard"):
        return _removed(value, first, name)
    elif name == "pop":
        at = first if isinstance(first, int) else -1
        if not value and not isinstance(first, Unknown):
            raise raises("IndexError", "pop from empty list")
        return value.pop(at) if -len(value) <= at < len(value) else Unknown("an element")
    elif name == "clear":
        value.clear()
    elif name == "reverse":
        value.reverse()
    elif name == "sort":
        value[:] = ordered(value, bool(named.get("reverse")))
    else:
        return _asked_of_list(value, name, first)
    return None


def _removed(value: list[Any], item: Any, name: str) -> None:
    for at, each in enumerate(value):
        if same(item, each):
            del value[at]
            return
    if name == "remove" and plain(value) and plain(item):
        raise raises("ValueError", "list.remove(x): x not in list")


def _asked_of_list(value: list[Any], name: str, first: Any) -> Any:
    if name == "copy":
        return type(value)(value)
    if name == "index" and plain(first):
        for at, each in enumerate(value):
            if same(first, each):
                return at
        if plain(value):
            raise raises("ValueError", f"{shown(first)} is not in list")
    if name == "count" and plain(first) and plain(value):
        return sum(same(first, each) for each in value)
    if isinstance(value, Bag) and isinstance(first, (list, tuple)):
        other, ops = Bag.of(first), {"union": ast.BitOr, "intersection": ast.BitAnd}
        if name in ("union", "intersection", "difference"):
            return of_sets(ops.get(name, ast.Sub)(), value, other)
        if name == "issubset" and plain(value) and plain(first):
            return all(any(same(e, o) for o in first) for e in value)
    return Unknown(f"a list's {name}()")


def dict_method(value: dict[Any, Any], name: str, args: list[Any], named: Mapping[Any, Any]) -> Any:
    """`value.name(*args)` of a dictionary, which it may change. Raises Fails."""
    key = args[0] if args else None
    default = args[1] if len(args) > 1 else None
    vague = any(isinstance(each, Unknown) for each in value)
    if name in ("items", "keys", "values"):
        found = list(getattr(value, name)())
        return [(k, v) for k, v in found] if name == "items" else found
    if name == "update":
        more = key if isinstance(key, dict) else {}
        value.update(more)
        value.update({k: v for k, v in named.items() if isinstance(k, str)})
        return None
    if name == "copy":
        return dict(value)
    if name == "clear":
        value.clear()
        return None
    if name not in ("get", "setdefault", "pop"):
        return Unknown(f"a dictionary's {name}()")
    if not hashable(key) or hidden(key) or (vague and key not in value):
        return Unknown(f"a dictionary's {shown(key)}")
    if name == "get":
        return value.get(key, default)
    if name == "setdefault":
        return value.setdefault(key, default)
    if key not in value and len(args) < 2:
        raise raises("KeyError", shown(key))
    return value.pop(key, default)


_GROUP = re.compile(r"\)[*+{]")


def matching(how: str, pattern: str, text: str, flags: int = 0) -> Any:
    """re.search and its like on known texts, where the pattern cannot take long.

    None stands for no match; a list of groups, the whole first, for one.
    """
    if hidden(pattern) or hidden(text) or len(pattern) > 200 or _GROUP.search(pattern):
        return NotImplemented
    many = len(re.findall(r"[*+}]", pattern))
    if len(text) ** (1 + many) > 10**8 and len(text) * (many + 1) > 40_000:
        return NotImplemented
    if many > 2 and len(text) > 600:
        return NotImplemented
    try:
        found = re.compile(str(pattern), flags)
        if how in ("findall", "split"):
            return getattr(found, how)(str(text))
        match = getattr(found, how)(str(text))
        return None if match is None else Match(match)
    except (re.error, RecursionError, OverflowError):
        return NotImplemented


class Match:
    """A match of a regular expression."""

    def __init__(self, found: re.Match[str]) -> None:
        self.found = found

    def method(self, name: str, args: list[Any]) -> Any:
        """`match.name(*args)`."""
        if name not in ("group", "groups", "groupdict", "start", "end", "span", "__getitem__"):
            return Unknown(f"a match's {name}")
        try:
            return getattr(self.found, name)(*(str(a) if isinstance(a, str) else a for a in args))
        except (IndexError, TypeError):
            return Unknown("a group")
