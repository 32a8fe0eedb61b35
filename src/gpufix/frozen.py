"""Frozen dataclasses made when first used.

`dataclasses` compiles six functions for a class, which takes half a millisecond; a run uses a third
of the classes that it imports.
"""

from __future__ import annotations

from dataclasses import Field, dataclass, field
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
        dataclass(frozen=True, kw_only=kind._keywords)(kind)  # puts the fields in place of this
        return kind.__dataclass_fields__


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
class Frozen:
    """`class Place(Frozen)` is `@dataclass(frozen=True) class Place`, made with its first instance.

    A subclass may be decorated as well, with `slots=True` for one: it is then made at once.
    """

    if TYPE_CHECKING:
        __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    _keywords = False  # whether its fields are given by keyword alone

    def __init_subclass__(cls, **options: Any) -> None:
        """`dataclasses` asks a class, and the bases of a class that it makes, for their fields."""
        super().__init_subclass__(**options)
        if "__dataclass_fields__" not in vars(cls):  # dataclass(slots=True) copies a class it made
            cls.__dataclass_fields__ = _Fields()  # type: ignore[assignment]

    def __new__(cls, *_values: object, **_named: object) -> Self:
        """Its fields are asked for, so that the first one finds the class made."""
        _ = cls.__dataclass_fields__
        return super().__new__(cls)
