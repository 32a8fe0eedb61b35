"""Frozen dataclasses made when first used.

`dataclasses` compiles six functions for a class, which takes half a millisecond; a run uses a third
of the classes that it imports.
"""

from __future__ import annotations

from dataclasses import Field, dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing_extensions import Self, dataclass_transform
else:

    def dataclass_transform(**_: object) -> Any:
        """What a type checker reads; Python 3.10 has no such thing."""
        return lambda decorated: decorated


class _Fields:
    """Stands for a class's fields until somebody asks for them: that makes it a dataclass."""

    def __get__(self, instance: object, kind: type[Struct]) -> dict[str, Field[Any]]:
        dataclass(frozen=True)(kind)  # which puts the fields in place of this
        return kind.__dataclass_fields__


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
class Struct:
    """`class Place(Struct)` is `@dataclass(frozen=True) class Place`, made with its first instance.

    A subclass may be decorated as well, with `slots=True` for one: it is then made at once.
    """

    if TYPE_CHECKING:
        __dataclass_fields__: dict[str, Field[Any]]

    def __init_subclass__(cls, **options: Any) -> None:
        """`dataclasses` asks a class, and the bases of a class that it makes, for their fields."""
        super().__init_subclass__(**options)
        cls.__dataclass_fields__ = _Fields()  # type: ignore[assignment]

    def __new__(cls, *_values: object, **_named: object) -> Self:
        """Its fields are asked for, so that the first one finds the class made."""
        _ = cls.__dataclass_fields__
        return super().__new__(cls)
