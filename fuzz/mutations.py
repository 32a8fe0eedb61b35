"""Mutations of lines, of words and of JSON's values: a reader of text seldom decides by one byte."""

from __future__ import annotations

import ast
import copy
import gc
import json
import random
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

_TOKEN = re.compile(rb"\w+|\s+|\W")
_SCALARS: tuple[object, ...] = (None, True, False, 0, -1, 1 << 40, 0.5, "", "1.2.3", [], {})
_LONGEST = 1 << 14  # of the inputs that lend their pieces


def words() -> list[str]:
    """What the loaded readers compare with: the texts in their code, and the words in their patterns."""
    found: set[str] = set()
    for name, module in list(sys.modules.items()):
        if name.startswith("gpufix.") and module.__file__:
            nodes = list(ast.walk(ast.parse(Path(module.__file__).read_bytes())))
            alone = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}  # docstrings
            for node in nodes:
                if isinstance(node, ast.Constant) and id(node) not in alone:
                    text = (
                        node.value.decode("latin-1")
                        if isinstance(node.value, bytes)
                        else node.value
                    )
                    found.update((text[:80], *text.split()) if isinstance(text, str) else ())
    for each in gc.get_objects():
        found.update(
            re.findall(r"\w{2,}", str(each.pattern)) if isinstance(each, re.Pattern) else ()
        )
    return sorted(found - {""})


class Mutator:
    """Puts in words and pieces of other inputs; doubles, moves and takes out those of the input itself."""

    def __init__(
        self, inputs: Iterable[bytes], words: list[str], blind: Callable[[bytes, int], bytes]
    ) -> None:
        known = [data for data in inputs if len(data) <= _LONGEST]
        self._blind, self._words = blind, words
        self._lines = sorted({line for data in known for line in data.splitlines(keepends=True)})
        self._tokens = sorted({token for data in known for token in _TOKEN.findall(data)})
        self._tokens += [word.encode("utf-8", "surrogatepass") for word in words]
        fields: dict[object, dict[str, tuple[Any, Any]]] = {}
        for data in known:
            for holder, kind, key in _places(_tree(data)):
                place = key if isinstance(holder, dict) else None
                fields.setdefault(kind, {})[repr((place, holder[key]))] = place, holder[key]
        self._fields = {kind: list(each.values()) for kind, each in fields.items()}

    def __call__(self, data: bytes, longest: int, seed: int) -> bytes:
        chance = random.Random(seed)
        tree = _tree(data)
        if not data or chance.random() < (0.1 if tree else 0.3):
            return self._blind(data, longest)
        for _ in range(chance.choice((1, 1, 2, 3, 5))):
            if tree:
                self._change(tree, chance)
            elif chance.random() < 0.4:
                data = _moved(data.splitlines(keepends=True), self._lines, chance)
            else:
                data = _moved(_TOKEN.findall(data), self._tokens, chance)
        return (json.dumps(tree).encode() if tree else data)[:longest]

    def _change(self, tree: Any, chance: random.Random) -> None:
        places = list(_places(tree))
        if not places:
            return
        holder, kind, key = chance.choice(places)
        action = chance.randrange(8)
        if action == 0:
            del holder[key]
        elif action == 1:
            holder[key] = chance.choice(_SCALARS)
        elif action == 2:
            holder[key] = chance.choice(self._words)
        elif action == 3 and isinstance(holder[key], str):
            tokens = _moved(
                _TOKEN.findall(holder[key].encode(errors="replace")), self._tokens, chance
            )
            holder[key] = tokens.decode(errors="replace")
        elif fields := self._fields.get(kind):  # what another input has there
            place, value = chance.choice(fields)
            if isinstance(holder, dict) and place is not None:
                holder[place] = copy.deepcopy(value)
            elif isinstance(holder, list):
                holder.insert(key, copy.deepcopy(value))


def _moved(parts: list[bytes], others: list[bytes], chance: random.Random) -> bytes:
    start, to = chance.randrange(len(parts) + 1), chance.randrange(len(parts) + 1)
    size = chance.choice((1, 1, 2, 3, 8))
    match chance.randrange(6):
        case 0:
            parts[start : start + size] = []
        case 1:
            parts[to:to] = parts[start : start + size]
        case 2:
            parts[to:to], parts[start : start + size] = parts[start : start + size], []
        case 3:
            parts[start : start + 1] = [chance.choice(others)]
        case _:
            parts[start:start] = [chance.choice(others)]
    return b"".join(parts)


def _tree(data: bytes) -> Any:
    """What a JSON object or array says; None for other texts."""
    try:
        return json.loads(data) if data[:1] in (b"{", b"[") else None
    except (ValueError, RecursionError):
        return None


def _places(tree: Any) -> Iterator[tuple[Any, object, Any]]:
    """What holds each value, of what kind that is (the key above it), and the value's place there."""
    left: list[tuple[Any, object]] = [(tree, None)]
    while left:
        holder, kind = left.pop()
        keys = holder if isinstance(holder, dict) else range(len(holder or ()))
        for key in keys:
            yield holder, kind, key
            if isinstance(holder[key], dict | list):
                left.append((holder[key], key if isinstance(holder, dict) else kind))
