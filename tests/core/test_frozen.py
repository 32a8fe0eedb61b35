"""A Frozen class is the frozen dataclass that it stands for, whoever asks first."""

from __future__ import annotations

import copy
import inspect
import pickle
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import FrozenInstanceError, dataclass, field, fields, is_dataclass, replace
from functools import cached_property
from threading import Barrier
from typing import Any, Generic, TypeVar

import pytest

from gpufix.frozen import Frozen
from gpufix.model.base import Model

T = TypeVar("T")


def declared() -> tuple[type, ...]:
    """A family of classes of which nothing has been asked yet."""

    class Base(Frozen):
        name: str

    class Child(Base):
        """With a default of each kind."""

        number: int = 3
        rest: tuple[str, ...] = ()
        notes: list[str] = field(default_factory=list, compare=False)

        @cached_property
        def double(self) -> int:
            return 2 * self.number

    return Base, Child


ASKS: dict[str, Callable[[Any, Any], object]] = {
    "an instance": lambda base, child: child("a"),
    "an instance of its base": lambda base, child: base("a"),
    "fields": lambda base, child: fields(child),
    "fields of its base": lambda base, child: fields(base),
    "whether it is one": lambda base, child: is_dataclass(child),
    "nothing": lambda base, child: None,
}


@pytest.mark.parametrize("first", ASKS)
def test_it_is_a_frozen_dataclass(first: str) -> None:
    base, child = declared()
    ASKS[first](base, child)
    made = child("a", 4)
    assert [f.name for f in fields(child)] == ["name", "number", "rest", "notes"]
    assert is_dataclass(child) and is_dataclass(made) and isinstance(made, base)
    assert made == child("a", number=4) != child("a") and made != base("a")
    assert hash(made) == hash(child("a", 4, notes=["not compared"]))
    assert repr(made).endswith("Child(name='a', number=4, rest=(), notes=[])")
    assert replace(made, name="b") == child("b", 4)
    assert made.double == 8
    assert copy.copy(made) == copy.deepcopy(made) == made
    assert child("x").notes is not child("y").notes
    for wrong in (lambda: child(), lambda: child("a", 1, (), [], 5), lambda: child("a", why=1)):
        with pytest.raises(TypeError):
            wrong()
    for change in (lambda: setattr(made, "name", "b"), lambda: delattr(made, "name")):
        with pytest.raises(FrozenInstanceError):
            change()


def test_a_match_statement_knows_its_fields() -> None:
    _, child = declared()
    match child("a", 5):
        case child(name, number):
            assert (name, number) == ("a", 5)


@pytest.mark.parametrize("options", [{"frozen": True}, {"frozen": True, "slots": True}])
def test_a_third_party_may_decorate_its_own(options: dict[str, bool]) -> None:
    """Payloads of plug-ins were declared so."""
    base, _ = declared()

    @dataclass(**options)  # type: ignore[call-overload]
    class Own(base):  # type: ignore[misc, valid-type]
        where: str

    assert Own("a", "b") == Own(name="a", where="b")
    assert [f.name for f in fields(Own)] == ["name", "where"]


class Of(Frozen, Generic[T]):
    """A generic one."""

    held: T


class Named(Model):
    """Fields by keyword alone, in any order."""

    first: int = 1
    second: str


def test_a_generic_one() -> None:
    assert Of[int](3) == Of(3) and pickle.loads(pickle.dumps(Of(3))) == Of(3)


def test_a_model_is_made_by_keyword() -> None:
    assert (Named(second="b").first, Named(second="b").second) == (1, "b")
    with pytest.raises(TypeError):
        Named(1, "b")  # type: ignore[misc]


def test_a_child_of_a_decorated_class_is_compared_by_all_its_fields() -> None:
    @dataclass(frozen=True)
    class Parent(Frozen):
        name: str

    class Child(Parent):
        number: int

    assert Child("a", 1) != Child("a", 2) and Child("a", 1) == Child("a", 1)
    assert repr(Child("a", 1)).endswith("Child(name='a', number=1)")


def test_its_signature_is_that_of_its_fields() -> None:
    assert [*inspect.signature(Named).parameters] == ["first", "second"]


def test_threads_make_a_class_together() -> None:
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        for _ in range(50):
            _, child = declared()
            barrier = Barrier(4)

            def make(kind: Any = child, together: Barrier = barrier) -> object:
                together.wait()
                return kind("a", notes=[])

            with ThreadPoolExecutor(4) as pool:
                made = [pool.submit(make) for _ in range(4)]
            assert {future.result() for future in made} == {child("a")}
    finally:
        sys.setswitchinterval(interval)
