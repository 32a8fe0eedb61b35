"""Where a demangling stands: position, substitutions so far, template arguments in force."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from .rendering import Type, Unsupported

MAX_DEPTH = 60  # nesting of types and names; the deepest in torch's libraries is under 30


@dataclass
class State:
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
