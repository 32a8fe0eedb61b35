"""Frozen dataclasses made when first used.

`dataclasses` compiles six functions for a class, which takes half a millisecond; a run uses a third
of the classes that it imports, and compares or shows few of those. One is compiled here, the
`__init__`.
"""

from __future__ import annotations

from dataclasses import MISSING, Field, FrozenInstanceError, dataclass, field, fields
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
            for base in reversed(kind.__mro__[1:]):
                if isinstance(vars(base).get("__dataclass_fields__"), _Fields):
                    _make(base)
            _decorate(kind)
            for name in _SHARED:  # a base that was decorated has others
                if name not in vars(kind):
                    setattr(kind, name, vars(Frozen)[name])
        kind._made = True


def _decorate(kind: type[Frozen]) -> None:
    """As a frozen dataclass. `frozen=True` compiles functions for what `Frozen` has already."""
    declared = [vars(base).get("__dataclass_params__") for base in kind.__mro__[1:]]
    frozen = [params for params in declared if params is not None and params.frozen]
    for params in frozen:
        params.frozen = False  # of a class that is not frozen they may not be
    try:
        dataclass(init=False, kw_only=kind._keywords, eq=False, repr=False)(kind)
    finally:
        for params in frozen:
            params.frozen = True
    vars(kind)["__dataclass_params__"].frozen = True
    if "__init__" not in vars(kind):
        kind.__init__ = _initialiser(kind)  # type: ignore[method-assign]


def _initialiser(kind: type[Frozen]) -> Any:
    given: dict[str, object] = {"_set": object.__setattr__, "_MISSING": MISSING}
    heads: dict[bool, list[str]] = {False: ["self"], True: []}  # by whether they are keywords
    lines = []
    for each in fields(kind):
        name, value = each.name, each.name
        if each.default is not MISSING:
            given[f"_of_{name}"] = each.default
            heads[bool(each.kw_only)].append(f"{name}=_of_{name}")
        elif each.default_factory is not MISSING:
            given[f"_of_{name}"] = each.default_factory
            heads[bool(each.kw_only)].append(f"{name}=_MISSING")
            value = f"_of_{name}() if {name} is _MISSING else {name}"
        else:
            heads[bool(each.kw_only)].append(name)
        lines.append(f" _set(self, {name!r}, {value})")
    keywords = ["*", *heads[True]] if heads[True] else []
    head = f"def __init__({', '.join([*heads[False], *keywords])}):"
    exec("\n".join([head, *(lines or [" pass"])]), given)
    made: Any = given["__init__"]
    made.__qualname__ = f"{kind.__qualname__}.__init__"
    made.__module__ = kind.__module__
    return made


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

    def __setattr__(self, name: str, value: object) -> None:
        raise FrozenInstanceError(f"cannot assign to field {name!r}")

    def __delattr__(self, name: str) -> None:
        raise FrozenInstanceError(f"cannot delete field {name!r}")

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
