"""Where a demangling stands, the ABI's codes, and C++ types as text in two halves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

from gpufix.frozen import Frozen

BUILTINS = {
    "v": "void", "w": "wchar_t", "b": "bool", "c": "char", "a": "signed char",
    "h": "unsigned char", "s": "short", "t": "unsigned short", "i": "int", "j": "unsigned int",
    "l": "long", "m": "unsigned long", "x": "long long", "y": "unsigned long long",
    "n": "__int128", "o": "unsigned __int128", "f": "float", "d": "double",
    "e": "long double", "g": "__float128", "z": "...",
}  # fmt: skip
BUILTINS_D = {
    "Di": "char32_t", "Ds": "char16_t", "Du": "char8_t", "Dn": "decltype(nullptr)",
    "Da": "auto",
}  # fmt: skip
SUFFIXES = {"i": "", "j": "u", "l": "l", "m": "ul", "x": "ll", "y": "ull"}
STANDARD = {
    "Sa": ("std::allocator", "allocator"),
    "Sb": ("std::basic_string", "basic_string"),
    "Ss": (
        "std::basic_string<char, std::char_traits<char>, std::allocator<char> >",
        "basic_string",
    ),
    "Si": ("std::basic_istream<char, std::char_traits<char> >", "basic_istream"),
    "So": ("std::basic_ostream<char, std::char_traits<char> >", "basic_ostream"),
    "Sd": ("std::basic_iostream<char, std::char_traits<char> >", "basic_iostream"),
}
OPERATORS = {
    "nw": " new", "na": " new[]", "dl": " delete", "da": " delete[]", "ps": "+", "ng": "-",
    "ad": "&", "de": "*", "co": "~", "pl": "+", "mi": "-", "ml": "*", "dv": "/", "rm": "%",
    "an": "&", "or": "|", "eo": "^", "aS": "=", "pL": "+=", "mI": "-=", "mL": "*=", "dV": "/=",
    "rM": "%=", "aN": "&=", "oR": "|=", "eO": "^=", "ls": "<<", "rs": ">>", "lS": "<<=",
    "rS": ">>=", "eq": "==", "ne": "!=", "lt": "<", "gt": ">", "le": "<=", "ge": ">=", "nt": "!",
    "aa": "&&", "oo": "||", "pp": "++", "mm": "--", "cm": ",", "pm": "->*", "pt": "->",
    "cl": "()", "ix": "[]", "ss": "<=>",
}  # fmt: skip
SPECIAL = {
    "TV": "vtable for ", "TT": "VTT for ", "TI": "typeinfo for ", "TS": "typeinfo name for ",
    "TW": "TLS wrapper function for ", "TH": "TLS init function for ",
}  # fmt: skip


MAX_TEXT = 1 << 16  # characters; substitutions of substitutions can double a text at every step


class Unsupported(Exception):
    """The name is not mangled, is damaged, or uses a part of the grammar left out here."""


def bounded(text: str) -> str:
    """`text`, unless it has grown beyond any real name."""
    if len(text) > MAX_TEXT:
        raise Unsupported
    return text


Kind = Literal["name", "pointer", "lvalue", "rvalue", "function", "array", "pack"]


class Type(Frozen):
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


MAX_DEPTH = 60  # nesting of types and names; the deepest in torch's libraries is under 30


@dataclass
class Parser:
    text: str
    at: int = 0
    substitutions: list[Type] = field(default_factory=list)
    arguments: list[Type] = field(default_factory=list)
    depth: int = 0
    # Substitutions from this index on may hold a template parameter of the encoding at hand.
    generic: int | None = None
    barred: range = range(0)

    def peek(self, code: str) -> bool:
        return self.text.startswith(code, self.at)

    def take(self, code: str) -> bool:
        if self.text.startswith(code, self.at):
            self.at += len(code)
            return True
        return False

    def expect(self, code: str) -> None:
        if not self.take(code):
            raise Unsupported

    def next(self, count: int = 1) -> str:
        taken = self.text[self.at : self.at + count]
        if len(taken) < count:
            raise Unsupported
        self.at += count
        return taken

    def number(self) -> int | None:
        """The decimal number here; None when there is none."""
        start = self.at
        while self.text[self.at : self.at + 1] in tuple("0123456789"):
            self.at += 1
        if self.at - start > 6:
            raise Unsupported
        return int(self.text[start : self.at]) if self.at > start else None

    def sequence(self) -> int:
        """A <seq-id> in base 36 up to the underscore: `_` is 0, `0_` 1, `Z_` 36, `10_` 37."""
        end = self.text.find("_", self.at, self.at + 6)
        digits = self.text[self.at : end] if end >= 0 else "?"
        if not all(c.isdigit() or "A" <= c <= "Z" for c in digits):
            raise Unsupported
        self.at = end + 1
        return int(digits, 36) + 1 if digits else 0

    def count(self) -> int:
        """A decimal counter up to the underscore: `_` is 0, `0_` 1."""
        number = self.number()
        self.expect("_")
        return 0 if number is None else number + 1

    def remember(self, entry: Type) -> Type:
        self.substitutions.append(entry)
        return entry

    def recall(self, index: int) -> Type:
        if index >= len(self.substitutions) or index in self.barred:
            raise Unsupported
        return self.substitutions[index]

    @contextmanager
    def other_scope(self) -> Iterator[None]:
        """Within another function's encoding or a lambda's parameters.

        T_ means something else on the other side, also inside a substitution: such ones are
        barred across the border, in both directions.
        """
        arguments, generic, barred = self.arguments, self.generic, self.barred
        if generic is not None or barred:
            first = min([len(self.substitutions) if generic is None else generic, *barred[:1]])
            self.barred = range(first, len(self.substitutions))
        self.arguments, self.generic = [], None
        yield
        if self.generic is not None:
            first = min([self.generic, *barred[:1]])
            barred = range(first, len(self.substitutions))
        self.arguments, self.generic, self.barred = arguments, generic, barred

    @contextmanager
    def nested(self) -> Iterator[None]:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise Unsupported
        yield
        self.depth -= 1
