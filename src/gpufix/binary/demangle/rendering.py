"""C++ types as text in two halves: what stands before a declared name, and what after it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

MAX_TEXT = 1 << 16  # characters; substitutions of substitutions can double a text at every step


class Unsupported(Exception):
    """The name is not mangled, is damaged, or uses a part of the grammar left out here."""


def bounded(text: str) -> str:
    """`text`, unless it has grown beyond any real name."""
    if len(text) > MAX_TEXT:
        raise Unsupported
    return text


Kind = Literal["name", "pointer", "lvalue", "rvalue", "function", "array", "pack"]


@dataclass(frozen=True)
class Type:
    """`left` and `right` enclose the declarator: `void (*` and `)(int)`.

    A name is a type without right half; `last` is its unqualified end, which names constructors.
    `items` are a pack's types.
    """

    left: str
    right: str = ""
    kind: Kind = "name"
    last: str = ""
    items: tuple[Type, ...] = ()
    template: bool = False

    @property
    def text(self) -> str:
        return (self.left.rstrip(" ") if self.right.startswith("[") else self.left) + self.right


def pointer(inner: Type, mark: str) -> Type:
    """A pointer (`*`), reference (`&`, `&&`) or member pointer (` C::*`) to `inner`."""
    if inner.kind == "pack":
        return pack(tuple(pointer(item, mark) for item in inner.items))
    kind: Kind = "lvalue" if mark == "&" else "rvalue" if mark == "&&" else "pointer"
    if inner.kind in ("lvalue", "rvalue") and kind != "pointer":
        # References to references collapse: only && of && stays &&.
        if inner.kind == "rvalue" and kind == "lvalue":
            return Type(inner.left.removesuffix("&"), inner.right, "lvalue")
        return inner
    if inner.kind in ("function", "array"):
        space = "" if inner.left.endswith(" ") else " "
        return Type(f"{inner.left}{space}({mark.lstrip()}", ")" + inner.right, kind)
    return Type(inner.left + mark, inner.right, kind)


def qualified(inner: Type, words: str) -> Type:
    """`inner` with ` const`, ` volatile` after it."""
    if inner.kind == "pack":
        return pack(tuple(qualified(item, words) for item in inner.items))
    if inner.kind == "function":
        return Type(inner.left, inner.right + words, "function")
    if inner.left.endswith(words):
        return inner  # through a template parameter: const int made const again
    return Type(inner.left + words, inner.right, inner.kind, inner.last)


def function(result: Type | None, parameters: str) -> Type:
    """A function type; `result` None: not spoken of."""
    if result is None:
        return Type("", f"({parameters})", "function")
    space = "" if result.left.endswith(("(", " ")) or result.right else " "
    return Type(result.left + space, f"({parameters})" + result.right, "function")


def pack(items: tuple[Type, ...]) -> Type:
    return Type(listed(items), "", "pack", items=items)


def joined(types: list[Type]) -> str:
    """The types as a list; packs in place, empty ones leave no comma."""
    flat = [item for t in types for item in (t.items if t.kind == "pack" else (t,))]
    return listed(flat)


def listed(types: Sequence[Type]) -> str:
    """Comma-separated; measured before it is built, since many long parts can add up."""
    if sum(len(item.left) + len(item.right) for item in types) > MAX_TEXT:
        raise Unsupported
    return ", ".join(item.text for item in types)


def angled(arguments: str) -> str:
    """Template arguments in brackets; two closing ones are kept apart."""
    return f"<{arguments} >" if arguments.endswith(">") else f"<{arguments}>"
