"""Frozen dataclasses made when first used.

`dataclasses` compiles six functions for a class, which takes half a millisecond; a run uses a third
of the classes that it imports, and compares or shows few of those.
"""

from __future__ import annotations

from dataclasses import Field, dataclass, field, fields
from threading import RLock
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from typing_extensions import Self
    from typing_extensions import dataclass_transform as dataclass_transform
else:

    def dataclass_transform(**_: object) -> Any:
        """What a type checker reads; Python 3.10 has no such thing."""
        return lambda decorated: decorated


class _Fields:
    """Stands for a class's fields until somebody asks for them: that makes it a dataclass."""

    def __get__(self, instance: object, kind: type[Frozen]) -> dict[str, Field[Any]]:
        _make(kind)
        return kind.__dataclass_fields__


class _Signature:
    """What `inspect` shows of a class: the parameters of its __init__, not of __new__."""

    def __get__(self, instance: object, kind: type[Frozen]) -> object:
        from inspect import signature

        _make(kind)
        whole = signature(kind.__init__)
        return whole.replace(parameters=[*whole.parameters.values()][1:])


_making = RLock()  # by one thread at a time, its bases within it
_SHARED = ("__eq__", "__hash__", "__repr__")


def _make(kind: type[Frozen]) -> None:
    with _making:
        if isinstance(vars(kind).get("__dataclass_fields__"), _Fields):
            dataclass(frozen=True, kw_only=kind._keywords, eq=False, repr=False)(kind)
            for name in _SHARED:  # a base that was decorated has others
                if name not in vars(kind):
                    setattr(kind, name, vars(Frozen)[name])
        kind._made = True


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
class Frozen:
    """`class Place(Frozen)` is `@dataclass(frozen=True) class Place`, made with its first instance.

    A subclass may be decorated as well, with `slots=True` for one: it is then made at once.
    """

    if TYPE_CHECKING:
        __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    __signature__ = _Signature()
    _keywords = False  # whether its fields are given by keyword alone
    _made = False

    def __init_subclass__(cls, **options: Any) -> None:
        """`dataclasses` asks a class, and the bases of a class that it makes, for their fields."""
        super().__init_subclass__(**options)
        if "__dataclass_fields__" not in vars(cls):  # dataclass(slots=True) copies a class it made
            cls.__dataclass_fields__ = _Fields()  # type: ignore[assignment]

    def __new__(cls, *_values: object, **_named: object) -> Self:
        """The first one finds the class made."""
        if "_made" not in vars(cls):
            _make(cls)
        return super().__new__(cls)

    # As dataclasses makes them, once for all classes.

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Frozen) or type(other) is not type(self):
            return NotImplemented
        return self._compared() == other._compared()

    def __hash__(self) -> int:
        return hash(self._compared())

    def __repr__(self) -> str:
        shown = (f"{f.name}={getattr(self, f.name)!r}" for f in fields(self) if f.repr)
        return f"{type(self).__qualname__}({', '.join(shown)})"

    def _compared(self) -> tuple[object, ...]:
        return tuple([getattr(self, f.name) for f in fields(self) if f.compare])
