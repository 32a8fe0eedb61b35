"""With which arguments a script may be called: options that it looks for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from gpufix.source.builds.shell_syntax import (
    Case,
    For,
    Literally,
    Parameter,
    Script,
    Simple,
    Test,
    Word,
)

_MOST = 24
_OPTION = re.compile(r"--?[A-Za-z][\w-]*=?\*?")
_PLAIN = re.compile(r"[A-Za-z][\w.-]*")
_HELP = frozenset(("-h", "--help", "help", "-?", "--version", "-v", "--verbose"))


def options(script: Script) -> tuple[str, ...]:
    """What stands in its `case` patterns and tests of arguments, and in getopts' letters."""
    nodes = list(_nodes(script))
    named = _argument_names(nodes)
    found: list[str] = []
    for node in nodes:
        if isinstance(node, Case):
            of_argument = bool(_names(node.word) & named)
            for item in node.items:
                texts = [_text(pattern) for pattern in item.patterns]
                found += _longest(texts, of_argument)
        elif isinstance(node, Simple):
            words = [w for w in node.words if isinstance(w, Word)]
            if words and words[0].fixed == "getopts" and len(words) > 2:
                letters = re.findall(r"[A-Za-z]:?", words[1].fixed or "")
                found += [f"-{letter}" for letter in letters]
            elif words and words[0].fixed in ("[", "test"):
                found += _compared(words, named)
        elif isinstance(node, Test):
            found += _compared([t for t in node.tokens if isinstance(t, Word)], named)
    unique = dict.fromkeys(option for option in found if option.rstrip(":") not in _HELP)
    return tuple(unique)[:_MOST]


def _nodes(root: object) -> Iterator[Any]:
    stack = [root]
    while stack:
        each = stack.pop()
        if isinstance(each, tuple):
            if hasattr(each, "_fields"):
                yield each
            stack += reversed(each)


def _argument_names(nodes: list[Any]) -> set[str]:
    """Variables that hold arguments: $1, `for x in "$@"`, X=$1."""
    named = {"1", "@", "*"}
    for node in nodes:
        if isinstance(node, For) and (
            node.words is None or any(_names(w) & named for w in node.words)
        ):
            named.add(node.name)
        if isinstance(node, Simple):
            words = [w for w in node.words if isinstance(w, Word)]
            if words and words[0].fixed == "getopts" and len(words) > 2 and words[2].fixed:
                named.add(words[2].fixed)
            for each in node.assignments:
                whole = isinstance(each.value, Word) and len(each.value.parts) == 1
                if whole and _names(each.value) & {"1"}:
                    named.add(each.name)
    return named


def _names(word: object) -> set[str]:
    parts = word.parts if isinstance(word, Word) else ()
    return {p.name for p in parts if isinstance(p, Parameter)}


def _text(word: Word) -> str:
    return "".join(p.text if isinstance(p, Literally) else "\0" for p in word.parts)


def _longest(texts: list[str], of_argument: bool) -> list[str]:
    """One of the spellings of an item."""
    dashed = [text for text in texts if _OPTION.fullmatch(text)]
    if any(text in _HELP for text in texts):
        return []
    if dashed:
        best = max(dashed, key=len)
        return [best.rstrip("*=") + ("=" if best.endswith(("=*", "=")) else "")]
    plain = [text for text in texts if _PLAIN.fullmatch(text)]
    return plain[:1] if of_argument and len(texts[0]) > 1 else []


def _compared(words: list[Word], named: set[str]) -> list[str]:
    if not any(_names(word) & named for word in words):
        return []
    texts = [word.fixed or "" for word in words[1:]]
    return [t for t in texts if _OPTION.fullmatch(t) or (_PLAIN.fullmatch(t) and len(t) > 1)]
